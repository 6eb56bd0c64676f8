import { Cursor, Malformed, textBytes, Writer } from './cursor.ts';
import { type Shape, quoted, UNBOUNDED } from './shape.ts';

// RFC 1035 §2.3.4 and §4.1.4.
const MAX_LABEL = 63;
const MAX_NAME = 255;
const POINTER = 0xc0;
/** RFC 3397 sets no limit; pointers would let a datagram unfold into megabytes. resolv.conf takes 6 names, later 256. */
const MAX_NAMES = 256;

/** Option 119 (RFC 3397): names to search, which may share endings by pointers. Written without pointers, as allowed. */
export const domainSearch: Shape<readonly string[]> = {
  min: 1,
  max: UNBOUNDED,
  step: 1,
  read: (cursor) => {
    const whole = cursor.bytes(cursor.left);
    const names: string[] = [];
    for (let offset = 0; offset < whole.length; ) {
      if (names.length === MAX_NAMES) throw new Malformed(`more than ${MAX_NAMES} names`);
      const { name, next } = readName(whole, offset, { mayEndEarly: false });
      names.push(name);
      offset = next;
    }
    return names;
  },
  write: (names) => joined(names.map((name) => nameBytes(name, { root: true }))),
  show: (names) => names.map(quoted).join(', '),
};

/** Option 81 (RFC 4702): the client's name and who should update DNS. The two rcodes are obsolete and written as 0. */
export type ClientFqdn = {
  /** Bit 0 S: the server should update the A record. 1 O: it overrode S. 2 E: wire form, not ASCII. 3 N: no updates. */
  readonly flags: number;
  readonly name: string;
};

const WIRE_FORM = 0b0100;

export const clientFqdn: Shape<ClientFqdn> = {
  min: 3,
  max: UNBOUNDED,
  step: 1,
  read: (cursor) => {
    const flags = cursor.u8();
    cursor.skip(2);
    if ((flags & WIRE_FORM) === 0) return { flags, name: cursor.text(cursor.left).replace(/\0+$/, '') };
    const whole = cursor.bytes(cursor.left);
    // RFC 4702 §3.3: a partial name lacks the empty label at its end.
    return { flags, name: whole.length === 0 ? '' : readName(whole, 0, { mayEndEarly: true }).name };
  },
  write: ({ flags, name }) => {
    const encoded = (flags & WIRE_FORM) === 0 ? textBytes(name) : nameBytes(name, { root: name.includes('.') });
    const writer = new Writer(3 + encoded.length);
    writer.u8(flags);
    writer.skip(2);
    writer.copy(encoded);
    return writer.bytes;
  },
  show: ({ flags, name }) => `${quoted(name)} flags ${flags}`,
};

/**
 * The name at `offset`, and where the next one begins. Pointers must lead strictly backwards, so that following them
 * always ends.
 */
function readName(whole: Uint8Array, offset: number, { mayEndEarly }: { readonly mayEndEarly: boolean }) {
  const labels: string[] = [];
  let cursor = new Cursor(whole, offset);
  let at = offset;
  let size = 1;
  let next: number | undefined;
  for (;;) {
    if (mayEndEarly && cursor.left === 0) break;
    const length = cursor.u8();
    if (length === 0) break;
    if (length >= POINTER) {
      const target = ((length & ~POINTER) << 8) | cursor.u8();
      if (target >= at) throw new Malformed(`name pointer at ${at} to ${target}, want an earlier place`);
      next ??= whole.length - cursor.left;
      at = target;
      cursor = new Cursor(whole, target);
      continue;
    }
    if (length > MAX_LABEL) throw new Malformed(`label of ${length} bytes, want at most ${MAX_LABEL}`);
    size += 1 + length;
    if (size > MAX_NAME) throw new Malformed(`name over ${MAX_NAME} bytes`);
    labels.push(labelText(cursor, length));
  }
  return { name: labels.join('.'), next: next ?? whole.length - cursor.left };
}

/** A label that would not read back as itself (a dot or a control character inside) is refused. */
function labelText(cursor: Cursor, length: number): string {
  const label = cursor.text(length);
  if (/[\p{Cc} .\\]/u.test(label)) throw new Malformed(`label ${quoted(label)}`);
  return label;
}

function nameBytes(name: string, { root }: { readonly root: boolean }): Uint8Array {
  const labels = name
    .split('.')
    .filter((label) => label !== '')
    .map(textBytes);
  const writer = new Writer(labels.reduce((sum, label) => sum + 1 + label.length, root ? 1 : 0));
  if (writer.bytes.length > MAX_NAME) throw new RangeError(`got a name of ${writer.bytes.length} bytes: ${name}`);
  for (const label of labels) {
    if (label.length > MAX_LABEL) throw new RangeError(`got a label of ${label.length} bytes in ${name}`);
    writer.u8(label.length);
    writer.copy(label);
  }
  return writer.bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer(parts.reduce((sum, part) => sum + part.length, 0));
  for (const part of parts) writer.copy(part);
  return writer.bytes;
}
