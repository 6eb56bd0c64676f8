const BLOCK = 512;

/** An archive of one file (POSIX ustar) that only its owner may read; its name fits into 100 bytes. */
export function tarFile(name: string, content: Uint8Array, atMs: number): Uint8Array {
  const padded = Math.ceil(content.length / BLOCK) * BLOCK;
  // Two empty blocks end an archive.
  const archive = new Uint8Array(BLOCK + padded + 2 * BLOCK);
  const put = (at: number, text: string): void => archive.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  put(0, name);
  put(100, octal(0o600, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(content.length, 11));
  put(136, octal(Math.floor(atMs / 1000), 11));
  put(148, ' '.repeat(8));
  put(156, '0');
  put(257, 'ustar\u000000');
  const sum = archive.subarray(0, BLOCK).reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  archive.set(content, BLOCK);
  return archive;
}
