import { type Parsed, parsed } from '../../../../values/parsed.ts';

class Malformed extends Error {}

/** Ends the reading around it. */
export function malformed(because: string): never {
  throw new Malformed(because);
}

export type ByteReader = {
  /** Bytes that are left. */
  readonly left: () => number;
  readonly byte: () => number;
  readonly word: () => number;
  readonly long: () => number;
  /** A view of the next `count` bytes. */
  readonly take: (count: number) => Uint8Array;
};

/** Reads in wire order; IPMI is little-endian (v2.0 §2.4). What a peer sent never makes it throw. */
export function readAll<T>(bytes: Uint8Array, read: (from: ByteReader) => T): Parsed<T> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let next = 0;
  const advance = (count: number): number => {
    if (count > bytes.length - next) malformed(`got ${bytes.length} bytes, want ${next + count} at least`);
    const at = next;
    next += count;
    return at;
  };
  try {
    const value = read({
      left: () => bytes.length - next,
      byte: () => view.getUint8(advance(1)),
      word: () => view.getUint16(advance(2), true),
      long: () => view.getUint32(advance(4), true),
      take(count) {
        const at = advance(count);
        return bytes.subarray(at, at + count);
      },
    });
    return parsed(value);
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, because: error.message };
    throw error;
  }
}

export function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const word = (value: number): readonly number[] => [value & 0xff, (value >>> 8) & 0xff];
export const long = (value: number): readonly number[] => [...word(value), ...word(value >>> 16)];
