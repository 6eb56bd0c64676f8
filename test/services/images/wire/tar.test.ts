import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeTarHeader, encodeTarHeader, TAR_BLOCK, tarPadding } from '#services/images/wire/tar.ts';

describe('tar', () => {
  for (const size of [0, 1, 511, 512, 8 ** 11 - 1, 8 ** 11, 2 ** 40]) {
    it(`a file of ${size} bytes survives a round trip`, () => {
      const entry = { name: `files/${'a'.repeat(64)}`, size };
      assert.deepEqual(decodeTarHeader(encodeTarHeader(entry)), { kind: 'file', ...entry });
    });
  }

  it('is read by the tar program, names, sizes and bytes', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'ingot-tar-'));
    try {
      const files = [
        ['one', 'first'],
        ['files/two', 'x'.repeat(512)],
        ['three', ''],
      ] as const;
      const blocks = files.flatMap(([name, text]) => [
        encodeTarHeader({ name, size: text.length }),
        Buffer.from(text),
        new Uint8Array(tarPadding(text.length)),
      ]);
      await writeFile(join(dir, 'a.tar'), Buffer.concat([...blocks, new Uint8Array(2 * TAR_BLOCK)]));
      const listed = execFileSync('tar', ['-tf', join(dir, 'a.tar')]).toString();
      assert.equal(listed, 'one\nfiles/two\nthree\n');
      for (const [name, text] of files) {
        assert.equal(execFileSync('tar', ['-xOf', join(dir, 'a.tar'), name]).toString(), text);
      }
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it('reads what the tar program wrote', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'ingot-tar-'));
    try {
      await writeFile(join(dir, 'file'), 'some bytes');
      const written = execFileSync('tar', ['--format=ustar', '-C', dir, '-cf', '-', 'file']);
      assert.deepEqual(decodeTarHeader(written.subarray(0, TAR_BLOCK)), { kind: 'file', name: 'file', size: 10 });
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  for (const [name, change, because] of [
    ['another name', (block: Uint8Array) => void (block[0] = 0x62), /checksum/],
    ['a link', (block: Uint8Array) => retyped(block, '2'), /an entry of type "2"/],
    ['a directory', (block: Uint8Array) => retyped(block, '5'), /an entry of type "5"/],
  ] as const) {
    it(`refuses ${name}`, () => {
      const block = encodeTarHeader({ name: 'a', size: 1 });
      change(block);
      const decoded = decodeTarHeader(block);
      assert.match(decoded.kind === 'malformed' ? decoded.because : decoded.kind, because);
    });
  }

  it('refuses names that no archive of ours has', () => {
    for (const name of ['', 'a b', 'a'.repeat(101), 'ü']) {
      assert.throws(() => encodeTarHeader({ name, size: 1 }), RangeError);
    }
  });

  it('takes any block for a file, an end or malformed, never for an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        assert.ok(['file', 'end', 'malformed'].includes(decodeTarHeader(bytes).kind));
      }),
      { numRuns: 300 },
    );
  });
});

/** With a checksum that fits. */
function retyped(block: Uint8Array, type: string): void {
  const before = block[156] ?? 0;
  block[156] = type.charCodeAt(0);
  const sum = Number.parseInt(Buffer.from(block.subarray(148, 154)).toString(), 8) - before + type.charCodeAt(0);
  block.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
}
