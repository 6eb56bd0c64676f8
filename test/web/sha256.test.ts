import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from '../../web/images/sha256.ts';

test('a digest that is taken piece by piece is that of the whole, wherever the pieces end', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (pieces) => {
      const own = sha256();
      const reference = createHash('sha256');
      for (const piece of pieces) {
        own.update(piece);
        reference.update(piece);
      }
      assert.equal(own.hex(), reference.digest('hex'));
    }),
    { numRuns: 300 },
  );
});

test('every length around the end of a block is padded rightly', () => {
  for (let length = 0; length <= 130; length += 1) {
    const bytes = new Uint8Array(length).fill(length);
    const own = sha256();
    own.update(bytes);
    assert.equal(own.hex(), createHash('sha256').update(bytes).digest('hex'), `${length} bytes`);
  }
});
