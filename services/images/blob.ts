import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Blob } from './contract.ts';

export type BlobLookup =
  | { readonly kind: 'found'; readonly blob: Blob }
  | { readonly kind: 'missing'; readonly because: string };

/** Looks at a file. The reason names the file, since an operator reads it. */
export async function lookAtFile(path: string): Promise<BlobLookup> {
  try {
    const handle = await openToRead(path);
    try {
      const blob = await describe(handle, path);
      return blob ? { kind: 'found', blob } : { kind: 'missing', because: `${path} is not a file` };
    } finally {
      await handle.close();
    }
  } catch (error) {
    return { kind: 'missing', because: `${path} ${whyNot(error)}` };
  }
}

/** A FIFO without O_NONBLOCK would hold one of Node's few threads until somebody writes to it. */
export const openToRead = (path: string): Promise<FileHandle> => open(path, constants.O_RDONLY | constants.O_NONBLOCK);

/** The blob behind an open file; nothing if it is no regular file. */
export async function describe(handle: FileHandle, path: string): Promise<Blob | undefined> {
  const stat = await handle.stat({ bigint: true });
  if (!stat.isFile()) return undefined;
  return {
    size: Number(stat.size),
    // Device and inode tell a file that was replaced within one tick of the clock.
    etag: [stat.dev, stat.ino, stat.size, stat.mtimeNs].map((part) => part.toString(36)).join('-'),
    modifiedAt: Number(stat.mtimeMs),
    contentType: contentTypeOf(path),
    path,
  };
}

/** UEFI HTTP Boot takes what is called `application/efi`, or goes by the ending; anything else it refuses. */
export const contentTypeOf = (path: string): string =>
  path.endsWith('.efi') ? 'application/efi' : 'application/octet-stream';

/** "Not there" and "could not look" are different reasons. */
function whyNot(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by the daemon';
    default:
      return `could not be opened (${code})`;
  }
}
