import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { lookAtFile } from '#services/images/blob.ts';
import { openDiskImages } from '#services/images/disk-images.ts';

const LIMIT = 1 << 20;
const log = { info() {}, warn() {} };

/** What comes of a file that is given as an image of a disk; and what is left in the folder. */
async function prepared(bytes: Uint8Array) {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-disk-image-'));
  try {
    const path = join(dir, 'image');
    await writeFile(path, bytes);
    const images = openDiskImages({ asset: () => lookAtFile(path), dir: join(dir, 'disks'), log, maxRawBytes: LIMIT });
    await using open = images;
    for (;;) {
      const state = await open.get('x');
      if (state.kind !== 'preparing') return { state, left: readdirSync(join(dir, 'disks')) };
      await new Promise(setImmediate);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

it('a small file that stands for more than any disk is no image, and nothing of it is left', async () => {
  for (const pack of [gzipSync, zstdCompressSync]) {
    const { state, left } = await prepared(pack(Buffer.alloc(4 * LIMIT)));
    assert.equal(state.kind, 'missing');
    assert.match(state.kind === 'missing' ? state.because : '', /holds more than 1048576 bytes/);
    assert.deepEqual(left, []);
    const right = await prepared(pack(Buffer.alloc(LIMIT)));
    assert.equal(right.state.kind, 'ready');
  }
});
