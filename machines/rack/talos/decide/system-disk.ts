import { type GptTable, guidBytes, lastUsableOf, withPartition } from '../../../agent/disks/wire/gpt-table.ts';

/** The partitions of an installed system, in the order in which they lie on its disk. */
export const LABELS = ['EFI', 'BIOS', 'BOOT', 'META', 'STATE', 'EPHEMERAL'] as const;
export type Label = (typeof LABELS)[number];

export const isLabel = (text: string): text is Label => LABELS.some((label) => label === text);

const ESP = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
const BIOS_BOOT = '21686148-6449-6E6F-744E-656564454649';
const LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';

const MIB = 1 << 20;
/** Small, as the rack's disks are; EPHEMERAL has all that is left. */
const MIB_OF: Readonly<Record<Exclude<Label, 'EPHEMERAL'>, number>> = { EFI: 8, BIOS: 1, BOOT: 4, META: 1, STATE: 4 };
const TYPES: Readonly<Record<Label, string>> = {
  EFI: ESP,
  BIOS: BIOS_BOOT,
  BOOT: LINUX,
  META: LINUX,
  STATE: LINUX,
  EPHEMERAL: LINUX,
};

export const SECTOR_BYTES = 512;
const ENTRIES = 128;
const ENTRY_BYTES = 128;
const FIRST_SECTOR = MIB / SECTOR_BYTES;

/** A table without partitions; its GUID is the disk's. */
export function emptyTable(guid: string): GptTable {
  return {
    sectorBytes: SECTOR_BYTES,
    diskGuid: guidBytes(guid),
    revision: 0x1_0000,
    firstUsable: 34,
    entriesAt: 2,
    entryCount: ENTRIES,
    entryBytes: ENTRY_BYTES,
    entries: new Uint8Array(ENTRIES * ENTRY_BYTES),
    partitions: [],
  };
}

/** Where a partition lies on a disk of so many sectors, whether it is there or not. */
export function placeOf(label: Label, sectors: number): { readonly first: number; readonly last: number } {
  let first = FIRST_SECTOR;
  for (const one of LABELS) {
    const length = one === 'EPHEMERAL' ? 0 : (MIB_OF[one] * MIB) / SECTOR_BYTES;
    if (one === label) {
      return { first, last: one === 'EPHEMERAL' ? lastUsableOf(emptyTable(NOBODY), sectors) : first + length - 1 };
    }
    first += length;
  }
  throw new Error(`no place for ${label}`);
}

const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Adds those that are missing, as a boot does with what a reset has dropped. Throws where the table is full. */
export function withLabels(
  table: GptTable,
  labels: readonly Label[],
  sectors: number,
  newGuid: () => string,
): GptTable {
  return labels
    .filter((label) => !hasLabel(table, label))
    .reduce((before, name) => {
      const change = withPartition(before, { type: TYPES[name], guid: newGuid(), name, ...placeOf(name, sectors) });
      if (!change.ok) throw new Error(change.because);
      return change.table;
    }, table);
}

export const hasLabel = (table: GptTable, label: string): boolean =>
  table.partitions.some(({ name }) => name === label);

/** Drops the entry of a partition; what was in it is another's to erase. */
export function withoutLabel(table: GptTable, label: string): GptTable {
  const entries = table.entries.slice();
  for (const { number } of table.partitions.filter(({ name }) => name === label)) {
    entries.fill(0, (number - 1) * table.entryBytes, number * table.entryBytes);
  }
  return { ...table, entries, partitions: table.partitions.filter(({ name }) => name !== label) };
}

/** The first sector: a protective record over the whole disk, whose boot signature firmware takes for a system. */
export function protectiveRecord(sectors: number): Uint8Array {
  const record = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(record.buffer);
  view.setUint8(446 + 2, 2);
  view.setUint8(446 + 4, 0xee);
  view.setUint32(446 + 8, 1, true);
  view.setUint32(446 + 12, Math.min(sectors - 1, 0xffff_ffff), true);
  view.setUint16(510, 0xaa55, true);
  return record;
}

/** Instead of a file system a partition of the rack holds one text. It begins like XFS, so that libblkid's rules know it. */
const MAGIC = 'XFSB simulated Talos ';
const TEXT_AT = 64;

/** Throws where the text is too long for the smallest partition. */
export function encodeText(text: string): Uint8Array {
  const body = new TextEncoder().encode(text);
  if (body.length > MIB - TEXT_AT) throw new Error(`${body.length} bytes do not fit into a partition`);
  const bytes = new Uint8Array(Math.ceil((TEXT_AT + body.length) / SECTOR_BYTES) * SECTOR_BYTES);
  bytes.set(new TextEncoder().encode(MAGIC));
  new DataView(bytes.buffer).setUint32(TEXT_AT - 4, body.length, true);
  bytes.set(body, TEXT_AT);
  return bytes;
}

/** Undefined where there is none, as in a partition that was erased. `bytes` is the first MiB of it. */
export function decodeText(bytes: Uint8Array): string | undefined {
  if (new TextDecoder('latin1').decode(bytes.subarray(0, MAGIC.length)) !== MAGIC) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(TEXT_AT - 4, true);
  return length > bytes.length - TEXT_AT
    ? undefined
    : new TextDecoder().decode(bytes.subarray(TEXT_AT, TEXT_AT + length));
}
