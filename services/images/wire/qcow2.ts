/**
 * QEMU's copy-on-write image, versions 2 and 3, as far as an image that is handed out needs it (QEMU,
 * docs/interop/qcow2.txt). Numbers are big-endian.
 */
export type Qcow2Header = {
  readonly clusterBytes: number;
  /** Of the disk. */
  readonly bytes: number;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly compression: 'deflate' | 'zstd';
};

export const QCOW2_HEADER_BYTES = 112;
const MAX_L1_ENTRIES = 1 << 22;

/** The header, or why this image cannot be read. */
export function parseQcow2Header(
  head: Uint8Array,
): { readonly ok: true; readonly header: Qcow2Header } | { readonly ok: false; readonly because: string } {
  const refuse = (because: string) => ({ ok: false, because }) as const;
  if (head.length < 72) return refuse('it ends inside its header');
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0) !== 0x51_46_49_fb) return refuse('it is no qcow2');
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) return refuse(`qcow2 version ${version}, want 2 or 3`);
  if (version === 3 && head.length < 104) return refuse('it ends inside its header');
  if (view.getBigUint64(8) !== 0n) return refuse('it has a backing file: qemu-img convert makes it whole');
  const clusterBits = view.getUint32(20);
  if (clusterBits < 9 || clusterBits > 21) return refuse(`clusters of 2^${clusterBits} bytes, want 2^9 to 2^21`);
  if (view.getUint32(32) !== 0) return refuse('it is encrypted');
  const bytes = view.getBigUint64(24);
  const l1Entries = view.getUint32(36);
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER) || l1Entries > MAX_L1_ENTRIES) return refuse('its sizes are not sane');
  const incompatible = version === 3 ? view.getBigUint64(72) : 0n;
  // 0: dirty refcounts, which a reader does not need. 3: the compression type below.
  if ((incompatible & 2n) !== 0n) return refuse('it is marked corrupt: qemu-img check');
  if ((incompatible & 4n) !== 0n) return refuse('its data is in another file');
  if ((incompatible & ~0b1001n) !== 0n)
    return refuse(`it needs features that are not known here (0x${incompatible.toString(16)})`);
  const headerBytes = version === 3 ? view.getUint32(100) : 72;
  const type = (incompatible & 8n) !== 0n && headerBytes > 104 && head.length > 104 ? view.getUint8(104) : 0;
  if (type > 1) return refuse(`compression type ${type}, want 0 or 1`);
  const l1Offset = view.getBigUint64(40);
  const clusterBytes = 2 ** clusterBits;
  const needed = Math.ceil(Number(bytes) / clusterBytes / (clusterBytes / 8));
  if (l1Entries < needed || l1Offset > BigInt(Number.MAX_SAFE_INTEGER))
    return refuse('its tables do not cover the disk');
  return {
    ok: true,
    header: {
      clusterBytes,
      bytes: Number(bytes),
      l1Offset: Number(l1Offset),
      l1Entries: needed,
      compression: type === 1 ? 'zstd' : 'deflate',
    },
  };
}

export type Qcow2Cluster =
  | { readonly kind: 'zero' }
  | { readonly kind: 'plain'; readonly offset: number }
  /** At most so many bytes: the stream tells itself where it ends. */
  | { readonly kind: 'compressed'; readonly offset: number; readonly maxBytes: number };

const OFFSET_MASK = 0x00_ff_ff_ff_ff_ff_fe_00n;

/** Where an L1 entry points to; 0: nothing is allocated there. */
export const l2OffsetOf = (entry: bigint): number => Number(entry & OFFSET_MASK);

/** What an L2 entry says of its cluster. */
export function clusterOf(entry: bigint, clusterBytes: number): Qcow2Cluster {
  if ((entry & (1n << 62n)) !== 0n) {
    const bits = BigInt(62 - (Math.log2(clusterBytes) - 8));
    const offset = Number(entry & ((1n << bits) - 1n));
    const sectors = Number((entry & ((1n << 62n) - 1n)) >> bits) + 1;
    return { kind: 'compressed', offset, maxBytes: sectors * 512 - (offset % 512) };
  }
  const offset = Number(entry & OFFSET_MASK);
  if ((entry & 1n) !== 0n || offset === 0) return { kind: 'zero' };
  return { kind: 'plain', offset };
}
