/** Makes SMBIOS tables as a board has them, for tests: DSP0134 §6.1. */
export type StructureParts = {
  readonly type: number;
  /** Bytes of the formatted part by their offset; a string is put among the strings and its number here. */
  readonly fields: Readonly<Record<number, number | string | readonly number[]>>;
  readonly length: number;
};

export function smbiosTable(structures: readonly StructureParts[]): Uint8Array {
  const parts = [...structures, { type: 127, fields: {}, length: 4 }].map((one, handle) => structureOf(one, handle));
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function structureOf({ type, fields, length }: StructureParts, handle: number): Uint8Array {
  const formatted = new Uint8Array(length);
  formatted.set([type, length, handle & 0xff, handle >> 8]);
  const strings: Uint8Array[] = [];
  for (const [offset, value] of Object.entries(fields)) {
    if (typeof value === 'string') strings.push(new TextEncoder().encode(value));
    formatted.set(typeof value === 'string' ? [strings.length] : [value].flat(), Number(offset));
  }
  const ended = strings.flatMap((one) => [...one, 0]);
  return Uint8Array.from([...formatted, ...(ended.length === 0 ? [0, 0] : [...ended, 0])]);
}

/** `_SM3_`, 3.2 by default. */
export function entryPoint3(tableBytes: number, [major, minor] = [3, 2]): Uint8Array {
  const entry = new Uint8Array(24);
  entry.set(new TextEncoder().encode('_SM3_'));
  entry.set([24, major ?? 3, minor ?? 2, 0, 1], 6);
  new DataView(entry.buffer).setUint32(12, tableBytes, true);
  // The place of the table in a file of `dmidecode --dump-bin`.
  new DataView(entry.buffer).setBigUint64(16, 32n, true);
  entry[5] = -entry.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return entry;
}

/** `_SM_` with its inner `_DMI_`. */
export function entryPoint2(tableBytes: number, count: number, [major, minor] = [2, 4]): Uint8Array {
  const entry = new Uint8Array(31);
  const view = new DataView(entry.buffer);
  entry.set(new TextEncoder().encode('_SM_'));
  entry.set([31, major ?? 2, minor ?? 4], 5);
  entry.set(new TextEncoder().encode('_DMI_'), 16);
  view.setUint16(22, tableBytes, true);
  view.setUint32(24, 32, true);
  view.setUint16(28, count, true);
  entry[30] = ((major ?? 2) << 4) | (minor ?? 4);
  entry[21] = -entry.subarray(16).reduce((sum, byte) => sum + byte, 0) & 0xff;
  entry[4] = -entry.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return entry;
}

export const u16 = (value: number): readonly number[] => [value & 0xff, value >> 8];
export const u32 = (value: number): readonly number[] => [...u16(value & 0xffff), ...u16(value >>> 16)];

/** A server with two sockets, one of them empty, three modules, a BMC, and places of its devices. */
export const SERVER: readonly StructureParts[] = [
  { type: 0, length: 0x1a, fields: { 4: 'Acme', 5: 'A12.3', 8: '03/04/2024' } },
  {
    type: 1,
    length: 0x1b,
    fields: {
      4: 'Acme Systems',
      5: 'Box 1000',
      6: 'To be filled by O.E.M.',
      7: ' SN-4711 ',
      // Little-endian as it lies in the table: 33221100-5544-7766-8899-aabbccddeeff as people read it.
      8: [0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff],
      0x18: 6,
      0x19: 'SKU Number',
      0x1a: 'Boxes',
    },
  },
  { type: 2, length: 0x0f, fields: { 4: 'Riser Inc', 5: 'RISER', 0x0d: 0x04 } },
  { type: 2, length: 0x0f, fields: { 4: 'Acme', 5: 'MB-1', 7: 'MBSN-1', 0x0d: 0x0a } },
  { type: 3, length: 0x15, fields: { 4: 'Acme', 5: 0x17, 7: 'CH-1', 8: 'IT-0042' } },
  {
    type: 4,
    length: 0x30,
    fields: {
      4: 'CPU1',
      5: 3,
      7: 'Intel(R) Corporation',
      0x10: 'Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz',
      0x14: u16(3600),
      0x16: u16(2000),
      0x18: 0x41,
      0x23: 32,
      0x24: 32,
      0x25: 64,
    },
  },
  { type: 4, length: 0x30, fields: { 4: 'CPU2', 5: 3, 0x18: 0 } },
  {
    type: 4,
    length: 0x30,
    fields: { 4: 'CPU3', 5: 3, 0x18: 0x41, 0x23: 0xff, 0x25: 0xff, 0x2a: u16(288), 0x2e: u16(576) },
  },
  {
    type: 17,
    length: 0x5c,
    fields: {
      0x0c: u16(0x7fff),
      0x10: 'A1',
      0x12: 0x22,
      0x15: u16(5600),
      0x17: 'Samsung',
      0x18: '11223344',
      0x1a: 'M321R8GA0BB0',
      0x1c: u32(65_536),
      0x20: u16(4800),
    },
  },
  {
    type: 17,
    length: 0x28,
    fields: { 0x0c: u16(16_384), 0x10: 'A2', 0x12: 0x1a, 0x15: u16(2666), 0x18: 'Not Specified' },
  },
  { type: 17, length: 0x28, fields: { 0x0c: u16(0), 0x10: 'A3', 0x17: 'NO DIMM' } },
  { type: 17, length: 0x15, fields: { 0x0c: u16(0x8000 | 512), 0x10: 'ROM', 0x12: 0x0f } },
  { type: 38, length: 0x12, fields: { 4: 1, 5: 0x20, 6: 0x20 } },
  { type: 41, length: 0x0b, fields: { 4: 'Embedded NIC 1', 5: 0x85, 6: 1, 7: u16(0), 9: 0x01, 10: 0x00 } },
  { type: 9, length: 0x11, fields: { 4: 'PCIe Slot 3', 0x0d: u16(0), 0x0f: 0x41, 0x10: 0x01 } },
];
