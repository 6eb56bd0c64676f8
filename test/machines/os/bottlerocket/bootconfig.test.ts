import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { decodeBootconfig, encodeBootconfig } from '#machines/os/bottlerocket/wire/bootconfig.ts';

/**
 * The text that Bottlerocket's own test begins with (bottlerocket-core-kit a10182f9, sources/api/prairiedog/tests/data),
 * and the SHA-256 of the initrd that it makes of it.
 */
const TEXT = [
  'field.nested_scalar = "nested-scalar"',
  'field.nested_seq = "nested", "seq"',
  'field.nested_struct.double_nested = "double-nested"',
  'init.bark1 = "morning", "night"',
  'init.bark2 = "woof"',
  'init.splash',
  'init.silent = ""',
  'kernel.corn1 = "a", "b", "c"',
  'kernel.corn2 = "hello", "goodbye"',
  'none = ""',
  'other = "burgermaster"',
  'some = "something"',
  '',
].join('\n');
const INITRD_SHA256 = '2fb11bfd987ffc1ec7a1c81348dbcff3a7cc6cef9c166351ec8a2e240fa823ec';

describe('a boot config', () => {
  it('is to the byte what Bottlerocket makes', () => {
    const initrd = encodeBootconfig(TEXT);
    assert.deepEqual([TEXT.length, initrd.length], [321, 344]);
    assert.equal(createHash('sha256').update(initrd).digest('hex'), INITRD_SHA256);
  });

  for (const text of ['', 'kernel {}\n', 'abc', 'kernel.console = "tty1", "ttyS0"\n']) {
    it(`of ${text.length} bytes comes back`, () => {
      const initrd = encodeBootconfig(text);
      assert.equal(initrd.length % 4, 0);
      assert.equal(decodeBootconfig(initrd), text);
    });
  }

  it('that is spoilt is none', () => {
    const initrd = encodeBootconfig(TEXT);
    for (let length = 0; length < initrd.length; length++) {
      assert.equal(decodeBootconfig(initrd.subarray(0, length)), undefined);
    }
    const other = initrd.slice();
    other[3] = 0;
    assert.equal(decodeBootconfig(other), undefined);
  });
});
