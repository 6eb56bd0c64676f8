const LF = 0x0a;
const CR = 0x0d;
const NUL = 0x00;

/** RFC 764 by way of RFC 1350 §1: a line ends with CR LF, a bare CR is CR NUL. */
export function toNetascii(bytes: Uint8Array): Uint8Array {
  let extra = 0;
  for (const byte of bytes) if (byte === LF || byte === CR) extra++;
  const text = new Uint8Array(bytes.length + extra);
  let at = 0;
  for (const byte of bytes) {
    if (byte === LF) text[at++] = CR;
    text[at++] = byte;
    if (byte === CR) text[at++] = NUL;
  }
  return text;
}
