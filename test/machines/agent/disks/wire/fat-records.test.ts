import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openFat } from '#machines/agent/disks/fat-files.ts';
import { encodeFat16 } from '#machines/agent/disks/wire/fat16.ts';
import { clustersOf, decodeFatFolder, decodeFatShape } from '#machines/agent/disks/wire/fat-records.ts';
import { readerOf } from '../../inventory/disk-images.ts';

const MIB = 1 << 20;
const VOLUME = encodeFat16({
  bytes: 16 * MIB,
  sectorBytes: 512,
  label: 'cidata',
  serial: 1,
  files: ['EFI/BOOT/BOOTX64.EFI', 'EFI/debian/BOOTX64.CSV'].map((path) => ({ path, content: Buffer.from(path) })),
});

/** The same numbers each time (xorshift). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

// Volumes that others made are read in test/interop/agent-disks.
describe('a FAT volume', () => {
  it('of ours is read as it was written', async () => {
    const files = await openFat({ read: readerOf(VOLUME) }, 0);
    assert.deepEqual(
      (await files?.list('EFI'))?.map(({ name, folder }) => [name, folder]),
      [
        ['BOOT', true],
        ['debian', true],
      ],
    );
    assert.equal(Buffer.from((await files?.read('efi/boot/bootx64.efi')) ?? []).toString(), 'EFI/BOOT/BOOTX64.EFI');
  });

  it('whose chain is a ring, or leaves the volume, ends', () => {
    const shape = decodeFatShape(VOLUME);
    assert.ok(shape);
    const fat = new Uint8Array(shape.fatBytes);
    const view = new DataView(fat.buffer);
    view.setUint16(4, 3, true);
    view.setUint16(6, 2, true);
    assert.equal(clustersOf(shape, fat, 2).length, shape.clusters);
    view.setUint16(6, 0xfff0, true);
    assert.deepEqual(clustersOf(shape, fat, 2), [2, 3]);
    assert.deepEqual(clustersOf(shape, fat, 0), []);
  });

  it('that is damaged anywhere is read without harm', () => {
    const next = numbers(7);
    for (let round = 0; round < 5000; round++) {
      const sector = VOLUME.slice(0, 512);
      for (let count = 0; count < 4; count++) sector[next() % 62] = next() & 0xff;
      const shape = decodeFatShape(sector.subarray(0, next() % 3 === 0 ? next() % 512 : 512));
      if (shape) assert.ok(shape.clusters > 0 && shape.dataAt > 0 && shape.fatBytes <= 64 * MIB);
      const folder = Uint8Array.from({ length: 256 }, () => next() & 0xff);
      for (const { bytes, cluster } of decodeFatFolder(folder)) assert.ok(bytes >= 0 && Number.isInteger(cluster));
    }
  });
});
