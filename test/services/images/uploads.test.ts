import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openUploads, UPLOAD_LIMITS } from '#services/images/uploads.ts';

const BYTES = Buffer.from('an image of some length, in several pieces');
const SHA256 = createHash('sha256').update(BYTES).digest('hex');
const total = BYTES.length;
const piece = (from: number, to: number = total) => ({
  sha256: SHA256,
  offset: from,
  total,
  bytes: BYTES.subarray(from, to),
});

async function place() {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-uploads-'));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) };
}

describe('uploads', () => {
  it('count when all of a file has come', async () => {
    await using at = await place();
    const uploads = openUploads({ dir: at.dir });
    assert.deepEqual(await uploads.look(SHA256), { bytes: 0, complete: false });
    assert.deepEqual(await uploads.add(piece(0, 10)), { kind: 'added', bytes: 10, complete: false });
    assert.deepEqual(await readdir(at.dir), ['parts']);
    assert.deepEqual(await uploads.add(piece(10)), { kind: 'added', bytes: total, complete: true });
    assert.deepEqual(await readFile(join(at.dir, SHA256)), BYTES);
    assert.deepEqual(await readdir(join(at.dir, 'parts')), []);
  });

  it('go on after a restart where they were', async () => {
    await using at = await place();
    await openUploads({ dir: at.dir }).add(piece(0, 10));
    const after = openUploads({ dir: at.dir });
    assert.deepEqual(await after.look(SHA256), { bytes: 10, complete: false });
    assert.equal((await after.add(piece(10))).kind, 'added');
    assert.deepEqual(await readFile(join(at.dir, SHA256)), BYTES);
  });

  it('that are here already are not written again', async () => {
    await using at = await place();
    await writeFile(join(at.dir, SHA256), BYTES);
    const uploads = openUploads({ dir: at.dir });
    assert.deepEqual(await uploads.add(piece(0, 10)), { kind: 'added', bytes: total, complete: true });
  });

  it('of two at once of the same file leave it whole', async () => {
    await using at = await place();
    const uploads = openUploads({ dir: at.dir });
    const kinds = (await Promise.all([uploads.add(piece(0, 10)), uploads.add(piece(0, 10))])).map(({ kind }) => kind);
    assert.deepEqual(kinds, ['added', 'elsewhere']);
    await uploads.add(piece(10));
    assert.deepEqual(await readFile(join(at.dir, SHA256)), BYTES);
  });

  it('with another digest leave nothing, and the reason names both', async () => {
    await using at = await place();
    const uploads = openUploads({ dir: at.dir });
    const added = await uploads.add({ ...piece(0), sha256: '0'.repeat(64) });
    assert.equal(added.kind, 'wrong');
    assert.match(added.kind === 'wrong' ? added.because : '', new RegExp(`${SHA256}, want 0{64}$`));
    assert.deepEqual(await readdir(join(at.dir, 'parts')), []);
  });

  for (const [name, given, want] of [
    ['a piece from elsewhere', piece(5), { kind: 'elsewhere', bytes: 0 }],
    ['an empty piece', piece(0, 0), { kind: 'wrong', because: 'the piece is empty' }],
    [
      'a piece beyond the end',
      { ...piece(0), total: 10 },
      { kind: 'wrong', because: `the piece ends at ${total} of 10 bytes` },
    ],
    ['a file too large', { ...piece(0), total: 101 }, { kind: 'wrong', because: 'it has 101 bytes, want at most 100' }],
  ] as const) {
    it(`${name} is refused`, async () => {
      await using at = await place();
      const uploads = openUploads({ dir: at.dir, limits: { ...UPLOAD_LIMITS, bytes: 100 } });
      assert.deepEqual(await uploads.add(given), want);
    });
  }

  it('for which the disk has no room are refused before a byte is written', async () => {
    await using at = await place();
    const uploads = openUploads({ dir: at.dir, limits: { ...UPLOAD_LIMITS, spareBytes: Number.MAX_SAFE_INTEGER } });
    assert.equal((await uploads.add(piece(0))).kind, 'no-room');
    assert.deepEqual(await readdir(join(at.dir, 'parts')), []);
  });
});
