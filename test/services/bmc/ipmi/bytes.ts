/** Bytes written in hex; blanks are for the reader. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  const pairs = text.replaceAll(/\s/g, '').match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}

export const hex = (data: Uint8Array): string =>
  Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('');
