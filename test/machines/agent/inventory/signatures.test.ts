import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPartitions, readSignatures } from '#machines/agent/inventory/read-signatures.ts';
import { spansOf } from '#machines/agent/inventory/wire/signatures.ts';
import { FORMATS, image, le32, putGpt, readerOf } from './disk-images.ts';

const MIB = 2 ** 20;
const on = (disk: Uint8Array, sectorBytes?: number) =>
  readSignatures(readerOf(disk), disk.length, sectorBytes === undefined ? {} : { sectorBytes });

describe('what is on a disk', () => {
  for (const [index, { name, disk }] of FORMATS.entries()) {
    it(`${name} (${index}) is seen, alone and in a partition`, async () => {
      assert.deepEqual(await on(disk()), [name]);
      const inside = disk();
      const whole = putGpt(image(inside.length + 4 * MIB), [
        { first: 4096, last: 4096 + inside.length / 512 - 1, name: 'data' },
      ]);
      whole.set(inside, 4096 * 512);
      assert.deepEqual(await on(whole), [name, 'gpt', 'gpt:data'].toSorted());
    });
  }

  it('zeros are nothing, and so is noise', async () => {
    assert.deepEqual(await on(image(3 * MIB)), []);
    let state = 7;
    const noise = image(3 * MIB).map(() => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 24;
    });
    assert.deepEqual(await on(noise), []);
  });

  for (const size of [0, 1, 511, 512, 513, 4096, 65_535, 131_072, 262_144, 524_288 + 512]) {
    it(`a disk of ${size} bytes is read within its bounds`, async () => {
      assert.deepEqual(await on(image(size)), []);
      for (const { offset, length } of spansOf(size)) assert.ok(offset >= 0 && length > 0 && offset + length <= size);
    });
  }

  it('a FAT boot sector is no partition table, and a table no FAT', async () => {
    const boot = [0xeb, 0x3c, 0x90, ...Buffer.from('MSDOS5.0'), 0, 2, 4, 1, 0, 2, 0, 2, 0, 0, 0xf8, 200, 0];
    assert.deepEqual(await on(image(MIB, { 0: boot, 510: [0x55, 0xaa] })), ['vfat']);
    const table = image(4 * MIB, { 450: [0x83], 454: [...le32(2048), ...le32(2048)], 510: [0x55, 0xaa] });
    assert.deepEqual(await on(table), ['dos']);
  });

  it('a protective record without its GPT is half of a table', async () => {
    const disk = putGpt(image(4 * MIB), []);
    disk.fill(0, 512, 1024);
    disk.fill(0, disk.length - 512);
    assert.deepEqual(await on(disk), ['PMBR']);
  });

  it('names of partitions are told, once, without what a terminal obeys', async () => {
    const parts = ['STATE', 'BOTTLEROCKET-ROOT-A', 'STATE', '', 'a\x1b[2Jb'].map((name, index) => ({
      first: 64 + index * 8,
      last: 71 + index * 8,
      name,
    }));
    assert.deepEqual(await on(putGpt(image(MIB), parts)), [
      'gpt',
      'gpt:BOTTLEROCKET-ROOT-A',
      'gpt:STATE',
      'gpt:a [2Jb',
    ]);
  });

  it('the copy of a GPT counts where the first is gone, and sectors of 4096 bytes are found', async () => {
    const disk = putGpt(image(4 * MIB), [{ first: 2048, last: 4095, name: 'EPHEMERAL' }]);
    disk.fill(0, 0, 34 * 512);
    assert.deepEqual(await on(disk), ['gpt', 'gpt:EPHEMERAL']);
    const large = putGpt(image(4 * MIB), [{ first: 256, last: 511, name: 'META' }], 4096);
    assert.deepEqual(await on(large, 4096), ['gpt', 'gpt:META']);
    assert.deepEqual(await on(large, 512), ['gpt', 'gpt:META']);
  });

  it('logical partitions are walked, and a chain that bites its tail ends', async () => {
    const record = (parts: readonly (readonly [type: number, first: number, sectors: number])[]): number[] => [
      ...parts.flatMap(([type, first, sectors]) => [0, 0, 0, 0, type, 0, 0, 0, ...le32(first), ...le32(sectors)]),
      ...Array(64 - parts.length * 16).fill(0),
      0x55,
      0xaa,
    ];
    const disk = image(8 * MIB, {
      446: record([
        [0x83, 64, 64],
        [0x05, 1024, 8192],
      ]),
      [1024 * 512 + 446]: record([
        [0x83, 64, 64],
        [0x05, 2048, 1024],
      ]),
      [3072 * 512 + 446]: record([
        [0x83, 64, 2048],
        [0x05, 0, 1024],
      ]),
      [(3072 + 64) * 512]: 'bluestore block device',
    });
    assert.deepEqual(
      (await readPartitions(readerOf(disk), disk.length, 512)).map(({ offset }) => offset / 512),
      [64, 1024 + 64, 3072 + 64],
    );
    assert.deepEqual(await on(disk), ['ceph_bluestore', 'dos']);
  });

  it('what the whole disk and several partitions show is told together', async () => {
    const disk = putGpt(image(16 * MIB), [
      { first: 2048, last: 8191, name: 'one' },
      { first: 8192, last: 16_383, name: 'two' },
    ]);
    disk.set(FORMATS[2]?.disk().subarray(0, 64) ?? [], 2048 * 512);
    disk.set(FORMATS[0]?.disk().subarray(0, 64) ?? [], 8192 * 512);
    assert.deepEqual(await on(disk), ['ceph_bluestore', 'crypto_LUKS', 'gpt', 'gpt:one', 'gpt:two']);
  });

  it('a place that cannot be read is as if it were empty and is told of, but for the first', async () => {
    const disk = FORMATS[2]?.disk() ?? image(MIB);
    const read = readerOf(disk);
    const unread: number[] = [];
    assert.deepEqual(
      await readSignatures(
        (into, at) => (at > 900_000 ? Promise.reject(new Error('EIO')) : read(into, at)),
        disk.length,
        { unread: (position) => unread.push(position) },
      ),
      ['ceph_bluestore'],
    );
    assert.ok(unread.length > 0 && unread.every((position) => position > 900_000), String(unread));
    await assert.rejects(
      readSignatures(() => Promise.reject(new Error('EIO')), disk.length),
      /EIO/,
    );
  });
});
