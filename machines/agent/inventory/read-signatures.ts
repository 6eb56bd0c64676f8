import { lineOf } from './decide/clean-text.ts';
import { decodeGptEntries, decodeGptHeader, type GptHeader, gptEntriesBytes } from './wire/gpt.ts';
import { decodeMbr, isExtended } from './wire/mbr.ts';
import { type Piece, recognise, spansOf } from './wire/signatures.ts';

/** Reads into the whole of `into`; rejects where that cannot be. Never writes. */
export type ReadAt = (into: Uint8Array, position: number) => Promise<void>;

export type Partition = { readonly offset: number; readonly bytes: number; readonly name?: string };

/** As many as an inventory holds signatures for; a hostile table must not be worked through. */
const MAX_PARTITIONS = 256;
const MAX_SIGNATURES = 256;
/** The kernel too follows no more logical partitions than this. */
const MAX_LOGICAL = 64;

/**
 * What is on a disk of `bytes` bytes by its signatures, its partitions included, sorted: names as libblkid has them
 * (`gpt`, `ext4`, `LVM2_member`), and `gpt:NAME` for each named GPT partition. Everything is read through `read`, so
 * that it tells of one open descriptor and not of a name. Rejects where the disk's first sector cannot be read; other
 * places that cannot be read are as if nothing were there, and `unread` hears of each.
 */
export async function readSignatures(
  readDisk: ReadAt,
  bytes: number,
  options: { readonly sectorBytes?: number; readonly unread?: (position: number, cause: unknown) => void } = {},
): Promise<readonly string[]> {
  const { sectorBytes = 512, unread } = options;
  if (bytes >= 512) await readDisk(new Uint8Array(Math.min(4096, bytes)), 0);
  const read: ReadAt = async (into, position) => {
    try {
      await readDisk(into, position);
    } catch (cause) {
      // A table that points beyond the end is no fault of the disk.
      if (position + into.length <= bytes) unread?.(position, cause);
      throw cause;
    }
  };
  const found = new Set(await recogniseAt(read, { offset: 0, bytes }));
  for (const partition of await readPartitions(read, bytes, sectorBytes)) {
    const name = lineOf(partition.name);
    if (name !== undefined) found.add(`gpt:${name.slice(0, 72)}`);
    for (const one of await recogniseAt(read, partition)) found.add(one);
  }
  return [...found].toSorted().slice(0, MAX_SIGNATURES);
}

async function recogniseAt(read: ReadAt, { offset, bytes }: Partition): Promise<readonly string[]> {
  const pieces: Piece[] = [];
  for (const span of spansOf(bytes)) {
    const piece = await tryRead(read, offset + span.offset, span.length);
    if (piece) pieces.push({ offset: span.offset, bytes: piece });
  }
  return recognise(bytes, pieces);
}

/** Where the partitions lie by what stands on the disk: the kernel may hold an older table. */
export async function readPartitions(read: ReadAt, bytes: number, sectorBytes: number): Promise<readonly Partition[]> {
  // An image of a disk with other sectors, copied here, has its table where those put it.
  for (const sector of new Set([sectorBytes, 512, 4096])) {
    const gpt = await readGpt(read, bytes, sector);
    if (gpt.length > 0) return gpt;
  }
  return readDos(read, bytes, sectorBytes);
}

async function readGpt(read: ReadAt, bytes: number, sector: number): Promise<readonly Partition[]> {
  const headerAt = async (lba: number): Promise<GptHeader | undefined> => {
    const piece = await tryRead(read, lba * sector, sector);
    return piece && decodeGptHeader(piece);
  };
  // The copy counts where the first one is damaged or gone.
  for (const lba of [1, Math.floor(bytes / sector) - 1]) {
    const header = await headerAt(lba);
    const length = header ? gptEntriesBytes(header) : 0;
    const entries = header && length > 0 ? await tryRead(read, header.entriesAt * sector, length) : undefined;
    if (!header || !entries) continue;
    const { partitions } = decodeGptEntries(entries, header);
    const within = partitions
      .map(({ first, last, name }) => ({ offset: first * sector, bytes: (last - first + 1) * sector, name }))
      .filter((one) => one.offset > 0 && one.offset + one.bytes <= bytes);
    if (within.length > 0) return within.slice(0, MAX_PARTITIONS);
  }
  return [];
}

async function readDos(read: ReadAt, bytes: number, sector: number): Promise<readonly Partition[]> {
  const first = await tryRead(read, 0, 512);
  const table = first && decodeMbr(first);
  if (table?.kind !== 'dos') return [];
  const found: Partition[] = [];
  for (const partition of table.partitions) {
    if (!isExtended(partition)) {
      found.push({ offset: partition.first * sector, bytes: partition.sectors * sector });
      continue;
    }
    // A chain of records, each with one partition relative to itself and the next record relative to the chain's start.
    let next: number | undefined = 0;
    for (let link = 0; next !== undefined && link < MAX_LOGICAL; link++) {
      const at: number = partition.first + next;
      const piece = await tryRead(read, at * sector, 512);
      const record = piece && decodeMbr(piece);
      const logical = record?.partitions.find((one) => !isExtended(one));
      if (logical) found.push({ offset: (at + logical.first) * sector, bytes: logical.sectors * sector });
      const following: number | undefined = record?.partitions.find(isExtended)?.first;
      // Backwards would be a ring.
      next = following !== undefined && following > next ? following : undefined;
    }
  }
  return found.filter((one) => one.offset > 0 && one.offset + one.bytes <= bytes).slice(0, MAX_PARTITIONS);
}

async function tryRead(read: ReadAt, position: number, length: number): Promise<Uint8Array | undefined> {
  if (!Number.isSafeInteger(position) || position < 0) return undefined;
  const into = new Uint8Array(length);
  try {
    await read(into, position);
    return into;
  } catch {
    return undefined;
  }
}
