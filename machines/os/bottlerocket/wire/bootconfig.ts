const MAGIC = '#BOOTCONFIG\n';
const ALIGN = 4;

/**
 * A boot config as an initrd that holds nothing else (the kernel's admin-guide/bootconfig): the text, zeros up to a
 * multiple of four, its size with them and the sum of its bytes, both 32 bits little-endian, and a magic word.
 */
export function encodeBootconfig(text: string): Uint8Array {
  const content = new TextEncoder().encode(text);
  const size = Math.ceil(content.length / ALIGN) * ALIGN;
  const bytes = new Uint8Array(size + 8 + MAGIC.length);
  const view = new DataView(bytes.buffer);
  bytes.set(content);
  view.setUint32(size, size, true);
  view.setUint32(size + 4, content.reduce((sum, byte) => sum + byte, 0) >>> 0, true);
  bytes.set(new TextEncoder().encode(MAGIC), size + 8);
  return bytes;
}

/** The text of such an initrd; undefined where it is none, or its sum is wrong. */
export function decodeBootconfig(bytes: Uint8Array): string | undefined {
  const end = bytes.length - MAGIC.length - 8;
  if (end < 0 || new TextDecoder('latin1').decode(bytes.subarray(end + 8)) !== MAGIC) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(end, true);
  if (size > end) return undefined;
  const content = bytes.subarray(end - size, end);
  if (content.reduce((sum, byte) => sum + byte, 0) >>> 0 !== view.getUint32(end + 4, true)) return undefined;
  const text = new TextDecoder().decode(content);
  return text.replace(/\0+$/, '');
}
