/** One file of a tar archive, as POSIX ustar has it (pax(1), "ustar Interchange Format"). Directories are not written. */
export type TarEntry = { readonly name: string; readonly size: number };
/** What else may be said of one that is written. */
export type TarDetails = {
  readonly mode?: number;
  /** A symbolic link to there; its size is 0. */
  readonly linkTo?: string;
};

export type DecodedTarHeader =
  | ({ readonly kind: 'file' } & TarEntry)
  /** A block of zeros: two of them end an archive. */
  | { readonly kind: 'end' }
  | { readonly kind: 'malformed'; readonly because: string };

export const TAR_BLOCK = 512;

/** Zeros after a file of that size, up to the next block. */
export const tarPadding = (size: number): number => (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;

const NAME = { at: 0, length: 100 };
const MODE = 100;
const UID = 108;
const GID = 116;
const SIZE = { at: 124, length: 12 };
const MTIME = 136;
const CHECKSUM = { at: 148, length: 8 };
const TYPE = 156;
const LINK = { at: 157, length: 100 };
const MAGIC = 257;
const PREFIX = { at: 345, length: 155 };
/** 11 octal digits. Beyond that GNU tar, bsdtar and star write the number itself, with the first bit set. */
const OCTAL_SIZES = 8 ** 11;

const ascii = new TextEncoder();

/** The header before a file's bytes: the same for the same entry, whenever and by whomever it is written. */
export function encodeTarHeader({ name, size, mode = 0o644, linkTo }: TarEntry & TarDetails): Uint8Array {
  const bytes = ascii.encode(name);
  if (!/^[\x21-\x7e]+$/.test(name) || bytes.length > NAME.length) throw new RangeError(`no name for a tar: ${name}`);
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`no size for a tar: ${size}`);
  const header = new Uint8Array(TAR_BLOCK);
  const put = (at: number, text: string): void => header.set(ascii.encode(text), at);
  header.set(bytes, NAME.at);
  put(MODE, `${mode.toString(8).padStart(7, '0')}\0`);
  put(UID, '0000000\0');
  put(GID, '0000000\0');
  if (size < OCTAL_SIZES) put(SIZE.at, `${size.toString(8).padStart(11, '0')}\0`);
  else putBinarySize(header, size);
  put(MTIME, '00000000000\0');
  put(TYPE, linkTo === undefined ? '0' : '2');
  put(LINK.at, (linkTo ?? '').slice(0, LINK.length));
  put(MAGIC, 'ustar\x0000');
  put(CHECKSUM.at, `${checksumOf(header).toString(8).padStart(6, '0')}\0 `);
  return header;
}

export function decodeTarHeader(block: Uint8Array): DecodedTarHeader {
  if (block.length !== TAR_BLOCK) return malformed(`a header of ${block.length} bytes, want ${TAR_BLOCK}`);
  if (block.every((byte) => byte === 0)) return { kind: 'end' };
  const said = octal(textAt(block, CHECKSUM));
  if (said !== checksumOf(block)) return malformed(`the checksum of a header is ${checksumOf(block)}, it says ${said}`);
  const type = String.fromCharCode(block[TYPE] ?? 0);
  if (type !== '0' && type !== '\0') return malformed(`an entry of type ${JSON.stringify(type)}, want files only`);
  const prefix = textAt(block, PREFIX);
  const size = sizeOf(block);
  if (size === undefined) return malformed('a size that is no number');
  return { kind: 'file', name: prefix === '' ? textAt(block, NAME) : `${prefix}/${textAt(block, NAME)}`, size };
}

const malformed = (because: string): DecodedTarHeader => ({ kind: 'malformed', because });

/** Over all bytes, its own field as blanks. */
function checksumOf(header: Uint8Array): number {
  let sum = 0;
  for (const [at, byte] of header.entries()) {
    sum += at >= CHECKSUM.at && at < CHECKSUM.at + CHECKSUM.length ? 0x20 : byte;
  }
  return sum;
}

function textAt(block: Uint8Array, { at, length }: { readonly at: number; readonly length: number }): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return String.fromCharCode(...(end < 0 ? field : field.subarray(0, end)));
}

function octal(text: string): number | undefined {
  const digits = text.trim();
  return /^[0-7]{1,12}$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

function sizeOf(block: Uint8Array): number | undefined {
  const first = block[SIZE.at] ?? 0;
  if ((first & 0x80) === 0) return octal(textAt(block, SIZE));
  const view = new DataView(block.buffer, block.byteOffset + SIZE.at, SIZE.length);
  if (first !== 0x80 || view.getUint8(1) !== 0 || view.getUint16(2) !== 0) return undefined;
  const size = view.getBigUint64(4);
  return size <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(size) : undefined;
}

function putBinarySize(header: Uint8Array, size: number): void {
  const view = new DataView(header.buffer, SIZE.at, SIZE.length);
  view.setUint8(0, 0x80);
  view.setBigUint64(4, BigInt(size));
}
