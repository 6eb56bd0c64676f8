/** The tar format of POSIX.1-1988 (ustar), as far as a backup needs it: regular files, named by relative paths. */
export const BLOCK = 512;

export type TarEntry = {
  /** Relative, with slashes; no part of it is empty, `.` or `..`. */
  readonly path: string;
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Seconds since the epoch. */
  readonly modifiedAt: number;
};

export type TarHeaderResult =
  | { readonly kind: 'entry'; readonly entry: TarEntry }
  | { readonly kind: 'end' }
  | { readonly kind: 'malformed'; readonly because: string };

/** Offset and length of each field, in the order of the format. */
const NAME = [0, 100] as const;
const MODE = [100, 8] as const;
const UID = [108, 8] as const;
const GID = [116, 8] as const;
const SIZE = [124, 12] as const;
const MTIME = [136, 12] as const;
const CHECKSUM = [148, 8] as const;
const TYPE = 156;
const MAGIC = [257, 8] as const;
const PREFIX = [345, 155] as const;

const MAGIC_TEXT = 'ustar\x0000';
const REGULAR = 0x30;
const MAX_PATH_BYTES = 255;

/** How many zero bytes follow the content of an entry. */
export const paddingOf = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK;

/** Two blocks of zeros end an archive. */
export const END = new Uint8Array(2 * BLOCK);

/** Throws where the path does not fit: it is ours. */
export function encodeTarHeader({ path, size, mode, modifiedAt }: TarEntry): Uint8Array {
  const { prefix, name } = splitPath(path);
  const block = new Uint8Array(BLOCK);
  const text = (at: readonly [number, number], value: string): void =>
    block.set(new TextEncoder().encode(value), at[0]);
  const octal = ([at, length]: readonly [number, number], value: number): void =>
    text([at, length], `${value.toString(8).padStart(length - 1, '0')}\0`);
  text(NAME, name);
  octal(MODE, mode);
  octal(UID, 0);
  octal(GID, 0);
  if (size < 8 ** 11) octal(SIZE, size);
  else base256(block, SIZE, size);
  octal(MTIME, modifiedAt);
  block[TYPE] = REGULAR;
  text(MAGIC, MAGIC_TEXT);
  text(PREFIX, prefix);
  text(CHECKSUM, `${checksumOf(block).toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** One block of 512 bytes. Whatever is no regular file inside of the folder that it is unpacked to is malformed. */
export function decodeTarHeader(block: Uint8Array): TarHeaderResult {
  if (block.length !== BLOCK) return malformed(`a header is ${block.length} bytes, want ${BLOCK}`);
  if (block.every((byte) => byte === 0)) return { kind: 'end' };
  if (numberAt(block, CHECKSUM) !== checksumOf(block)) return malformed('the checksum of a header is wrong');
  if (!textAt(block, MAGIC).startsWith('ustar')) return malformed('a header is not ustar');
  const prefix = textAt(block, PREFIX);
  const path = `${prefix === '' ? '' : `${prefix}/`}${textAt(block, NAME)}`;
  if (block[TYPE] !== REGULAR && block[TYPE] !== 0) return malformed(`${shown(path)} is no regular file`);
  if (!isInside(path)) return malformed(`got the path ${shown(path)}, want a relative one`);
  const [size, mode, modifiedAt] = [numberAt(block, SIZE), numberAt(block, MODE), numberAt(block, MTIME)];
  if (size === undefined || mode === undefined || modifiedAt === undefined) {
    return malformed(`a number in the header of ${shown(path)} is none`);
  }
  return { kind: 'entry', entry: { path, size, mode: mode & 0o777, modifiedAt } };
}

const malformed = (because: string): TarHeaderResult => ({ kind: 'malformed', because });
const shown = (text: string): string => JSON.stringify(text.slice(0, 80));

const isInside = (path: string): boolean =>
  path.length > 0 &&
  // oxlint-disable-next-line no-control-regex -- names with control characters are what is looked for
  !/[\x00-\x1f\x7f\\]/.test(path) &&
  path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');

function splitPath(path: string): { readonly prefix: string; readonly name: string } {
  const length = (text: string): number => new TextEncoder().encode(text).length;
  if (!isInside(path) || length(path) > MAX_PATH_BYTES) throw new Error(`${shown(path)} does not fit a tar header`);
  if (length(path) <= NAME[1]) return { prefix: '', name: path };
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (length(prefix) <= PREFIX[1] && length(name) <= NAME[1]) return { prefix, name };
  }
  throw new Error(`${shown(path)} does not fit a tar header`);
}

/** The sum of all bytes, with blanks in the place of the sum itself. */
function checksumOf(block: Uint8Array): number {
  const [at, length] = CHECKSUM;
  return block.reduce((sum, byte, index) => sum + (index >= at && index < at + length ? 0x20 : byte), 0);
}

/** GNU's way to write sizes from 8 GiB on: the top bit, then a number in network order. */
function base256(block: Uint8Array, [at, length]: readonly [number, number], value: number): void {
  new DataView(block.buffer, block.byteOffset).setBigUint64(at + length - 8, BigInt(value));
  block[at] = 0x80;
}

function textAt(block: Uint8Array, [at, length]: readonly [number, number]): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function numberAt(block: Uint8Array, [at, length]: readonly [number, number]): number | undefined {
  if (block[at] === 0x80) {
    const value = new DataView(block.buffer, block.byteOffset).getBigUint64(at + length - 8);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
  }
  const text = textAt(block, [at, length]).trim();
  return /^[0-7]{1,11}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}
