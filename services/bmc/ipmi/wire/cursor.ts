/** What bytes say, or why they are not in the protocol. */
export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly because: string };

class Malformed extends Error {}

/** Ends the decoding around it: `because` comes out of `decoding`. */
export function malformed(because: string): never {
  throw new Malformed(because);
}

/** Reads bytes from front to back. Never throws for what is in them, however hostile. */
export function decoding<T>(bytes: Uint8Array, read: (cursor: Cursor) => T): Decoded<T> {
  try {
    return { ok: true, value: read(cursor(bytes)) };
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, because: error.message };
    throw error;
  }
}

export type Cursor = ReturnType<typeof cursor>;

/** IPMI is little-endian (v2.0 §2.4) but for what ASF brought along. Runs out by `malformed`, never past the end. */
function cursor(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const step = (count: number, what: string): number => {
    if (at + count > bytes.length) {
      malformed(`${what} needs ${count} bytes at ${at}, there are ${bytes.length} in all`);
    }
    at += count;
    return at - count;
  };
  return {
    position: () => at,
    left: () => bytes.length - at,
    uint8: (what: string): number => view.getUint8(step(1, what)),
    uint16: (what: string): number => view.getUint16(step(2, what), true),
    uint24(what: string): number {
      const start = step(3, what);
      return view.getUint16(start, true) | (view.getUint8(start + 2) << 16);
    },
    uint32: (what: string): number => view.getUint32(step(4, what), true),
    bigEndian32: (what: string): number => view.getUint32(step(4, what)),
    /** A view, not a copy. */
    bytes(count: number, what: string): Uint8Array {
      const start = step(count, what);
      return bytes.subarray(start, start + count);
    },
    rest: (): Uint8Array => bytes.subarray(step(bytes.length - at, 'the rest')),
  };
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const uint16Bytes = (value: number): Uint8Array => Uint8Array.of(value & 0xff, (value >>> 8) & 0xff);

export const uint32Bytes = (value: number): Uint8Array =>
  Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff);

export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
