import { ANY_IPV4, type Ipv4, ipv4FromBytes } from '#machines/values/ip-address.ts';

/** Bytes that do not hold what was asked of them. Thrown inside the codec only; no exported reader lets it out. */
export class Malformed extends Error {
  override name = 'Malformed';
}

// RFC 2132 says NVT ASCII; what is not ASCII is nearly always UTF-8, and what is neither still has to be shown.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LATIN1 = new TextDecoder('latin1');
const TO_UTF8 = new TextEncoder();

/**
 * Reads forward through part of a buffer and refuses to pass its end. A class, not closures: one is made for every
 * option that is looked at, and this way it is one small object.
 */
export class Cursor {
  readonly #bytes: Uint8Array;
  #offset: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#offset = start;
    this.#end = Math.min(end, bytes.length);
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#end - this.#offset;
  }

  /** Passes over `length` bytes and gives the offset at which they began. */
  skip(length: number): number {
    const start = this.#offset;
    if (length > this.#end - start) throw new Malformed(`got ${this.#end - start} bytes, want ${length}`);
    this.#offset = start + length;
    return start;
  }

  u8(): number {
    return this.#bytes[this.skip(1)] as number;
  }

  u16(): number {
    const at = this.skip(2);
    const bytes = this.#bytes;
    return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  }

  i32(): number {
    const at = this.skip(4);
    const bytes = this.#bytes;
    return (
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)
    );
  }

  u32(): number {
    return this.i32() >>> 0;
  }

  ip(): Ipv4 {
    const at = this.skip(4);
    const bytes = this.#bytes;
    // Most address fields of most messages are zero, and making the text costs more than looking.
    const zero = bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 0 && bytes[at + 3] === 0;
    return zero ? ANY_IPV4 : ipv4FromBytes(bytes, at);
  }

  /** A view, not a copy. */
  bytes(length: number): Uint8Array {
    const start = this.skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A cursor over the next `length` bytes. */
  within(length: number): Cursor {
    const start = this.skip(length);
    return new Cursor(this.#bytes, start, start + length);
  }

  /** Exactly `length` bytes as text: UTF-8 where it is valid, else one character for each byte. */
  text(length: number): string {
    const start = this.skip(length);
    return textOf(this.#bytes, start, start + length);
  }

  /** A fixed field of `length` bytes whose text ends at the first NUL. */
  paddedText(length: number): string {
    const start = this.skip(length);
    let end = start;
    while (end < start + length && this.#bytes[end] !== 0) end++;
    return textOf(this.#bytes, start, end);
  }
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let index = start; index < end; index++) {
    const byte = bytes[index] as number;
    if (byte >= 0x80) return beyondAscii(bytes.subarray(start, end));
    text += String.fromCharCode(byte);
  }
  return text;
}

function beyondAscii(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return LATIN1.decode(bytes);
  }
}

/** UTF-8. Most names are short ASCII, for which a loop is twice as fast as the encoder. */
export function textBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index);
    if (character >= 0x80) return TO_UTF8.encode(text);
    bytes[index] = character;
  }
  return bytes;
}

/** Writes forward through a buffer of known size. Passing its end, or a number that does not fit, is a bug: it throws. */
export class Writer {
  readonly bytes: Uint8Array;
  #offset = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  /** How many bytes are left to write. */
  get left(): number {
    return this.bytes.length - this.#offset;
  }

  /** Leaves `length` bytes as they are (zero) and gives the offset at which they begin. */
  skip(length: number): number {
    const start = this.#offset;
    if (length > this.bytes.length - start) {
      throw new RangeError(`got ${this.bytes.length - start} bytes of room, want ${length}`);
    }
    this.#offset = start + length;
    return start;
  }

  u8(value: number): void {
    checkRange(value, 0, 0xff);
    this.bytes[this.skip(1)] = value;
  }

  u16(value: number): void {
    checkRange(value, 0, 0xffff);
    const at = this.skip(2);
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  i32(value: number): void {
    checkRange(value, -0x8000_0000, 0x7fff_ffff);
    this.#word(value);
  }

  u32(value: number): void {
    checkRange(value, 0, 0xffff_ffff);
    this.#word(value);
  }

  #word(value: number): void {
    const at = this.skip(4);
    this.bytes[at] = value >>> 24;
    this.bytes[at + 1] = value >>> 16;
    this.bytes[at + 2] = value >>> 8;
    this.bytes[at + 3] = value;
  }

  ip(ip: Ipv4): void {
    let at = this.skip(4);
    if (ip === ANY_IPV4) return;
    let quad = 0;
    for (let index = 0; index < ip.length; index++) {
      const character = ip.charCodeAt(index);
      if (character === DOT) {
        this.bytes[at++] = quad;
        quad = 0;
      } else quad = quad * 10 + character - ZERO;
    }
    this.bytes[at] = quad;
  }

  copy(bytes: Uint8Array, start = 0, end = bytes.length): void {
    let at = this.skip(end - start);
    // Options are short: a loop beats making a view of the source for `set`.
    for (let index = start; index < end; index++) this.bytes[at++] = bytes[index] as number;
  }

  /** A fixed field: text, then NULs. At least one NUL must remain, since some ROMs read on until they find one. */
  paddedText(text: string, length: number): void {
    const at = this.skip(length);
    if (text === '') return;
    const bytes = textBytes(text);
    if (bytes.length >= length) {
      throw new RangeError(`got a text of ${bytes.length} bytes, want at most ${length - 1}`);
    }
    this.bytes.set(bytes, at);
  }
}

const DOT = 0x2e;
const ZERO = 0x30;

function checkRange(value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`got ${value}, want an integer from ${least} to ${most}`);
  }
}
