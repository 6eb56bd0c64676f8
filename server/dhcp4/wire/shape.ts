import type { Ipv4 } from '#machines/values/ip-address.ts';
import { type Cursor, Malformed, textBytes, Writer } from './cursor.ts';

/** How the value of an option stands in bytes. */
export type Shape<T> = {
  /** Lengths in bytes that can be right: `min` to `max`, a multiple of `step`. Anything else voids the option. */
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** Reads all that the cursor holds. Throws {@link Malformed}. */
  readonly read: (cursor: Cursor) => T;
  readonly write: (value: T) => Uint8Array;
  /** For people. Text of a client is escaped. */
  readonly show: (value: T) => string;
};

/** Whether so many bytes can be a value of this shape. */
export const canBe = ({ min, max, step }: Pick<Shape<never>, 'min' | 'max' | 'step'>, length: number): boolean =>
  length >= min && length <= max && length % step === 0;

/** RFC 3396 joins repeated options, so a value may be longer than the 255 bytes of one. */
export const UNBOUNDED = 65_535;

const fixed = (length: number) => ({ min: length, max: length, step: 1 });
const some = (min: number, step = 1) => ({ min, max: UNBOUNDED, step });

function written(length: number, fill: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(length);
  fill(writer);
  return writer.bytes;
}

export const u8: Shape<number> = {
  ...fixed(1),
  read: (cursor) => cursor.u8(),
  write: (value) => written(1, (writer) => writer.u8(value)),
  show: String,
};

export const u16: Shape<number> = {
  ...fixed(2),
  read: (cursor) => cursor.u16(),
  write: (value) => written(2, (writer) => writer.u16(value)),
  show: String,
};

export const u32: Shape<number> = {
  ...fixed(4),
  read: (cursor) => cursor.u32(),
  write: (value) => written(4, (writer) => writer.u32(value)),
  show: String,
};

export const i32: Shape<number> = {
  ...fixed(4),
  read: (cursor) => cursor.i32(),
  write: (value) => written(4, (writer) => writer.i32(value)),
  show: String,
};

export const ip: Shape<Ipv4> = {
  ...fixed(4),
  read: (cursor) => cursor.ip(),
  write: (value) => written(4, (writer) => writer.ip(value)),
  show: String,
};

export const ipList: Shape<readonly Ipv4[]> = {
  ...some(4, 4),
  read: (cursor) => {
    const ips: Ipv4[] = [];
    while (cursor.left > 0) ips.push(cursor.ip());
    return ips;
  },
  write: (ips) =>
    written(4 * ips.length, (writer) => {
      for (const one of ips) writer.ip(one);
    }),
  show: (ips) => ips.join(', '),
};

export const u16List: Shape<readonly number[]> = {
  ...some(2, 2),
  read: (cursor) => {
    const numbers: number[] = [];
    while (cursor.left > 0) numbers.push(cursor.u16());
    return numbers;
  },
  write: (numbers) =>
    written(2 * numbers.length, (writer) => {
      for (const one of numbers) writer.u16(one);
    }),
  show: (numbers) => numbers.join(', '),
};

/** RFC 2132 §2: no NUL belongs in it, yet many clients send one at the end; those are taken off. */
export const text: Shape<string> = {
  ...some(1),
  read: (cursor) => {
    const all = cursor.text(cursor.left);
    let end = all.length;
    while (end > 0 && all.charCodeAt(end - 1) === 0) end--;
    return end === all.length ? all : all.slice(0, end);
  },
  write: textBytes,
  show: quoted,
};

/** Opaque. What is read is a view of the datagram. */
export const bytes = (min: number, max = UNBOUNDED): Shape<Uint8Array> => ({
  min,
  max,
  step: 1,
  read: (cursor) => cursor.bytes(cursor.left),
  write: (value) => value,
  show: hex,
});

/** A list of option codes, in the order of the sender's preference (RFC 2132 §9.8). */
export const codes: Shape<Uint8Array> = { ...bytes(1), show: (list) => list.join(',') };

/** An option without a value (RFC 4039): being there is all it says. */
export const presence: Shape<true> = {
  ...fixed(0),
  read: () => true,
  write: () => new Uint8Array(0),
  show: () => 'yes',
};

const MESSAGE_TYPES = ['DISCOVER', 'OFFER', 'REQUEST', 'DECLINE', 'ACK', 'NAK', 'RELEASE', 'INFORM'] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

/** RFC 2132 §9.6. Later types (force renew, lease query …) are not ours to read. */
export const messageType: Shape<MessageType> = {
  ...fixed(1),
  read: (cursor) => {
    const code = cursor.u8();
    const type = MESSAGE_TYPES[code - 1];
    if (!type) throw new Malformed(`message type ${code}, want 1 to 8`);
    return type;
  },
  write: (type) => Uint8Array.of(MESSAGE_TYPES.indexOf(type) + 1),
  show: String,
};

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function hex(value: Uint8Array): string {
  return Array.from(value, (byte) => HEX[byte]).join(' ');
}

/**
 * What a stranger wrote, safe for a log or a terminal: in double quotes, with everything that is not printable ASCII
 * as \xNN or \u{N}, and cut to 255 characters.
 */
export function quoted(value: string): string {
  const shown = value.slice(0, 255).replaceAll(/[^ !#-[\]-~]/gu, (character) => {
    if (character === '"' || character === '\\') return `\\${character}`;
    const point = character.codePointAt(0) ?? 0;
    return point < 256 ? `\\x${HEX[point]}` : `\\u{${point.toString(16)}}`;
  });
  return value.length > 255 ? `"${shown}"… (${value.length} characters)` : `"${shown}"`;
}
