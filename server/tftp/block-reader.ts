import type { TftpFile } from './contract.ts';

/** Bytes of a file around what is being sent. A view is valid until the next `load`. */
export type BlockReader = {
  /** The bytes [offset, offset + length) if they are in memory. */
  view(offset: number, length: number): Uint8Array | undefined;
  /** Brings them there; rejects if the file cannot be read. */
  load(offset: number, length: number): Promise<void>;
};

/** Read ahead of the sender, so that a lock-step transfer waits for the disk once in some forty blocks. */
const READ_AHEAD_BYTES = 64 * 1024;

export function blockReader({ size, content }: Pick<TftpFile, 'size' | 'content'>): BlockReader {
  if (content instanceof Uint8Array) {
    return { view: (offset, length) => content.subarray(offset, offset + length), load: async () => {} };
  }
  let page: Uint8Array = new Uint8Array(0);
  let start = 0;
  return {
    view(offset, length) {
      if (offset < start || offset + length > start + page.length) return undefined;
      return page.subarray(offset - start, offset - start + length);
    },
    async load(offset, length) {
      const wanted = Math.min(Math.max(length, READ_AHEAD_BYTES), size - offset);
      const bytes = await content(offset, wanted);
      if (bytes.length !== wanted) throw new Error(`the file ended at ${offset + bytes.length} of ${size} bytes`);
      page = bytes;
      start = offset;
    },
  };
}
