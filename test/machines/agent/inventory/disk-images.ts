import type { ReadAt } from '#machines/agent/inventory/read-signatures.ts';
import { crc32 } from '#machines/agent/inventory/wire/crc32.ts';

/** A disk in memory: zeros, but for what is put on it. Negative places count from the end. */
export function image(
  bytes: number,
  puts: Readonly<Record<number, string | readonly number[] | Uint8Array>> = {},
): Uint8Array {
  const disk = new Uint8Array(bytes);
  for (const [at, what] of Object.entries(puts)) {
    const content = typeof what === 'string' ? Uint8Array.from(what, (character) => character.charCodeAt(0)) : what;
    disk.set(content, Number(at) < 0 ? bytes + Number(at) : Number(at));
  }
  return disk;
}

export const readerOf =
  (disk: Uint8Array): ReadAt =>
  async (into, position) => {
    if (position + into.length > disk.length) throw new Error('beyond the end');
    into.set(disk.subarray(position, position + into.length));
  };

export const le32 = (value: number): readonly number[] => [
  value & 0xff,
  (value >>> 8) & 0xff,
  (value >>> 16) & 0xff,
  value >>> 24,
];
export const be32 = (value: number): readonly number[] => le32(value).toReversed();

export type GptParts = { readonly first: number; readonly last: number; readonly name: string };

/** Puts a protective record, a GPT and its copy on a disk. */
export function putGpt(disk: Uint8Array, parts: readonly GptParts[], sector = 512): Uint8Array {
  const last = disk.length / sector - 1;
  const entries = new Uint8Array(128 * 128);
  const view = new DataView(entries.buffer);
  for (const [index, { first, last: end, name }] of parts.entries()) {
    const at = index * 128;
    entries.fill(0x0f, at, at + 16);
    entries.fill(index + 1, at + 16, at + 32);
    view.setBigUint64(at + 32, BigInt(first), true);
    view.setBigUint64(at + 40, BigInt(end), true);
    for (let place = 0; place < name.length; place++) {
      view.setUint16(at + 56 + place * 2, name.charCodeAt(place), true);
    }
  }
  const entrySectors = entries.length / sector;
  const put = (self: number, other: number, entriesAt: number): void => {
    const header = new Uint8Array(92);
    const fields = new DataView(header.buffer);
    header.set(new TextEncoder().encode('EFI PART'));
    header.set([0, 0, 1, 0, 92], 8);
    fields.setBigUint64(24, BigInt(self), true);
    fields.setBigUint64(32, BigInt(other), true);
    fields.setBigUint64(40, BigInt(2 + entrySectors), true);
    fields.setBigUint64(48, BigInt(last - 1 - entrySectors), true);
    fields.setBigUint64(72, BigInt(entriesAt), true);
    fields.setUint32(80, 128, true);
    fields.setUint32(84, 128, true);
    fields.setUint32(88, crc32(entries), true);
    fields.setUint32(16, crc32(header), true);
    disk.set(header, self * sector);
    disk.set(entries, entriesAt * sector);
  };
  put(1, last, 2);
  put(last, 1, last - entrySectors);
  disk.set([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, ...le32(1), ...le32(last)], 446);
  disk.set([0x55, 0xaa], 510);
  return disk;
}

const MIB = 2 ** 20;

/** What each format looks like at the least, by the name that libblkid has for it. `blkid` reads it so too, unless said. */
export const FORMATS: readonly {
  readonly name: string;
  readonly disk: () => Uint8Array;
  /** Why libblkid does not call this by its name. */
  readonly notByBlkid?: string;
}[] = [
  { name: 'crypto_LUKS', disk: () => image(8 * MIB, { 0: 'LUKS\xba\xbe\0\x01' }) },
  {
    name: 'crypto_LUKS',
    disk: () => image(8 * MIB, { 0x8000: 'SKUL\xba\xbe\0\x02' }),
  },
  { name: 'ceph_bluestore', disk: () => image(4 * MIB, { 0: 'bluestore block device\n' }) },
  { name: 'linux_raid_member', disk: () => image(4 * MIB, { 0: raid(0) }) },
  { name: 'linux_raid_member', disk: () => image(4 * MIB, { 4096: raid(8) }) },
  { name: 'linux_raid_member', disk: () => image(4 * MIB, { [-8192]: raid((4 * MIB - 8192) / 512) }) },
  {
    name: 'linux_raid_member',
    disk: () => image(4 * MIB, { [-65_536]: [...le32(0xa92b4efc), 0, 0, 0, 0, ...le32(90)] }),
  },
  {
    name: 'zfs_member',
    disk: () =>
      image(
        64 * MIB,
        Object.fromEntries(
          Array.from({ length: 16 }, (_, slot) => [
            128 * 1024 + slot * 1024,
            [0x0c, 0xb1, 0xba, 0, 0, 0, 0, 0, 0x88, 0x13],
          ]),
        ),
      ),
  },
  {
    name: 'zfs_member',
    disk: () =>
      image(4 * MIB, {
        [-512 * 1024 + 16_384]: `\x01\x01${'\0'.repeat(9)}\x01${'\0'.repeat(12)}version`,
      }),
    notByBlkid: 'it looks for uberblocks only',
  },
  { name: 'VMFS_volume_member', disk: () => image(4 * MIB, { [MIB]: [0x0d, 0xd0, 0x01, 0xc0] }) },
  { name: 'VMFS', disk: () => image(4 * MIB, { [2 * MIB]: [0x5e, 0xf1, 0xab, 0x2f] }) },
  {
    name: 'isw_raid_member',
    disk: () => image(4 * MIB, { [-1024]: 'Intel Raid ISM Cfg Sig. 1.1.00' }),
  },
  {
    name: 'ddf_raid_member',
    disk: () => image(4 * MIB, { [-512]: be32(0xde11de11) }),
  },
  { name: 'lsi_mega_raid_member', disk: () => image(4 * MIB, { [-512]: '$XIDE$' }) },
  {
    name: 'drbd',
    disk: () => image(4 * MIB, { [-4096 + 60]: be32(0x8374026d) }),
  },
  {
    name: 'bcache',
    disk: () =>
      image(4 * MIB, {
        4120: [0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d, 0x81],
      }),
    notByBlkid: 'it checks a sum',
  },
  {
    name: 'LVM2_member',
    disk: () => image(4 * MIB, { 512: 'LABELONE', 536: 'LVM2 001' }),
    notByBlkid: 'it checks a sum',
  },
  {
    name: 'BitLocker',
    disk: () => image(4 * MIB, { 0: '\xeb\x58\x90-FVE-FS-' }),
    notByBlkid: 'it wants more of the fields',
  },
  {
    name: 'gfs2',
    disk: () => image(4 * MIB, { 65_536: [0x01, 0x16, 0x19, 0x70, 0, 0, 0, 1] }),
    notByBlkid: 'it wants the version',
  },
  { name: 'ocfs2', disk: () => image(4 * MIB, { 4096: 'OCFSV2' }), notByBlkid: 'it wants more of the fields' },
  { name: 'oracleasm', disk: () => image(4 * MIB, { 32: 'ORCLDISK' }) },
  { name: 'swap', disk: () => image(4 * MIB, { 4086: 'SWAPSPACE2', 1024: [1, 0, 0, 0, 0xff] }) },
];

/** Version 1 of MD's superblock, at this sector. */
function raid(sector: number): readonly number[] {
  const block = new Uint8Array(256);
  block.set([...le32(0xa92b4efc), ...le32(1)]);
  block.fill(7, 16, 32);
  block.set(le32(sector), 144);
  return [...block];
}
