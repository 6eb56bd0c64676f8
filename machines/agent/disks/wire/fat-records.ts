import { fieldsOf } from '../../inventory/wire/fields.ts';

/** Where things lie in a FAT volume, in bytes from its beginning. */
export type FatShape = {
  readonly kind: 12 | 16 | 32;
  readonly fatAt: number;
  readonly fatBytes: number;
  /** FAT12 and FAT16 only. */
  readonly root: { readonly at: number; readonly bytes: number };
  /** FAT32 only. */
  readonly rootCluster: number;
  readonly dataAt: number;
  readonly clusterBytes: number;
  readonly clusters: number;
};

export type FatEntry = {
  readonly name: string;
  readonly folder: boolean;
  readonly cluster: number;
  readonly bytes: number;
};

const MAX_FAT_BYTES = 64 << 20;
const ENTRY_BYTES = 32;

/** Reads the boot sector of any FAT (Microsoft's FAT specification 1.03); undefined where it is none that makes sense. */
export function decodeFatShape(sector: Uint8Array): FatShape | undefined {
  const at = fieldsOf(sector);
  if (!at.has(510, [0x55, 0xaa])) return undefined;
  const sectorBytes = at.u16(11) ?? 0;
  const perCluster = at.u8(13) ?? 0;
  const reserved = at.u16(14) ?? 0;
  const fats = at.u8(16) ?? 0;
  const rootBytes = (at.u16(17) ?? 0) * ENTRY_BYTES;
  const sectors = at.u16(19) || (at.u32(32) ?? 0);
  const fatSectors = at.u16(22) || (at.u32(36) ?? 0);
  if (![512, 1024, 2048, 4096].includes(sectorBytes) || ![1, 2, 4, 8, 16, 32, 64, 128].includes(perCluster))
    return undefined;
  if (reserved === 0 || fats === 0 || fats > 2 || fatSectors === 0) return undefined;
  const rootAt = (reserved + fats * fatSectors) * sectorBytes;
  const dataAt = rootAt + Math.ceil(rootBytes / sectorBytes) * sectorBytes;
  const clusters = Math.floor((sectors * sectorBytes - dataAt) / (perCluster * sectorBytes));
  const fatBytes = fatSectors * sectorBytes;
  if (clusters < 1 || fatBytes > MAX_FAT_BYTES) return undefined;
  return {
    kind: clusters < 4085 ? 12 : clusters < 65_525 ? 16 : 32,
    fatAt: reserved * sectorBytes,
    fatBytes,
    root: { at: rootAt, bytes: rootBytes },
    rootCluster: at.u32(44) ?? 0,
    dataAt,
    clusterBytes: perCluster * sectorBytes,
    clusters,
  };
}

/** The clusters of a file from its first one on; shorter where the chain leaves the volume or is a ring. */
export function clustersOf({ kind, clusters }: FatShape, fat: Uint8Array, first: number): readonly number[] {
  const at = fieldsOf(fat);
  const next = (cluster: number): number | undefined => {
    if (kind === 32) return (at.u32(cluster * 4) ?? 0) & 0x0fff_ffff;
    if (kind === 16) return at.u16(cluster * 2);
    const pair = at.u16(cluster + (cluster >> 1)) ?? 0;
    return cluster & 1 ? pair >> 4 : pair & 0xfff;
  };
  const chain: number[] = [];
  for (
    let cluster: number | undefined = first;
    cluster !== undefined && cluster >= 2 && cluster < clusters + 2 && chain.length < clusters;
    cluster = next(cluster)
  ) {
    chain.push(cluster);
  }
  return chain;
}

/** The files and folders that a folder's bytes name, by their long names where they have one. */
export function decodeFatFolder(bytes: Uint8Array): readonly FatEntry[] {
  const entries: FatEntry[] = [];
  let long: string[] = [];
  for (let start = 0; start + ENTRY_BYTES <= bytes.length; start += ENTRY_BYTES) {
    const at = fieldsOf(bytes.subarray(start, start + ENTRY_BYTES));
    const mark = at.u8(0) ?? 0;
    const attributes = at.u8(11) ?? 0;
    if (mark === 0) break;
    if (mark === 0xe5) {
      long = [];
    } else if ((attributes & 0x3f) === 0x0f) {
      long.unshift(longPiece(bytes.subarray(start, start + ENTRY_BYTES)));
    } else {
      const name = long.join('') || shortName(at.text(0, 11) ?? '', at.u8(12) ?? 0);
      long = [];
      // Neither a label nor the folder itself nor its parent.
      if (attributes & 0x08 || mark === 0x2e) continue;
      const cluster = ((at.u16(20) ?? 0) << 16) | (at.u16(26) ?? 0);
      entries.push({ name, folder: (attributes & 0x10) !== 0, cluster, bytes: at.u32(28) ?? 0 });
    }
  }
  return entries;
}

function longPiece(row: Uint8Array): string {
  const units = [...row.subarray(1, 11), ...row.subarray(14, 26), ...row.subarray(28, 32)];
  let text = '';
  for (let index = 0; index < units.length; index += 2) {
    const unit = (units[index] ?? 0) | ((units[index + 1] ?? 0) << 8);
    if (unit === 0 || unit === 0xffff) break;
    text += String.fromCharCode(unit);
  }
  return text;
}

/** Bits 3 and 4 of `flags`: name and extension are shown in small letters, as Windows NT and Linux do. */
function shortName(text: string, flags: number): string {
  const name = text.slice(0, 8).trimEnd();
  const extension = text.slice(8).trimEnd();
  const shown = flags & 0x08 ? name.toLowerCase() : name;
  const end = flags & 0x10 ? extension.toLowerCase() : extension;
  return end === '' ? shown : `${shown}.${end}`;
}
