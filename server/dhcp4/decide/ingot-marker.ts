/**
 * How two Ingots on one segment see each other. A probe is a DISCOVER with option 60 `Ingot:probe`; every Ingot answers
 * one with a marker in option 224 (private use, RFC 3942), whatever its mode, and other servers as they answer any
 * client. Nothing of it is in answers to real clients.
 *
 * The marker: `ingot`, a version, eight random bytes that tell instances apart, and for how many seconds it has been
 * running. By that, and not by a clock, the later one is known.
 */
export type IngotMarker = { readonly id: string; readonly upSeconds: number };

export const PROBE_CLASS = 'Ingot:probe';
export const MARKER_OPTION = 224;

const NAME = new TextEncoder().encode('ingot');
const VERSION = 1;
const ID_BYTES = 8;
const ID_AT = NAME.length + 1;
const LENGTH = ID_AT + ID_BYTES + 4;

/** `id`: sixteen hexadecimal digits. */
export function writeMarker({ id, upSeconds }: IngotMarker): Uint8Array {
  const bytes = new Uint8Array(LENGTH);
  bytes.set(NAME);
  bytes[NAME.length] = VERSION;
  bytes.set(Uint8Array.from(id.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)).subarray(0, ID_BYTES), ID_AT);
  new DataView(bytes.buffer).setUint32(ID_AT + ID_BYTES, Math.min(upSeconds, 0xffff_ffff));
  return bytes;
}

export function readMarker(bytes: Uint8Array | undefined): IngotMarker | undefined {
  if (bytes?.length !== LENGTH || bytes[NAME.length] !== VERSION) return undefined;
  if (NAME.some((byte, index) => bytes[index] !== byte)) return undefined;
  const id = Array.from(bytes.subarray(ID_AT, ID_AT + ID_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { id, upSeconds: new DataView(bytes.buffer, bytes.byteOffset).getUint32(ID_AT + ID_BYTES) };
}

/** The one that has run for longer answers; of two that began in the same second, the one with the lower id. */
export const isLater = (mine: IngotMarker, other: IngotMarker): boolean =>
  mine.upSeconds === other.upSeconds ? mine.id > other.id : mine.upSeconds < other.upSeconds;
