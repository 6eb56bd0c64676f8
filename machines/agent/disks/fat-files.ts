import type { Disk } from './disk.ts';
import { clustersOf, decodeFatFolder, decodeFatShape, type FatEntry } from './wire/fat-records.ts';

/** A folder or file of a loader's; nobody's is larger. */
const MAX_BYTES = 1 << 20;

/** Reads what lies in a FAT volume of a disk, without the kernel's file system. FAT knows no case. */
export type FatFiles = {
  /** Names in a folder; none where there is no such folder. */
  list(folder: string): Promise<readonly FatEntry[]>;
  /** A small file; undefined where it is not there or is too large. */
  read(path: string): Promise<Uint8Array | undefined>;
};

/** Of the volume that begins at byte `offset` of the disk; undefined where no FAT is there. */
export async function openFat(disk: Pick<Disk, 'read'>, offset: number): Promise<FatFiles | undefined> {
  const bytesAt = async (at: number, length: number): Promise<Uint8Array> => {
    const into = new Uint8Array(length);
    await disk.read(into, offset + at);
    return into;
  };
  const shape = decodeFatShape(await bytesAt(0, 512));
  if (!shape) return undefined;
  const { kind, root, rootCluster, dataAt, clusterBytes } = shape;
  const fat = await bytesAt(shape.fatAt, shape.fatBytes);
  const chained = async (first: number): Promise<Uint8Array> => {
    const chain = clustersOf(shape, fat, first).slice(0, Math.ceil(MAX_BYTES / clusterBytes));
    const pieces: Uint8Array[] = [];
    for (const cluster of chain) pieces.push(await bytesAt(dataAt + (cluster - 2) * clusterBytes, clusterBytes));
    return Buffer.concat(pieces);
  };
  const find = async (path: string): Promise<FatEntry | undefined> => {
    let entry: FatEntry | undefined;
    let entries = decodeFatFolder(kind === 32 ? await chained(rootCluster) : await bytesAt(root.at, root.bytes));
    for (const name of path.split('/').filter((one) => one !== '')) {
      if (entry) entries = entry.folder ? decodeFatFolder(await chained(entry.cluster)) : [];
      entry = entries.find((one) => one.name.toLowerCase() === name.toLowerCase());
      if (!entry) return undefined;
    }
    return entry;
  };
  return {
    async list(folder) {
      const entry = await find(folder);
      return entry?.folder === true ? decodeFatFolder(await chained(entry.cluster)) : [];
    },
    async read(path) {
      const entry = await find(path);
      if (!entry || entry.folder || entry.bytes > MAX_BYTES) return undefined;
      return (await chained(entry.cluster)).subarray(0, entry.bytes);
    },
  };
}
