import { type Fields, fieldsOf } from './fields.ts';
import { decodeGptHeader } from './gpt.ts';
import { decodeMbr } from './mbr.ts';

/** A stretch of a disk or partition, in bytes. */
export type Span = { readonly offset: number; readonly length: number };
export type Piece = { readonly offset: number; readonly bytes: Uint8Array };

const KIB = 1024;
const MIB = 1024 * KIB;
/** Up to the page before the last of a 64 KiB page swap, and the superblocks at 64 KiB. */
const HEAD_BYTES = 68 * KIB;
/** DDF's second place is 257 sectors from the end, MD 0.90 up to 128 KiB. */
const TAIL_BYTES = 136 * KIB;

/**
 * What must be read of a disk or partition of `size` bytes before it can be recognised: about 300 KiB in all, at both
 * ends and where a few formats keep something in between.
 */
export function spansOf(size: number): readonly Span[] {
  const label = 256 * KIB;
  const end = Math.floor(size / label) * label;
  const spans: Span[] = [
    { offset: 0, length: Math.min(HEAD_BYTES, size) },
    { offset: Math.max(0, size - TAIL_BYTES), length: Math.min(TAIL_BYTES, size) },
    // ZFS: four labels, each with a list of names after 16 KiB and its ring of uberblocks after 128 KiB.
    ...[0, label, end - 2 * label, end - label].flatMap((at) => [
      { offset: at + 16 * KIB, length: 4 * KIB },
      { offset: at + 128 * KIB, length: 16 * KIB },
    ]),
    { offset: MIB, length: 512 },
    { offset: 2 * MIB, length: 512 },
    ...LUKS2_SECONDARY.map((offset) => ({ offset, length: 512 })),
  ];
  return spans.filter(({ offset, length }) => length > 0 && offset >= 0 && offset + length <= size);
}

/** LUKS2 keeps a second header at one of these, by the size of the first (on-disk format §2.1). */
const LUKS2_SECONDARY = [0x4000, 0x8000, 0x10_000, 0x20_000, 0x40_000, 0x80_000, 0x10_0000, 0x20_0000, 0x40_0000];

type Volume = {
  readonly size: number;
  /** The fields from this offset on, as far as they were read: looks at `at(offset).has(0, …)` are always safe. */
  readonly at: (offset: number) => Fields;
};

const NOTHING = fieldsOf(new Uint8Array(0));

function volumeOf(size: number, pieces: readonly Piece[]): Volume {
  return {
    size,
    at(offset) {
      const piece = pieces.find((one) => offset >= one.offset && offset < one.offset + one.bytes.length);
      return piece ? fieldsOf(piece.bytes.subarray(offset - piece.offset)) : NOTHING;
    },
  };
}

type Mark = { readonly name: string; readonly at: readonly number[]; readonly magic: string | readonly number[] };

/** Formats that a constant at a fixed place tells. Names are libblkid's, which people know from `lsblk` and `blkid`. */
const MARKS: readonly Mark[] = [
  { name: 'crypto_LUKS', at: [0], magic: 'LUKS\xba\xbe' },
  { name: 'crypto_LUKS', at: LUKS2_SECONDARY, magic: 'SKUL\xba\xbe' },
  { name: 'ceph_bluestore', at: [0], magic: 'bluestore block device' },
  { name: 'xfs', at: [0], magic: 'XFSB' },
  { name: 'btrfs', at: [0x1_0040], magic: '_BHRfS_M' },
  { name: 'ntfs', at: [3], magic: 'NTFS    ' },
  { name: 'exfat', at: [3], magic: 'EXFAT   ' },
  { name: 'BitLocker', at: [3], magic: '-FVE-FS-' },
  { name: 'ReFS', at: [0], magic: '\0\0\0ReFS\0' },
  { name: 'squashfs', at: [0], magic: 'hsqs' },
  { name: 'squashfs', at: [0], magic: 'sqsh' },
  { name: 'erofs', at: [1024], magic: [0xe2, 0xe1, 0xf5, 0xe0] },
  { name: 'f2fs', at: [1024], magic: [0x10, 0x20, 0xf5, 0xf2] },
  { name: 'cramfs', at: [0, 512], magic: [0x45, 0x3d, 0xcd, 0x28] },
  { name: 'jfs', at: [0x8000], magic: 'JFS1' },
  { name: 'reiserfs', at: [0x2034, 0x1_0034], magic: 'ReIsErFs' },
  { name: 'reiserfs', at: [0x2034, 0x1_0034], magic: 'ReIsEr2Fs' },
  { name: 'reiserfs', at: [0x2034, 0x1_0034], magic: 'ReIsEr3Fs' },
  { name: 'apfs', at: [32], magic: 'NXSB' },
  { name: 'iso9660', at: [0x8001], magic: 'CD001' },
  { name: 'udf', at: Array.from({ length: 16 }, (_, index) => 0x8001 + index * 2048), magic: 'NSR02' },
  { name: 'udf', at: Array.from({ length: 16 }, (_, index) => 0x8001 + index * 2048), magic: 'NSR03' },
  { name: 'ocfs2', at: [1024, 2048, 4096, 8192], magic: 'OCFSV2' },
  // fs/gfs2: magic, then the type of a superblock.
  { name: 'gfs2', at: [0x1_0000], magic: [0x01, 0x16, 0x19, 0x70, 0, 0, 0, 1] },
  { name: 'oracleasm', at: [32], magic: 'ORCLDISK' },
  { name: 'VMFS_volume_member', at: [MIB], magic: [0x0d, 0xd0, 0x01, 0xc0] },
  { name: 'VMFS', at: [2 * MIB], magic: [0x5e, 0xf1, 0xab, 0x2f] },
  {
    name: 'bcache',
    at: [4096 + 24],
    magic: [0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d, 0x81],
  },
  {
    name: 'bcachefs',
    at: [4096 + 24],
    magic: [0xc6, 0x85, 0x73, 0xf6, 0x66, 0xce, 0x90, 0xa9, 0xd9, 0x6a, 0x60, 0xcf, 0x80, 0x3d, 0xf7, 0xef],
  },
  { name: 'stratis', at: [516, 4612], magic: '!Stra0tis\x86\xff\x02^\x41rh' },
  { name: 'vdo', at: [0], magic: 'dmvdo001' },
  { name: 'DM_verity_hash', at: [0], magic: 'verity\0\0' },
  { name: 'DM_integrity', at: [0], magic: 'integrt\0' },
  { name: 'DM_snapshot_cow', at: [0], magic: 'SnAp' },
];

/** Every other format: what it takes to see it, beyond one constant. */
const TESTS: readonly { readonly name: string; readonly test: (volume: Volume) => boolean }[] = [
  { name: 'gpt', test: hasGpt },
  { name: 'dos', test: (volume) => !isFat(volume) && mbrOf(volume)?.kind === 'dos' },
  // The mark that a GPT follows, without one: half of a table, or one that was wiped badly.
  { name: 'PMBR', test: (volume) => mbrOf(volume)?.kind === 'protective' && !hasGpt(volume) },
  { name: 'vfat', test: isFat },
  // BitLocker To Go hides in a FAT boot sector; the identifier at 424 tells it.
  {
    name: 'BitLocker',
    test: ({ at }) =>
      at(0).has(3, 'MSWIN4.1') &&
      at(0).has(424, [0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a, 0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01]),
  },
  { name: 'ext2', test: (volume) => extOf(volume) === 'ext2' },
  { name: 'ext3', test: (volume) => extOf(volume) === 'ext3' },
  { name: 'ext4', test: (volume) => extOf(volume) === 'ext4' },
  { name: 'jbd', test: (volume) => extOf(volume) === 'jbd' },
  { name: 'swap', test: (volume) => hasAtPageEnd(volume, ['SWAPSPACE2', 'SWAP-SPACE']) },
  {
    name: 'swsuspend',
    test: (volume) => hasAtPageEnd(volume, ['S1SUSPEND', 'S2SUSPEND', 'ULSUSPEND', 'LINHIB0001']),
  },
  { name: 'nilfs2', test: ({ at }) => at(1024).u32(0) === 2 && at(1024).u16(6) === 0x3434 },
  {
    name: 'hfsplus',
    test: ({ at }) =>
      (at(1024).has(0, 'H+') && at(1024).be16(2) === 4) || (at(1024).has(0, 'HX') && at(1024).be16(2) === 5),
  },
  // The label lies in one of the first four sectors.
  {
    name: 'LVM2_member',
    test: ({ at }) =>
      [0, 512, 1024, 1536].some((place) => at(place).has(0, 'LABELONE') && at(place).has(24, 'LVM2 001')),
  },
  { name: 'zfs_member', test: isZfs },
  { name: 'linux_raid_member', test: isLinuxRaid },
  { name: 'drbd', test: isDrbd },
  // The rest are controllers' RAIDs, whose metadata lies at the end of the disk.
  {
    name: 'isw_raid_member',
    test: ({ size, at }) => [1024, 8192].some((back) => at(size - back).has(0, 'Intel Raid ISM Cfg Sig. ')),
  },
  {
    name: 'ddf_raid_member',
    test: ({ size, at }) => [0x200, 0x2_0200, 0x1000].some((back) => at(size - back).be32(0) === 0xde11_de11),
  },
  { name: 'lsi_mega_raid_member', test: ({ size, at }) => at(size - 512).has(0, '$XIDE$') },
  { name: 'nvidia_raid_member', test: ({ size, at }) => at(size - 1024).has(0, 'NVIDIA') },
  { name: 'adaptec_raid_member', test: ({ size, at }) => at(size - 512).be32(0) === 0x37fc_4d1e },
  {
    name: 'promise_fasttrack_raid_member',
    test: ({ size, at }) => [16, 63, 255, 256].some((back) => at(size - back * 512).has(0, 'Promise Technology, Inc.')),
  },
  {
    name: 'highpoint_raid_member',
    test: ({ size, at }) =>
      [at(0x1200 + 32).u32(0), at(size - 11 * 512).u32(0)].some((magic) =>
        [0x5a78_16f0, 0x5a78_16f3, 0x5a78_16fd].includes(magic ?? 0),
      ),
  },
];

/**
 * What is on a disk or partition of `size` bytes, by the pieces that `spansOf` names; a piece that could not be read is
 * left out. Several may be: a disk keeps the marks of what it was. Sees every mark that is there, also a damaged one,
 * since it decides what is shown to whoever confirms a wipe.
 */
export function recognise(size: number, pieces: readonly Piece[]): readonly string[] {
  const volume = volumeOf(size, pieces);
  const found = new Set<string>();
  for (const { name, test } of TESTS) if (test(volume)) found.add(name);
  for (const { name, at, magic } of MARKS) if (at.some((offset) => volume.at(offset).has(0, magic))) found.add(name);
  return [...found];
}

const mbrOf = ({ at }: Volume): ReturnType<typeof decodeMbr> => {
  const sector = at(0).bytes(0, 512);
  return sector && decodeMbr(sector);
};

/** At the second sector, or the copy in the last one. */
function hasGpt({ size, at }: Volume): boolean {
  return [512, 4096, size - 512, size - 4096].some((place) => {
    const sector = at(place).bytes(0, 512);
    return sector !== undefined && decodeGptHeader(sector) !== undefined;
  });
}

/** The fields of a FAT boot sector must make sense: its last two bytes are every boot record's. */
function isFat({ at }: Volume): boolean {
  const boot = at(0);
  if (!boot.has(510, [0x55, 0xaa]) || ![0xeb, 0xe9].includes(boot.u8(0) ?? 0)) return false;
  const sector = boot.u16(11) ?? 0;
  const cluster = boot.u8(13) ?? 0;
  const powerOfTwo = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;
  return (
    powerOfTwo(sector) &&
    sector >= 512 &&
    sector <= 4096 &&
    powerOfTwo(cluster) &&
    (boot.u16(14) ?? 0) > 0 &&
    [1, 2].includes(boot.u8(16) ?? 0) &&
    (boot.u8(21) ?? 0) >= 0xf0
  );
}

/** By the features that its superblock says it needs: the family shares one magic number. */
function extOf({ at }: Volume): 'ext2' | 'ext3' | 'ext4' | 'jbd' | undefined {
  const block = at(1024);
  const [compat, incompat, readonly] = [block.u32(0x5c), block.u32(0x60), block.u32(0x64)];
  // Two bytes are little: blocks of at most 64 KiB and revision 0 or 1 make it a superblock.
  if ((block.u32(0x18) ?? 7) > 6 || (block.u32(0x4c) ?? 2) > 1) return undefined;
  if (!block.has(0x38, [0x53, 0xef]) || compat === undefined || incompat === undefined || readonly === undefined) {
    return undefined;
  }
  if (incompat & 0x8) return 'jbd';
  if (readonly & ~0x7 || incompat & ~0x16) return 'ext4';
  if (compat & 0x4) return 'ext3';
  return incompat & 0x4 ? 'ext4' : 'ext2';
}

/** Ten bytes before the end of the first page, for each size of page. */
const hasAtPageEnd = ({ at }: Volume, marks: readonly string[]): boolean =>
  [4, 8, 16, 32, 64].some((kib) => marks.some((mark) => at(kib * KIB - 10).has(0, mark)));

/** An XDR list with a `version`, in any of the four labels, or an uberblock in either byte order. */
function isZfs({ size, at }: Volume): boolean {
  const label = 256 * KIB;
  const end = Math.floor(size / label) * label;
  return [0, label, end - 2 * label, end - label].some((start) => {
    const list = at(start + 16 * KIB);
    // nvs_encoding 1 (XDR), either endian, two reserved bytes; then nvl_version 0 and NV_UNIQUE_NAME.
    const isList = list.u8(0) === 1 && (list.u16(2) ?? 1) === 0 && list.has(4, [0, 0, 0, 0, 0, 0, 0, 1]);
    if (isList && list.has(24, 'version')) return true;
    const ring = at(start + 128 * KIB);
    for (let slot = 0; slot < 16 * KIB; slot += KIB) {
      if (ring.has(slot, [0x0c, 0xb1, 0xba, 0, 0, 0, 0, 0]) || ring.has(slot, [0, 0, 0, 0, 0, 0xba, 0xb1, 0x0c])) {
        return true;
      }
    }
    return false;
  });
}

/** Version 1.x says where it lies: 1.1 at the start, 1.2 after 4 KiB, 1.0 near the end. Version 0.90 lies in the last 128 KiB. */
function isLinuxRaid({ size, at }: Volume): boolean {
  const ONE = 0xa92b_4efc;
  const nearEnd = Math.floor((size - 8 * KIB) / 4096) * 4096;
  const isOne = (place: number): boolean =>
    at(place).u32(0) === ONE && at(place).u32(4) === 1 && at(place).u64(144) === place / 512;
  if (isOne(0) || isOne(4096) || isOne(nearEnd)) return true;
  const old = at(Math.floor(size / (64 * KIB)) * 64 * KIB - 64 * KIB);
  return (old.u32(0) === ONE && old.u32(4) === 0) || (old.be32(0) === ONE && old.be32(4) === 0);
}

/** Internal metadata is the last 4 KiB of the backing device; the magic says 8, 8.4 unclean, or 9. */
function isDrbd({ size, at }: Volume): boolean {
  const end = Math.floor(size / 4096) * 4096;
  return [0x8374_026b, 0x8374_026c, 0x8374_026d].includes(at(end - 4096).be32(60) ?? 0);
}
