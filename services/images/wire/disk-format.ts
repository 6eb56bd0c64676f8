/** What a file of a disk's bytes is, by its first bytes; file names lie. */
export type DiskFormat = 'raw' | 'zstd' | 'gzip' | 'xz' | 'lz4' | 'bzip2' | 'qcow2' | 'vmdk' | 'vhdx' | 'vdi';

/** RFC 8878 §3.1.1, RFC 1952 §2.3, the xz and LZ4 frame formats, QEMU's docs/interop/qcow2.txt, MS-VHDX 2.2. */
const MAGICS: readonly (readonly [format: DiskFormat, bytes: readonly number[], at?: number])[] = [
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['qcow2', [0x51, 0x46, 0x49, 0xfb]],
  ['vmdk', [0x4b, 0x44, 0x4d, 0x56]],
  ['vhdx', [0x76, 0x68, 0x64, 0x78, 0x66, 0x69, 0x6c, 0x65]],
  ['vdi', [0x7f, 0x10, 0xda, 0xbe], 0x40],
];
/** So many bytes are enough to tell. */
export const FORMAT_BYTES = 512;

/** A boot sector may begin with anything, and so may an image of a bare file system: what is nothing else is raw. */
export function diskFormatOf(head: Uint8Array): DiskFormat {
  // A disk with a boot sector is one whatever it begins with.
  const isBootSector = head[510] === 0x55 && head[511] === 0xaa;
  const known = MAGICS.find(([, bytes, at = 0]) => bytes.every((byte, index) => head[at + index] === byte));
  return known && !(isBootSector && known[1].length < 4) ? known[0] : 'raw';
}
