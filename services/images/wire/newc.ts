/**
 * The "newc" cpio format, in which Linux takes an initramfs (Documentation/driver-api/early-userspace/buffer-format.rst).
 *
 * An archive depends on its entries alone: they are sorted, numbered from 1, and carry no time.
 */
export type NewcEntry = {
  /** Relative, without `.` or `..`, such as `etc/ingot/boot-token`. */
  readonly path: string;
  /** Permission bits. Default: 0755 for folders, 0644 for files, 0777 for links, 0600 for devices. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
} & (
  | { readonly kind: 'folder' }
  | { readonly kind: 'file'; readonly content: Uint8Array }
  | { readonly kind: 'link'; readonly target: string }
  /** A character device. */
  | { readonly kind: 'device'; readonly major: number; readonly minor: number }
);

export type Newc =
  | { readonly kind: 'archive'; readonly entries: readonly NewcEntry[] }
  | { readonly kind: 'malformed'; readonly because: string };

const ENCODER = new TextEncoder();
const MAGIC = '070701';
const HEADER_BYTES = 110;
const TRAILER = 'TRAILER!!!';
/** Linux' PATH_MAX, with the NUL. */
const MAX_NAME_BYTES = 4096;
const MAX_ENTRIES = 1 << 20;
const MAX_UINT32 = 0xff_ff_ff_ff;
/** Of a typed array that every engine can make. */
const MAX_ARCHIVE_BYTES = 0x7f_ff_ff_ff;

const TYPES = { folder: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const;
const MODES = { folder: 0o755, file: 0o644, link: 0o777, device: 0o600 } as const;
const TYPE_BITS = 0o170000;

/**
 * Writes an archive; its length is a multiple of 4, so that another may follow.
 *
 * Folders need an entry of their own unless an earlier archive made them. Throws a RangeError for an entry that cannot be
 * written: a path that is not relative and plain or appears twice, a number or content out of bounds.
 */
export function encodeNewc(entries: readonly NewcEntry[]): Uint8Array {
  if (entries.length > MAX_ENTRIES) throw new RangeError(`got ${entries.length} entries, want at most ${MAX_ENTRIES}`);
  const members = [...entries].sort(byPath).map((entry, index, sorted) => {
    if (entry.path === sorted[index - 1]?.path) throw new RangeError(`${entry.path} is there twice`);
    return member(entry, index + 1);
  });
  const length = members.reduce((sum, one) => sum + one.length, 0) + memberBytes(TRAILER.length + 1, 0);
  if (length > MAX_ARCHIVE_BYTES)
    throw new RangeError(`the archive has ${length} bytes, want at most ${MAX_ARCHIVE_BYTES}`);

  const bytes = new Uint8Array(length);
  let at = 0;
  for (const { header, name, content, length: taken } of members) {
    writeMember(bytes, at, header, name, content);
    at += taken;
  }
  const trailer = ENCODER.encode(`${TRAILER}\0`);
  writeMember(bytes, at, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, trailer.length, 0], trailer, new Uint8Array());
  return bytes;
}

/** Reads the first archive of the bytes; what comes behind its trailer is not looked at. */
export function decodeNewc(bytes: Uint8Array): Newc {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const entries: NewcEntry[] = [];
  let at = 0;
  for (;;) {
    const here = `the header at byte ${at}`;
    if (entries.length > MAX_ENTRIES) return malformed(`it has more than ${MAX_ENTRIES} entries`);
    if (at + HEADER_BYTES > bytes.length) return malformed(`${here} is cut off`);
    const header = new TextDecoder('latin1').decode(bytes.subarray(at, at + HEADER_BYTES));
    if (!header.startsWith(MAGIC)) return malformed(`${here} does not begin with ${MAGIC}`);
    if (!/^[0-9a-fA-F]{104}$/.test(header.slice(6))) return malformed(`${here} has a field that is no number`);
    const field = (index: number) => Number.parseInt(header.slice(6 + index * 8, 14 + index * 8), 16);
    const nameBytes = field(11);
    const contentBytes = field(6);
    if (nameBytes < 2 || nameBytes > MAX_NAME_BYTES) return malformed(`${here} has a name of ${nameBytes} bytes`);
    const nameEnd = at + HEADER_BYTES + nameBytes;
    const contentAt = aligned(nameEnd);
    if (contentAt + contentBytes > bytes.length) return malformed(`the entry at byte ${at} is cut off`);
    if (bytes[nameEnd - 1] !== 0) return malformed(`the name at byte ${at} does not end with NUL`);
    const content = bytes.subarray(contentAt, contentAt + contentBytes);
    try {
      const path = decoder.decode(bytes.subarray(at + HEADER_BYTES, nameEnd - 1));
      if (path === TRAILER) return { kind: 'archive', entries };
      const mode = field(1);
      const common = { path, mode: mode & 0o7777, uid: field(2), gid: field(3) };
      const type = mode & TYPE_BITS;
      if (type === TYPES.folder) entries.push({ ...common, kind: 'folder' });
      else if (type === TYPES.file) entries.push({ ...common, kind: 'file', content });
      else if (type === TYPES.link) entries.push({ ...common, kind: 'link', target: decoder.decode(content) });
      else if (type === TYPES.device) entries.push({ ...common, kind: 'device', major: field(9), minor: field(10) });
      else return malformed(`${path} is of type 0${type.toString(8)}`);
    } catch {
      return malformed(`the entry at byte ${at} has a name or target that is no UTF-8`);
    }
    at = aligned(contentAt + contentBytes);
  }
}

type Member = {
  readonly header: readonly number[];
  readonly name: Uint8Array;
  readonly content: Uint8Array;
  readonly length: number;
};

function member(entry: NewcEntry, inode: number): Member {
  const name = ENCODER.encode(`${checkedPath(entry.path)}\0`);
  if (name.length > MAX_NAME_BYTES) throw new RangeError(`a path has ${name.length - 1} bytes, want at most 4095`);
  const content = entry.kind === 'file' ? entry.content : ENCODER.encode(entry.kind === 'link' ? entry.target : '');
  const device = entry.kind === 'device' ? entry : { major: 0, minor: 0 };
  const mode = entry.mode ?? MODES[entry.kind];
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o7777) throw new RangeError(`${entry.path} has mode ${mode}`);
  const header = [
    inode,
    TYPES[entry.kind] | mode,
    entry.uid ?? 0,
    entry.gid ?? 0,
    1, // links
    0, // mtime
    content.length,
    0, // device that the archive was made on
    0,
    device.major,
    device.minor,
    name.length,
    0, // checksum: none in this format
  ];
  const wrong = header.find((field) => !Number.isInteger(field) || field < 0 || field > MAX_UINT32);
  if (wrong !== undefined) throw new RangeError(`${entry.path} has a field of ${wrong}, want 32 bits`);
  return { header, name, content, length: memberBytes(name.length, content.length) };
}

function checkedPath(path: string): string {
  const plain = path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  if (!plain || path.includes('\0') || path === TRAILER) {
    throw new RangeError(`got the path ${JSON.stringify(path)}, want a relative one without . and ..`);
  }
  return path;
}

function writeMember(
  bytes: Uint8Array,
  at: number,
  header: readonly number[],
  name: Uint8Array,
  content: Uint8Array,
): void {
  const text = MAGIC + header.map((field) => field.toString(16).padStart(8, '0')).join('');
  ENCODER.encodeInto(text, bytes.subarray(at));
  bytes.set(name, at + HEADER_BYTES);
  bytes.set(content, aligned(at + HEADER_BYTES + name.length));
}

/** Both the name and the content are filled up to a multiple of 4. */
function memberBytes(nameBytes: number, contentBytes: number): number {
  return aligned(aligned(HEADER_BYTES + nameBytes) + contentBytes);
}

function aligned(offset: number): number {
  return Math.ceil(offset / 4) * 4;
}

/** By code units, not by a locale: the order is the same on every machine, and a folder comes before what is in it. */
function byPath(a: NewcEntry, b: NewcEntry): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

function malformed(because: string): Newc {
  return { kind: 'malformed', because };
}
