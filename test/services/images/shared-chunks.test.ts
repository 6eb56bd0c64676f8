import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { lookAtFile } from '#services/images/blob.ts';
import { type OpenBlob, sharedChunks } from '#services/images/shared-chunks.ts';

const BYTES = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));

async function place(limits: {
  readonly maxBytes: number;
  readonly chunkBytes?: number;
  readonly privateBytes?: number;
}) {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-chunks-'));
  const path = join(dir, 'file');
  await writeFile(path, BYTES);
  const looked = await lookAtFile(path);
  assert.ok(looked.kind === 'found');
  return {
    path,
    blob: looked.blob,
    chunks: sharedChunks({ chunkBytes: 100, privateBytes: 30, ...limits }),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true }),
  };
}

async function readWhole(blob: OpenBlob, size: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < size; ) {
    const chunk = await blob.read(offset);
    assert.ok(chunk.bytes.length > 0);
    pieces.push(Buffer.from(chunk.bytes));
    offset += chunk.bytes.length;
    chunk.release();
  }
  return Buffer.concat(pieces);
}

describe('shared chunks', () => {
  for (const maxBytes of [0, 100, 150, 250, 5000]) {
    it(`give the whole file to several at once within ${maxBytes} bytes`, async () => {
      await using at = await place({ maxBytes });
      const read = async () => {
        const blob = await at.chunks.open(at.blob);
        try {
          return await readWhole(blob, BYTES.length);
        } finally {
          blob.close();
        }
      };
      for (const bytes of await Promise.all([read(), read(), read()])) assert.ok(bytes.equals(BYTES));
      assert.ok(at.chunks.bytesHeld() <= maxBytes);
    });
  }

  it('are read once, and stay as long as there is room', async () => {
    await using at = await place({ maxBytes: 1000 });
    const blob = await at.chunks.open(at.blob);
    await Promise.all([readWhole(blob, 1000), readWhole(blob, 1000)]);
    await readWhole(blob, 1000);
    blob.close();
    assert.equal(at.chunks.chunkReads(), 10);
    assert.equal(at.chunks.bytesHeld(), 1000);
  });

  it('are thrown out least recently used first, and their memory is used again', async () => {
    await using at = await place({ maxBytes: 200 });
    const blob = await at.chunks.open(at.blob);
    const touch = async (offset: number) => (await blob.read(offset)).release();
    await touch(0);
    await touch(100);
    await touch(0);
    await touch(200);
    await touch(0);
    assert.equal(at.chunks.chunkReads(), 3, 'the first was kept');
    await touch(100);
    assert.equal(at.chunks.chunkReads(), 4, 'the second was not');
    blob.close();
  });

  it('that are in use are never thrown out, and keep their bytes', async () => {
    await using at = await place({ maxBytes: 200 });
    const blob = await at.chunks.open(at.blob);
    const [first, second] = [await blob.read(0), await blob.read(100)];
    const third = await blob.read(200);
    assert.equal(third.bytes.length, 30, 'a small piece of its own');
    assert.deepEqual(Buffer.from(third.bytes), BYTES.subarray(200, 230));
    await readWhole(blob, 1000);
    assert.deepEqual(Buffer.from(first.bytes), BYTES.subarray(0, 100));
    assert.deepEqual(Buffer.from(second.bytes), BYTES.subarray(100, 200));
    first.release();
    second.release();
    assert.equal((await blob.read(200)).bytes.length, 100);
    blob.close();
  });

  it('that are read ahead are there when they are wanted', async () => {
    await using at = await place({ maxBytes: 1000 });
    const blob = await at.chunks.open(at.blob);
    blob.readAhead(500);
    (await blob.read(500)).release();
    assert.equal(at.chunks.chunkReads(), 1);
    blob.readAhead(1000);
    blob.close();
  });

  it('of a file that has become another are not given', async () => {
    await using at = await place({ maxBytes: 1000 });
    await writeFile(at.path, 'another');
    await assert.rejects(at.chunks.open(at.blob), /has changed/);
  });

  it('of a file that changes while it is open are not given, and leave no memory behind', async () => {
    await using at = await place({ maxBytes: 1000 });
    const blob = await at.chunks.open(at.blob);
    (await blob.read(0)).release();
    await writeFile(at.path, 'short');
    await assert.rejects(blob.read(500), /the file ended at|has changed/);
    assert.equal(at.chunks.bytesHeld(), 100);
    blob.close();
  });

  it('may be closed while they are read', async () => {
    await using at = await place({ maxBytes: 1000 });
    const blob = await at.chunks.open(at.blob);
    const reading = blob.read(0);
    blob.close();
    // Another who comes now waits for the same chunk, and must not suffer from who has gone.
    const other = await at.chunks.open(at.blob);
    assert.deepEqual(Buffer.from((await other.read(0)).bytes), BYTES.subarray(0, 100));
    assert.deepEqual(Buffer.from((await reading).bytes), BYTES.subarray(0, 100));
    assert.equal(at.chunks.chunkReads(), 1);
    other.close();
  });
});
