import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  encodeGptTable,
  type GptTable,
  guidBytes,
  lastUsableOf,
  readGptTable,
  withEnd,
  withPartition,
  withProtectiveSize,
} from '#machines/agent/disks/wire/gpt-table.ts';
import { readSignatures } from '#machines/agent/inventory/read-signatures.ts';
import { putGpt, readerOf } from '../../inventory/disk-images.ts';

const MIB = 1 << 20;
const BASIC_DATA = 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7';
const NEW_GUID = '01234567-89AB-CDEF-0123-456789ABCDEF';

function tableOf(disk: Uint8Array, sectorBytes = 512): GptTable {
  const read = readGptTable(disk.subarray(0, MIB), sectorBytes);
  return read.ok ? read.table : assert.fail(read.because);
}

const imageOf = (sectorBytes = 512): Uint8Array =>
  putGpt(
    new Uint8Array(4 * MIB),
    [{ first: MIB / sectorBytes, last: (2 * MIB) / sectorBytes - 1, name: 'ROOT' }],
    sectorBytes,
  );

describe('a GPT', () => {
  for (const sectorBytes of [512, 4096]) {
    it(`is written as it was read, with sectors of ${sectorBytes}`, () => {
      const disk = imageOf(sectorBytes);
      const again = disk.slice();
      const { copy, primary } = encodeGptTable(tableOf(disk, sectorBytes), disk.length / sectorBytes);
      for (const { at, bytes } of [...copy, ...primary]) {
        again.fill(0xaa, at, at + bytes.length);
        again.set(bytes, at);
      }
      assert.deepEqual(again, disk);
    });

    it(`goes to the end of a larger disk, with sectors of ${sectorBytes}`, async () => {
      const sectors = (9 * MIB) / sectorBytes;
      const disk = new Uint8Array(9 * MIB);
      disk.set(imageOf(sectorBytes));
      const table = withEnd(tableOf(disk, sectorBytes), 1, lastUsableOf(tableOf(disk, sectorBytes), sectors));
      const { copy, primary } = encodeGptTable(table, sectors);
      for (const { at, bytes } of [...copy, ...primary]) disk.set(bytes, at);
      const read = tableOf(disk, sectorBytes);
      assert.deepEqual(read.partitions, table.partitions);
      assert.equal(read.partitions[0]?.last, sectors - 2 - 16_384 / sectorBytes);
      // The copy alone says the same.
      disk.fill(0, 0, MIB);
      assert.deepEqual(await readSignatures(readerOf(disk), disk.length, { sectorBytes }), ['gpt', 'gpt:ROOT']);
    });
  }

  it('gets a partition more', () => {
    const added = withPartition(tableOf(imageOf()), {
      type: BASIC_DATA,
      guid: NEW_GUID,
      first: 5000,
      last: 5999,
      name: 'cidata',
    });
    assert.ok(added.ok);
    assert.equal(added.number, 2);
    const { primary } = encodeGptTable(added.table, 8192);
    const head = new Uint8Array(MIB);
    for (const { at, bytes } of primary) head.set(bytes, at);
    assert.deepEqual(tableOf(head).partitions[1], {
      number: 2,
      type: BASIC_DATA,
      first: 5000,
      last: 5999,
      name: 'cidata',
    });
    assert.deepEqual(head.slice(1024 + 128 + 16, 1024 + 128 + 32), guidBytes(NEW_GUID));
  });

  it('has its GUIDs as UEFI orders them', () =>
    assert.equal(Buffer.from(guidBytes(BASIC_DATA)).toString('hex'), 'a2a0d0ebe5b9334487c068b6b72699c7'));

  const spoilt = (change: (disk: Uint8Array) => void): Uint8Array => {
    const disk = imageOf();
    change(disk);
    return disk;
  };
  for (const [what, disk, sectorBytes, because] of [
    ['no table', new Uint8Array(2 * MIB), 512, /there is no GPT/],
    ['a table for other sectors', imageOf(512), 4096, /made for sectors of 512 bytes, the disk’s have 4096/],
    ['a wrong checksum', spoilt((one) => one.set([1], 512 + 57)), 512, /checksum of its GPT is wrong/],
    ['a wrong checksum of entries', spoilt((one) => one.set([1], 1024)), 512, /checksum of its GPT’s entries/],
    ['less than the table', imageOf().slice(0, 2048), 512, /entries of its GPT lie at 2/],
    ['nothing', new Uint8Array(0), 512, /there is no GPT/],
  ] as const) {
    it(`with ${what} is refused`, () => {
      const read = readGptTable(disk, sectorBytes);
      assert.ok(!read.ok);
      assert.match(read.because, because);
    });
  }
});

describe('a protective record', () => {
  it('covers the disk, and its boot code stays', () => {
    const record = imageOf().slice(0, 512);
    record.fill(0x90, 0, 440);
    const changed = withProtectiveSize(record, 100_000);
    assert.equal(new DataView(changed.buffer).getUint32(446 + 12, true), 99_999);
    assert.ok(changed.subarray(0, 440).every((byte) => byte === 0x90));
    const huge = withProtectiveSize(record, 2 ** 33);
    assert.equal(new DataView(huge.buffer).getUint32(446 + 12, true), 0xffff_ffff);
  });

  it('that is a hybrid stays as it is', () => {
    const record = imageOf().slice(0, 512);
    record[462 + 4] = 0x0c;
    assert.deepEqual(withProtectiveSize(record, 100_000), record);
  });
});
