/** Fields of a block of bytes by their offset. What lies beyond the end is undefined: old tables are shorter than new ones. */
export type Fields = {
  readonly length: number;
  u8(at: number): number | undefined;
  /** Little-endian, as are the others but where it says `be`. */
  u16(at: number): number | undefined;
  u32(at: number): number | undefined;
  /** Rounded where it is beyond 2^53. */
  u64(at: number): number | undefined;
  be16(at: number): number | undefined;
  be32(at: number): number | undefined;
  be64(at: number): number | undefined;
  /** A view; undefined unless all of it is there. */
  bytes(at: number, length: number): Uint8Array | undefined;
  /** Are these the bytes at this place? A string is Latin-1. */
  has(at: number, wanted: string | readonly number[]): boolean;
  /** Latin-1, up to the first NUL. */
  text(at: number, length: number): string | undefined;
};

const LATIN1 = new TextDecoder('latin1');

export function fieldsOf(bytes: Uint8Array): Fields {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const within = (at: number, length: number): boolean =>
    Number.isSafeInteger(at) && at >= 0 && length >= 0 && at + length <= bytes.length;
  const slice = (at: number, length: number): Uint8Array | undefined =>
    within(at, length) ? bytes.subarray(at, at + length) : undefined;
  return {
    length: bytes.length,
    u8: (at) => (within(at, 1) ? view.getUint8(at) : undefined),
    u16: (at) => (within(at, 2) ? view.getUint16(at, true) : undefined),
    u32: (at) => (within(at, 4) ? view.getUint32(at, true) : undefined),
    u64: (at) => (within(at, 8) ? Number(view.getBigUint64(at, true)) : undefined),
    be16: (at) => (within(at, 2) ? view.getUint16(at) : undefined),
    be32: (at) => (within(at, 4) ? view.getUint32(at) : undefined),
    be64: (at) => (within(at, 8) ? Number(view.getBigUint64(at)) : undefined),
    bytes: slice,
    has(at, wanted) {
      if (!within(at, wanted.length)) return false;
      for (let index = 0; index < wanted.length; index++) {
        const byte = typeof wanted === 'string' ? wanted.charCodeAt(index) : wanted[index];
        if (bytes[at + index] !== byte) return false;
      }
      return true;
    },
    text(at, length) {
      const part = slice(at, length);
      if (!part) return undefined;
      const end = part.indexOf(0);
      return LATIN1.decode(end < 0 ? part : part.subarray(0, end));
    },
  };
}
