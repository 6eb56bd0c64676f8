import { crc32 } from '../../inventory/wire/crc32.ts';
import { fieldsOf } from '../../inventory/wire/fields.ts';
import {
  decodeGptEntries,
  decodeGptHeader,
  type GptPartition,
  gptEntriesBytes,
  guidText,
} from '../../inventory/wire/gpt.ts';

/**
 * A GUID partition table to be changed and written (UEFI 2.10 §5.3). What is not understood, such as attributes and the
 * reserved rest of long entries, stays as it was. Places are in sectors.
 */
export type GptTable = {
  readonly sectorBytes: number;
  /** As it lies on the disk. */
  readonly diskGuid: Uint8Array;
  readonly revision: number;
  readonly firstUsable: number;
  /** Of the primary entries. */
  readonly entriesAt: number;
  readonly entryCount: number;
  readonly entryBytes: number;
  readonly entries: Uint8Array;
  readonly partitions: readonly GptPartition[];
};

/** `other-sectors`: a disk with sectors of this size cannot boot by it. */
export type GptRead =
  | { readonly ok: true; readonly table: GptTable }
  | { readonly ok: false; readonly kind: 'none' | 'other-sectors' | 'broken'; readonly because: string };

export type GptChange =
  | { readonly ok: true; readonly table: GptTable; readonly number: number }
  | { readonly ok: false; readonly because: string };

const HEADER_BYTES = 92;
const ENTRY_FIELDS_BYTES = 128;
const NAME_UNITS = 36;
const PROTECTIVE = 0xee;
/** The largest that 32 bits of a boot record can say (§5.2.3). */
const MAX_MBR_SECTORS = 0xffff_ffff;

const broken = (because: string): GptRead => ({ ok: false, kind: 'broken', because });

/** Reads the primary table out of a disk's beginning. `head` must hold all of it, which 1 MiB does for every usual one. */
export function readGptTable(head: Uint8Array, sectorBytes: number): GptRead {
  const sector = head.subarray(sectorBytes, 2 * sectorBytes);
  const header = sector.length === sectorBytes ? decodeGptHeader(sector) : undefined;
  if (!header) {
    const other = [512, 4096].find((one) => one !== sectorBytes && decodeGptHeader(head.subarray(one, 2 * one)));
    if (other === undefined) return { ok: false, kind: 'none', because: 'there is no GPT on it' };
    const because = `its GPT is made for sectors of ${other} bytes, the disk’s have ${sectorBytes}`;
    return { ok: false, kind: 'other-sectors', because };
  }
  if (!header.intact) return broken('the checksum of its GPT is wrong');
  const length = gptEntriesBytes(header);
  const at = header.entriesAt * sectorBytes;
  const entries = head.slice(at, at + length);
  if (length === 0 || length !== header.entryCount * header.entryBytes) {
    return broken(`its GPT has ${header.entryCount} entries of ${header.entryBytes} bytes`);
  }
  if (header.entriesAt < 2 || entries.length !== length)
    return broken(`the entries of its GPT lie at ${header.entriesAt}`);
  const { partitions, intact } = decodeGptEntries(entries, header);
  if (!intact) return broken('the checksum of its GPT’s entries is wrong');
  const fields = fieldsOf(sector);
  const { entriesAt, entryCount, entryBytes } = header;
  return {
    ok: true,
    table: {
      sectorBytes,
      diskGuid: sector.slice(56, 72),
      revision: fields.u32(8) ?? 0,
      firstUsable: fields.u64(40) ?? 0,
      entriesAt,
      entryCount,
      entryBytes,
      entries,
      partitions,
    },
  };
}

const entrySectorsOf = ({ entries, sectorBytes }: GptTable): number => Math.ceil(entries.length / sectorBytes);

/** The last sector that partitions may have on a disk of this size: behind it lies the copy of the table. */
export const lastUsableOf = (table: GptTable, sectors: number): number => sectors - 2 - entrySectorsOf(table);

/** Lets a partition end at another sector. */
export function withEnd(table: GptTable, number: number, last: number): GptTable {
  const entries = table.entries.slice();
  viewOf(entries).setBigUint64((number - 1) * table.entryBytes + 40, BigInt(last), true);
  return {
    ...table,
    entries,
    partitions: table.partitions.map((one) => (one.number === number ? { ...one, last } : one)),
  };
}

/** Puts a partition into the first entry that is free behind those in use, as every tool does. */
export function withPartition(
  table: GptTable,
  partition: Omit<GptPartition, 'number'> & { readonly guid: string },
): GptChange {
  const number = Math.max(0, ...table.partitions.map((one) => one.number)) + 1;
  if (number > table.entryCount) {
    return { ok: false, because: `its GPT has room for ${table.entryCount} partitions only` };
  }
  const entries = table.entries.slice();
  const start = (number - 1) * table.entryBytes;
  const entry = entries.subarray(start, start + ENTRY_FIELDS_BYTES);
  entry.fill(0);
  const view = viewOf(entry);
  entry.set(guidBytes(partition.type), 0);
  entry.set(guidBytes(partition.guid), 16);
  view.setBigUint64(32, BigInt(partition.first), true);
  view.setBigUint64(40, BigInt(partition.last), true);
  for (let index = 0; index < Math.min(NAME_UNITS, partition.name.length); index++) {
    view.setUint16(56 + index * 2, partition.name.charCodeAt(index), true);
  }
  const { type, first, last, name } = partition;
  return {
    ok: true,
    number,
    table: {
      ...table,
      entries,
      partitions: [...table.partitions, { number, type: type.toUpperCase(), first, last, name }],
    },
  };
}

/** The GUID of a partition itself, as firmware names it in a boot entry. */
export function partitionGuid({ entries, entryBytes }: GptTable, number: number): string {
  const at = (number - 1) * entryBytes + 16;
  return guidText(entries.subarray(at, at + 16));
}

/** Bytes and where on the disk they belong. */
export type Piece = { readonly at: number; readonly bytes: Uint8Array };

/**
 * The table as it is written to a disk of `sectors` sectors: its copy at the disk's end first, since a disk without the
 * primary one does not boot by the copy's being there too early.
 */
export function encodeGptTable(
  table: GptTable,
  sectors: number,
): { readonly copy: readonly Piece[]; readonly primary: readonly Piece[] } {
  const { sectorBytes, entries, entriesAt } = table;
  const last = sectors - 1;
  const copyAt = last - entrySectorsOf(table);
  const padded = new Uint8Array(entrySectorsOf(table) * sectorBytes);
  padded.set(entries);
  const header = (self: number, other: number, at: number): Piece => ({
    at: self * sectorBytes,
    bytes: encodeHeader(table, { self, other, entriesAt: at, sectors }),
  });
  return {
    copy: [{ at: copyAt * sectorBytes, bytes: padded }, header(last, 1, copyAt)],
    primary: [{ at: entriesAt * sectorBytes, bytes: padded }, header(1, last, entriesAt)],
  };
}

/** In the order of UEFI 2.10 table 5-5. */
function encodeHeader(
  table: GptTable,
  place: { readonly self: number; readonly other: number; readonly entriesAt: number; readonly sectors: number },
): Uint8Array {
  const sector = new Uint8Array(table.sectorBytes);
  const view = viewOf(sector);
  sector.set(new TextEncoder().encode('EFI PART'), 0);
  view.setUint32(8, table.revision, true);
  view.setUint32(12, HEADER_BYTES, true);
  view.setBigUint64(24, BigInt(place.self), true);
  view.setBigUint64(32, BigInt(place.other), true);
  view.setBigUint64(40, BigInt(table.firstUsable), true);
  view.setBigUint64(48, BigInt(lastUsableOf(table, place.sectors)), true);
  sector.set(table.diskGuid, 56);
  view.setBigUint64(72, BigInt(place.entriesAt), true);
  view.setUint32(80, table.entryCount, true);
  view.setUint32(84, table.entryBytes, true);
  view.setUint32(88, crc32(table.entries), true);
  view.setUint32(16, crc32(sector.subarray(0, HEADER_BYTES)), true);
  return sector;
}

/**
 * The first sector with its protective partition over the whole disk (§5.2.3); boot code and all else as they were. A
 * record that has other partitions beside it is somebody's hybrid, and is left as it is.
 */
export function withProtectiveSize(record: Uint8Array, sectors: number): Uint8Array {
  const changed = record.slice();
  const view = viewOf(changed);
  const slots = [446, 462, 478, 494].filter((slot) => changed[slot + 4] !== 0);
  const [slot] = slots;
  if (slot === undefined || slots.length > 1 || changed[slot + 4] !== PROTECTIVE) return changed;
  // The end in cylinders, heads and sectors: beyond what these can say.
  changed.fill(0xff, slot + 5, slot + 8);
  view.setUint32(slot + 12, Math.min(sectors - 1, MAX_MBR_SECTORS), true);
  return changed;
}

/** As a GUID lies on a disk: its first three fields little-endian. Throws where the text is none. */
export function guidBytes(text: string): Uint8Array {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new Error(`${JSON.stringify(text)} is no GUID`);
  const bytes = Uint8Array.from(text.replaceAll('-', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  for (const [from, to] of [
    [0, 4],
    [4, 6],
    [6, 8],
  ] as const) {
    bytes.subarray(from, to).reverse();
  }
  return bytes;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
