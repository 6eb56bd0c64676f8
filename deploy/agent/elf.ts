/**
 * The little of ELF (System V ABI, 64 bits, little endian) that says what a program or module needs. Input is what Debian
 * signed; a file that is cut off or odd throws a RangeError.
 */
export type Elf = {
  /** e_machine: 62 is x86_64, 183 arm64. */
  readonly machine: number;
  /** The loader that a program asks for, such as `/lib64/ld-linux-x86-64.so.2`. */
  readonly interpreter: string | undefined;
  /** Names of the libraries that it asks for. */
  readonly needed: readonly string[];
  /** The content of a section, if it has it. */
  section(name: string): Uint8Array | undefined;
  /** Where what is loaded into memory ends in the file. */
  readonly loadedEnd: number;
};

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const SHT_NOBITS = 8;
/** Offset in the header and size of what says where the sections are: e_shoff, and e_shnum with e_shstrndx. */
const SECTION_FIELDS = [
  [0x28, 8],
  [0x3c, 4],
] as const;

export function isElf(bytes: Uint8Array): boolean {
  return bytes.length > 64 && [0x7f, 0x45, 0x4c, 0x46, 2, 1].every((byte, index) => bytes[index] === byte);
}

/** Undefined for what is no ELF file of 64 bits. */
export function readElf(bytes: Uint8Array): Elf | undefined {
  if (!isElf(bytes)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at64 = (offset: number) => Number(view.getBigUint64(offset, true));
  const table = (offset: number, size: number, count: number) =>
    Array.from({ length: count }, (_, index) => offset + index * size);

  const segments = table(at64(0x20), view.getUint16(0x36, true), view.getUint16(0x38, true)).map((offset) => ({
    type: view.getUint32(offset, true),
    offset: at64(offset + 8),
    address: at64(offset + 16),
    bytes: at64(offset + 32),
  }));
  const sections = table(at64(0x28), view.getUint16(0x3a, true), view.getUint16(0x3c, true)).map((offset) => ({
    name: view.getUint32(offset, true),
    type: view.getUint32(offset + 4, true),
    offset: at64(offset + 24),
    bytes: at64(offset + 32),
  }));
  const names = sections[view.getUint16(0x3e, true)];
  const interpreter = segments.find(({ type }) => type === PT_INTERP);
  return {
    machine: view.getUint16(0x12, true),
    interpreter: interpreter === undefined ? undefined : text(bytes, interpreter.offset),
    needed: needed(),
    section(name) {
      if (names === undefined) return undefined;
      const found = sections.find((one) => one.type !== SHT_NOBITS && text(bytes, names.offset + one.name) === name);
      return found === undefined ? undefined : bytes.subarray(found.offset, found.offset + found.bytes);
    },
    loadedEnd: Math.max(
      at64(0x20) + view.getUint16(0x36, true) * view.getUint16(0x38, true),
      ...segments.map((one) => one.offset + one.bytes),
    ),
  };

  function needed(): string[] {
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
    if (dynamic === undefined) return [];
    const entries = table(dynamic.offset, 16, Math.floor(dynamic.bytes / 16)).map((offset) => ({
      tag: view.getBigUint64(offset, true),
      value: at64(offset + 8),
    }));
    const strings = entries.find(({ tag }) => tag === DT_STRTAB)?.value;
    const segment = segments.find(
      (one) => strings !== undefined && one.type === PT_LOAD && inside(strings, one.address, one.bytes),
    );
    if (strings === undefined || segment === undefined) return [];
    const base = strings - segment.address + segment.offset;
    return entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => text(bytes, base + value));
  }
}

/**
 * A program without what only debuggers and linkers read, as `strip` would leave it, less its table of sections. Only
 * bytes behind all that is loaded are dropped.
 */
export function withoutSections(bytes: Uint8Array): Uint8Array {
  const elf = readElf(bytes);
  if (elf === undefined) throw new RangeError('want an ELF file of 64 bits');
  const kept = bytes.slice(0, elf.loadedEnd);
  for (const [offset, size] of SECTION_FIELDS) kept.fill(0, offset, offset + size);
  return kept;
}

/** The `key=value` strings of a kernel module's .modinfo, as modinfo(8) lists them. */
export function moduleFacts(bytes: Uint8Array): { readonly key: string; readonly value: string }[] {
  const section = readElf(bytes)?.section('.modinfo');
  if (section === undefined) return [];
  return new TextDecoder('latin1')
    .decode(section)
    .split('\0')
    .filter((line) => line.includes('='))
    .map((line) => ({ key: line.slice(0, line.indexOf('=')), value: line.slice(line.indexOf('=') + 1) }));
}

function inside(value: number, start: number, length: number): boolean {
  return value >= start && value < start + length;
}

function text(bytes: Uint8Array, offset: number): string {
  const end = bytes.indexOf(0, offset);
  if (end === -1) throw new RangeError(`the string at byte ${offset} does not end`);
  return new TextDecoder('latin1').decode(bytes.subarray(offset, end));
}
