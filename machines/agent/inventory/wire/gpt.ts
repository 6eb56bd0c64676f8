import { crc32 } from './crc32.ts';
import { fieldsOf } from './fields.ts';

/** A GPT header, UEFI 2.10 §5.3.2. Addresses are in sectors. */
export type GptHeader = {
  /** Where this header says that it lies, and the other one. */
  readonly self: number;
  readonly other: number;
  readonly entriesAt: number;
  readonly entryCount: number;
  readonly entryBytes: number;
  readonly entriesCrc: number;
  /** Its own checksum is right. */
  readonly intact: boolean;
};

/** A partition, its place in sectors; `last` is within it. */
export type GptPartition = {
  readonly number: number;
  readonly type: string;
  readonly first: number;
  readonly last: number;
  readonly name: string;
};

/** UEFI wants room for 128; nobody has more than this, and a hostile table must not be worked through. */
const MAX_ENTRIES = 1024;
const MAX_ENTRY_BYTES = 4096;

/**
 * Reads a header from the sector it lies in; undefined where there is none. One with a wrong checksum is a header still:
 * a disk that had a table is no blank one.
 */
export function decodeGptHeader(sector: Uint8Array): GptHeader | undefined {
  const at = fieldsOf(sector);
  if (!at.has(0, 'EFI PART')) return undefined;
  const size = at.u32(12) ?? 0;
  const self = at.u64(24);
  const other = at.u64(32);
  const entriesAt = at.u64(72);
  const entryCount = at.u32(80);
  const entryBytes = at.u32(84);
  const entriesCrc = at.u32(88);
  if (self === undefined || other === undefined || entriesAt === undefined) return undefined;
  if (entryCount === undefined || entryBytes === undefined || entriesCrc === undefined) return undefined;
  return { self, other, entriesAt, entryCount, entryBytes, entriesCrc, intact: isIntact(sector, size, at.u32(16)) };
}

function isIntact(sector: Uint8Array, size: number, wanted: number | undefined): boolean {
  if (size < 92 || size > sector.length) return false;
  const copy = sector.slice(0, size);
  copy.fill(0, 16, 20);
  return crc32(copy) === wanted;
}

/** How many bytes of entries to read; 0 where the header is beyond reason. */
export function gptEntriesBytes({ entryCount, entryBytes }: GptHeader): number {
  if (entryBytes < 128 || entryBytes > MAX_ENTRY_BYTES || entryBytes % 8 !== 0) return 0;
  return Math.min(entryCount, MAX_ENTRIES) * entryBytes;
}

/** The entries in use. Those that end before they begin are left out. */
export function decodeGptEntries(
  bytes: Uint8Array,
  header: GptHeader,
): { readonly partitions: readonly GptPartition[]; readonly intact: boolean } {
  const partitions: GptPartition[] = [];
  const count = Math.min(Math.floor(bytes.length / header.entryBytes), header.entryCount, MAX_ENTRIES);
  for (let index = 0; index < count; index++) {
    const at = fieldsOf(bytes.subarray(index * header.entryBytes, (index + 1) * header.entryBytes));
    const type = at.bytes(0, 16);
    const first = at.u64(32);
    const last = at.u64(40);
    if (type === undefined || first === undefined || last === undefined) break;
    if (type.every((byte) => byte === 0) || last < first || !Number.isSafeInteger(last)) continue;
    partitions.push({ number: index + 1, type: guidText(type), first, last, name: nameOf(at.bytes(56, 72)) });
  }
  return { partitions, intact: crc32(bytes.subarray(0, gptEntriesBytes(header))) === header.entriesCrc };
}

/** Mixed-endian, upper case as it is printed for GPT. */
export function guidText(bytes: Uint8Array): string {
  const at = fieldsOf(bytes);
  const hex = (value: number | undefined, digits: number): string => (value ?? 0).toString(16).padStart(digits, '0');
  const rest = Array.from(bytes.subarray(8), (byte) => hex(byte, 2)).join('');
  return `${hex(at.u32(0), 8)}-${hex(at.u16(4), 4)}-${hex(at.u16(6), 4)}-${rest.slice(0, 4)}-${rest.slice(4)}`.toUpperCase();
}

const UTF16 = new TextDecoder('utf-16le');

function nameOf(bytes: Uint8Array | undefined): string {
  const text = bytes === undefined ? '' : UTF16.decode(bytes);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
