import type { FileHandle } from 'node:fs/promises';
import { describe, openToRead } from './blob.ts';
import type { Blob } from './contract.ts';

/** Bytes of a blob at some offset, as many as were handy: shared, so they must not be changed. */
export type Chunk = {
  readonly bytes: Uint8Array;
  /** The memory may be used for something else from now on. Call once. */
  release(): void;
};

export type OpenBlob = {
  /** Bytes from `offset` on, at least one; rejects if the file cannot be read or is no longer what the blob said. */
  read(offset: number): Promise<Chunk>;
  /** Begins to read what will be wanted next, if there is room. */
  readAhead(offset: number): void;
  close(): void;
};

type Entry = {
  readonly key: string;
  readonly buffer: Uint8Array;
  readonly length: number;
  users: number;
  ready: Promise<void>;
};

type OpenFile = { readonly key: string; readonly handle: Promise<FileHandle>; users: number };

export const SHARED_CHUNKS = { maxBytes: 256 << 20, chunkBytes: 1 << 20, privateBytes: 64 << 10 } as const;

/**
 * Files in memory in chunks, each chunk read once for all who send it. A file that many want at once is held whole;
 * of one larger than memory, readers that are near each other share what they read.
 *
 * No more than `maxBytes` are held, whoever uses them. While a chunk is used it stays; where there is no room for
 * another, a reader gets a small piece of its own (`privateBytes`), so that clients who take minutes for one chunk
 * cannot stop the others.
 */
export function sharedChunks({
  maxBytes,
  chunkBytes,
  privateBytes,
}: {
  readonly maxBytes: number;
  readonly chunkBytes: number;
  readonly privateBytes: number;
} = SHARED_CHUNKS) {
  /** Least recently used first. */
  const entries = new Map<string, Entry>();
  const files = new Map<string, OpenFile>();
  let held = 0;
  let reads = 0;

  /** Memory for `length` bytes out of the bound, or nothing. Takes over a buffer that is thrown out if one fits. */
  function makeRoom(length: number): Uint8Array | undefined {
    if (length > maxBytes) return undefined;
    for (const entry of entries.values()) {
      if (held + length <= maxBytes) break;
      if (entry.users > 0) continue;
      forget(entry);
      if (entry.buffer.length === length) {
        held += length;
        return entry.buffer;
      }
    }
    if (held + length > maxBytes) return undefined;
    held += length;
    return Buffer.allocUnsafeSlow(length);
  }

  function forget(entry: Entry): void {
    if (entries.get(entry.key) !== entry) return;
    entries.delete(entry.key);
    held -= entry.buffer.length;
  }

  /** The chunk, being read if need be; nothing where there is no room. The caller counts as a user of it. */
  function take(blob: Blob, file: OpenFile, index: number): Entry | undefined {
    const key = `${blob.path} ${blob.etag} ${index}`;
    const known = entries.get(key);
    if (known) {
      entries.delete(key);
      entries.set(key, known);
      known.users++;
      return known;
    }
    const offset = index * chunkBytes;
    const length = Math.min(chunkBytes, blob.size - offset);
    const buffer = makeRoom(length);
    if (!buffer) return undefined;
    const entry: Entry = { key, buffer, length, users: 2, ready: Promise.resolve() };
    entries.set(key, entry);
    reads++;
    // The reading itself is a user of both: the buffer must not go to another while the kernel writes into it, and the
    // file must stay open although who began to read may have gone, since others wait for the same chunk.
    file.users++;
    entry.ready = file.handle
      .then((handle) => readChunk(handle, blob, buffer, offset))
      .finally(() => {
        entry.users--;
        leave(file);
      });
    entry.ready.catch(() => forget(entry));
    return entry;
  }

  function leave(file: OpenFile): void {
    if (--file.users > 0) return;
    if (files.get(file.key) === file) files.delete(file.key);
    file.handle.then((handle) => handle.close()).catch(() => {});
  }

  async function open(blob: Blob): Promise<OpenBlob> {
    const key = `${blob.path} ${blob.etag}`;
    const file = files.get(key) ?? { key, handle: openSame(blob), users: 0 };
    files.set(key, file);
    file.users++;
    let closed = false;
    const close = () => {
      if (!closed) leave(file);
      closed = true;
    };
    try {
      await file.handle;
    } catch (error) {
      close();
      throw error;
    }
    return {
      async read(offset) {
        const index = Math.floor(offset / chunkBytes);
        const entry = take(blob, file, index);
        if (!entry)
          return await readPrivately(await file.handle, blob, offset, Math.min(privateBytes, blob.size - offset));
        try {
          await entry.ready;
        } catch (error) {
          entry.users--;
          throw error;
        }
        return {
          bytes: entry.buffer.subarray(offset - index * chunkBytes, entry.length),
          release: () => void entry.users--,
        };
      },
      readAhead(offset) {
        if (offset >= blob.size) return;
        const entry = take(blob, file, Math.floor(offset / chunkBytes));
        if (entry) entry.users--;
      },
      close,
    };
  }

  return {
    /** Rejects if the file is gone or is no longer the one that the blob describes. Close it. */
    open,
    bytesHeld: () => held,
    /** How often a file was read, for tests: concurrent downloads of one file read each chunk once. */
    chunkReads: () => reads,
  };
}

export type SharedChunks = ReturnType<typeof sharedChunks>;

async function openSame(blob: Blob): Promise<FileHandle> {
  const handle = await openToRead(blob.path);
  try {
    if ((await describe(handle, blob.path))?.etag !== blob.etag) throw new Error(`${blob.path} has changed`);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A file that is written to while it is sent would reach the machine as half of one and half of another. */
async function readChunk(handle: FileHandle, blob: Blob, into: Uint8Array, offset: number): Promise<void> {
  await readExactly(handle, into, offset);
  if ((await describe(handle, blob.path))?.etag !== blob.etag) throw new Error(`${blob.path} has changed`);
}

async function readPrivately(handle: FileHandle, blob: Blob, offset: number, length: number): Promise<Chunk> {
  const bytes = Buffer.allocUnsafeSlow(length);
  await readChunk(handle, blob, bytes, offset);
  return { bytes, release() {} };
}

async function readExactly(handle: FileHandle, into: Uint8Array, offset: number): Promise<void> {
  let got = 0;
  while (got < into.length) {
    const { bytesRead } = await handle.read(into, got, into.length - got, offset + got);
    if (bytesRead === 0) throw new Error(`the file ended at ${offset + got} bytes, want ${offset + into.length}`);
    got += bytesRead;
  }
}
