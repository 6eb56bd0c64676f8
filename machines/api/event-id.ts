const DIGITS = '0123456789abcdefghijklmnopqrstuv';

/**
 * An event's id (an xid): 20 characters of base32hex in lower case over 12 bytes, namely the time in seconds (4 bytes),
 * a number of the machine and its process (5), a counter (3). They sort as their times and counters do.
 */
export function eventId(parts: {
  readonly atMs: number;
  readonly origin: Uint8Array;
  readonly counter: number;
}): string {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(parts.atMs / 1000) >>> 0);
  bytes.set(parts.origin.subarray(0, 5), 4);
  view.setUint8(9, (parts.counter >>> 16) & 0xff);
  view.setUint16(10, parts.counter & 0xffff);
  let text = '';
  // 96 bits in groups of 5: 20 digits, the last of which holds the one bit that is left.
  for (let bit = 0; bit < 100; bit += 5) {
    let digit = 0;
    for (let next = bit; next < bit + 5; next++) {
      digit = (digit << 1) | (((bytes[next >> 3] ?? 0) >> (7 - (next & 7))) & 1);
    }
    text += DIGITS[digit];
  }
  return text;
}
