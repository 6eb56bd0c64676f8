import { type Uuid, uuidByteSwapped, uuidFromBytes } from '../../../values/uuid.ts';
import { type Fields, fieldsOf } from './fields.ts';
import { known } from './known.ts';

/**
 * What a board says of itself: DMTF DSP0134 (SMBIOS) 3.7. Texts are as the board has them, trimmed; placeholders are left
 * in. A field that this board's version does not have, or that says "unknown", is absent.
 */
export type Smbios = {
  readonly version: string;
  readonly bios?: { readonly vendor?: string; readonly version?: string; readonly date?: string };
  readonly system?: {
    readonly manufacturer?: string;
    readonly product?: string;
    readonly version?: string;
    readonly serial?: string;
    readonly uuid?: Uuid;
    readonly sku?: string;
  };
  readonly board?: { readonly manufacturer?: string; readonly product?: string; readonly serial?: string };
  readonly chassis?: { readonly serial?: string; readonly assetTag?: string };
  /** Sockets with a processor in them, in the table's order. */
  readonly processors: readonly SmbiosProcessor[];
  /** Slots with a module in them. */
  readonly memory: readonly SmbiosMemory[];
  /** How the system speaks to its BMC. */
  readonly ipmi?: { readonly interface: 'KCS' | 'SMIC' | 'BT' | 'SSIF' | 'unknown' };
  /** PCI address (`0000:01:00.0`) to the name printed beside the connector or slot. */
  readonly places: ReadonlyMap<string, string>;
};

export type SmbiosProcessor = {
  readonly socket?: string;
  readonly manufacturer?: string;
  readonly version?: string;
  readonly maxMhz?: number;
  readonly cores?: number;
  readonly threads?: number;
};

export type SmbiosMemory = {
  readonly slot?: string;
  readonly bytes: number;
  readonly type?: string;
  readonly mhz?: number;
  readonly manufacturer?: string;
  readonly serial?: string;
  readonly part?: string;
};

export type SmbiosResult =
  | { readonly ok: true; readonly smbios: Smbios }
  | { readonly ok: false; readonly because: string };

export type EntryPoint = {
  readonly major: number;
  readonly minor: number;
  readonly tableAddress: number;
  /** At most so many bytes (3.x) or exactly (2.x). */
  readonly tableBytes: number;
};

const MAX_STRUCTURES = 8192;

/** Reads the entry point: `_SM3_` (§5.2.2), `_SM_` (§5.2.1) or the `_DMI_` that came before. Undefined where none is right. */
export function decodeEntryPoint(bytes: Uint8Array): EntryPoint | undefined {
  const at = fieldsOf(bytes);
  if (at.has(0, '_SM3_')) {
    if (!sumsToZero(at, at.u8(6))) return undefined;
    return entryPoint(at.u8(7), at.u8(8), at.u64(16), at.u32(12));
  }
  if (at.has(0, '_SM_')) {
    // Some boards of version 2.1 give the length as 0x1e, which the specification says to take as 0x1f.
    const length = at.u8(5);
    if (!sumsToZero(at, length === 0x1e ? 0x1f : length) || !at.has(16, '_DMI_')) return undefined;
    return entryPoint(at.u8(6), at.u8(7), at.u32(24), at.u16(22));
  }
  if (at.has(0, '_DMI_')) {
    const revision = at.u8(14);
    if (!sumsToZero(at, 15) || revision === undefined) return undefined;
    return entryPoint(revision >> 4, revision & 15, at.u32(8), at.u16(6));
  }
  return undefined;
}

function entryPoint(
  major: number | undefined,
  minor: number | undefined,
  tableAddress: number | undefined,
  tableBytes: number | undefined,
): EntryPoint | undefined {
  if (major === undefined || minor === undefined || tableAddress === undefined || tableBytes === undefined) {
    return undefined;
  }
  return { major, minor, tableAddress, tableBytes };
}

function sumsToZero(at: Fields, length: number | undefined): boolean {
  const bytes = length === undefined || length < 15 ? undefined : at.bytes(0, length);
  return bytes !== undefined && (bytes.reduce((sum, byte) => sum + byte, 0) & 0xff) === 0;
}

/** `/sys/firmware/dmi/tables/smbios_entry_point` and `DMI`. A table that is cut off gives what came before. */
export function decodeSmbios(entry: Uint8Array, table: Uint8Array): SmbiosResult {
  const point = decodeEntryPoint(entry);
  if (!point) return { ok: false, because: `no SMBIOS entry point in ${entry.length} bytes` };
  const structures = structuresOf(table.subarray(0, point.tableBytes || table.length));
  if (structures.length === 0) return { ok: false, because: `no structure in a table of ${table.length} bytes` };
  const ofType = (type: number): readonly Structure[] => structures.filter((one) => one.type === type);
  const [bios] = ofType(0);
  const [system] = ofType(1);
  const board = mainBoard(ofType(2));
  const [chassis] = ofType(3);
  const [ipmi] = ofType(38);
  const littleEndian = point.major > 2 || (point.major === 2 && point.minor >= 6);
  return {
    ok: true,
    smbios: {
      version: `${point.major}.${point.minor}`,
      ...(bios && { bios: known({ vendor: bios.text(4), version: bios.text(5), date: bios.text(8) }) }),
      ...(system && {
        system: known({
          manufacturer: system.text(4),
          product: system.text(5),
          version: system.text(6),
          serial: system.text(7),
          uuid: uuidOf(system.at.bytes(8, 16), littleEndian),
          sku: system.text(0x19),
        }),
      }),
      ...(board && { board: known({ manufacturer: board.text(4), product: board.text(5), serial: board.text(7) }) }),
      ...(chassis && { chassis: known({ serial: chassis.text(7), assetTag: chassis.text(8) }) }),
      processors: ofType(4).flatMap(processorOf),
      memory: ofType(17).flatMap(memoryOf),
      ...(ipmi && { ipmi: { interface: IPMI_INTERFACES[ipmi.at.u8(4) ?? 0] ?? 'unknown' } }),
      places: placesOf(ofType(9), ofType(41)),
    },
  };
}

const IPMI_INTERFACES = ['unknown', 'KCS', 'SMIC', 'BT', 'SSIF'] as const;

type Structure = {
  readonly type: number;
  readonly at: Fields;
  /** The string whose number stands at this offset, trimmed; undefined where there is none. */
  readonly text: (at: number) => string | undefined;
};

/** §6.1.2: a header that says its own length, then strings that each end in NUL, then one NUL more. */
function structuresOf(table: Uint8Array): readonly Structure[] {
  const found: Structure[] = [];
  for (let start = 0; start + 4 <= table.length && found.length < MAX_STRUCTURES; ) {
    const type = table[start] ?? 0;
    const length = table[start + 1] ?? 0;
    // Shorter than its header: nothing after it can be told apart.
    if (length < 4 || start + length > table.length) break;
    const strings: Uint8Array[] = [];
    let next = start + length;
    while (next < table.length && table[next] !== 0) {
      const end = table.indexOf(0, next);
      strings.push(table.subarray(next, end < 0 ? table.length : end));
      next = end < 0 ? table.length : end + 1;
    }
    // Without strings there are two NULs, with some the second of the last.
    next += strings.length === 0 ? 2 : 1;
    const at = fieldsOf(table.subarray(start, start + length));
    found.push({
      type,
      at,
      text(offset) {
        const number = at.u8(offset) ?? 0;
        const bytes = number === 0 ? undefined : strings[number - 1];
        const text = bytes && textOf(bytes).trim();
        return text === '' ? undefined : text;
      },
    });
    if (type === 127) break;
    start = next;
  }
  return found;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LATIN1 = new TextDecoder('latin1');

function textOf(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return LATIN1.decode(bytes);
  }
}

/** §7.2.1: since 2.6 the first three fields are little-endian; before, boards did as they liked and Linux shows them as they stand. */
function uuidOf(bytes: Uint8Array | undefined, littleEndian: boolean): Uuid | undefined {
  if (!bytes) return undefined;
  const uuid = uuidFromBytes(bytes);
  return littleEndian ? uuidByteSwapped(uuid) : uuid;
}

/** A chassis of several boards names each: the one of type 0x0a is the motherboard (§7.3.2), else the first. */
const mainBoard = (boards: readonly Structure[]): Structure | undefined =>
  boards.find(({ at }) => at.u8(0x0d) === 0x0a) ?? boards[0];

/** §7.5. A count of 255 says that the wider field holds it. */
function processorOf({ at, text }: Structure): readonly SmbiosProcessor[] {
  // Type 3 is a central processor; bit 6 of the status says that the socket is populated.
  if (at.u8(5) !== 3 || ((at.u8(0x18) ?? 0) & 0x40) === 0) return [];
  const wide = (narrow: number, wider: number): number | undefined => {
    const count = at.u8(narrow);
    return nonZero(count === 0xff ? (at.u16(wider) ?? count) : count);
  };
  return [
    known({
      socket: text(4),
      manufacturer: text(7),
      version: text(0x10),
      maxMhz: nonZero(at.u16(0x14)),
      cores: wide(0x23, 0x2a),
      threads: wide(0x25, 0x2e),
    }),
  ];
}

/** §7.18. */
function memoryOf({ at, text }: Structure): readonly SmbiosMemory[] {
  const bytes = memoryBytes(at);
  if (bytes === undefined) return [];
  const configured = speedOf(at, 0x20, 0x58);
  return [
    {
      bytes,
      ...known({
        slot: text(0x10),
        type: MEMORY_TYPES[at.u8(0x12) ?? 0],
        mhz: configured ?? speedOf(at, 0x15, 0x54),
        manufacturer: text(0x17),
        serial: text(0x18),
        part: text(0x1a),
      }),
    },
  ];
}

/** §7.18.4: absent and unknown sizes are none; 0x7fff says that the wider field holds it, in MiB. */
function memoryBytes(at: Fields): number | undefined {
  const size = at.u16(0x0c);
  if (size === undefined || (size & 0x7fff) === 0 || size === 0xffff) return undefined;
  if (size === 0x7fff) {
    const extended = (at.u32(0x1c) ?? 0) & 0x7fff_ffff;
    return extended === 0 ? undefined : extended * 2 ** 20;
  }
  return size & 0x8000 ? (size & 0x7fff) * 1024 : size * 2 ** 20;
}

function speedOf(at: Fields, narrow: number, wider: number): number | undefined {
  const speed = at.u16(narrow);
  return nonZero(speed === 0xffff ? at.u32(wider) : speed);
}

/** §7.18.2, those that a server of this century has. */
const MEMORY_TYPES: Readonly<Record<number, string>> = {
  0x03: 'DRAM',
  0x07: 'RAM',
  0x0f: 'SDRAM',
  0x12: 'DDR',
  0x13: 'DDR2',
  0x14: 'DDR2 FB-DIMM',
  0x18: 'DDR3',
  0x19: 'FBD2',
  0x1a: 'DDR4',
  0x1b: 'LPDDR',
  0x1c: 'LPDDR2',
  0x1d: 'LPDDR3',
  0x1e: 'LPDDR4',
  0x1f: 'non-volatile',
  0x20: 'HBM',
  0x21: 'HBM2',
  0x22: 'DDR5',
  0x23: 'LPDDR5',
  0x24: 'HBM3',
};

/** §7.10.8 slots and §7.42 onboard devices; the latter name one device and so win. */
function placesOf(slots: readonly Structure[], onboard: readonly Structure[]): ReadonlyMap<string, string> {
  const places = new Map<string, string>();
  const add = ({ at, text }: Structure, segmentAt: number): void => {
    const name = text(4);
    const segment = at.u16(segmentAt);
    const bus = at.u8(segmentAt + 2);
    const devfn = at.u8(segmentAt + 3);
    if (name === undefined || segment === undefined || bus === undefined || devfn === undefined) return;
    if (segment === 0xffff || bus === 0xff) return;
    const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
    places.set(`${hex(segment, 4)}:${hex(bus, 2)}:${hex(devfn >> 3, 2)}.${devfn & 7}`, name);
  };
  for (const slot of slots) add(slot, 0x0d);
  for (const device of onboard) add(device, 0x07);
  return places;
}

const nonZero = (value: number | undefined): number | undefined =>
  value === undefined || value === 0 || value === 0xffff ? undefined : value;
