import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import type { TftpFile, TftpFiles, TftpRefusal } from './contract.ts';
import { sharedBytes } from './shared-bytes.ts';
import { TFTP_ERROR } from './wire/packet.ts';

/** A name that is served wherever it lies: bytes in memory, or a path that the administrator or we have chosen. */
export type ServedFile =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'path'; readonly path: string };

/** Bounds of what is kept in memory, in bytes. */
export const DISK_FILES_MEMORY = { maxBytes: 128 << 20, maxFileBytes: 32 << 20 } as const;

/**
 * Files for the TFTP server: the names of `served` first, then what lies under `root`. From the root no symlink leads
 * out, only regular files are served, and a file keeps the size and content that it had when it was opened, or the
 * transfer fails.
 *
 * `served` is asked anew for each request, so a map that changes is followed.
 */
export function diskFiles({
  root,
  served = new Map(),
  memory = DISK_FILES_MEMORY,
}: {
  readonly root?: string | undefined;
  readonly served?: { get(name: string): ServedFile | undefined };
  readonly memory?: { readonly maxBytes: number; readonly maxFileBytes: number };
}): TftpFiles {
  const shared = sharedBytes(memory);

  async function openPath(path: string, within: string | undefined): Promise<TftpFile | TftpRefusal> {
    // A FIFO without O_NONBLOCK would hold one of Node's few threads until somebody writes to it.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    let keepOpen = false;
    try {
      if (within !== undefined && !isInside(within, await pathOf(handle, path))) return OUTSIDE;
      const stat = await handle.stat({ bigint: true });
      if (!stat.isFile()) return refused(TFTP_ERROR.notFound, 'not a file');
      const size = Number(stat.size);
      const key = [stat.dev, stat.ino, stat.size, stat.mtimeNs].join(' ');
      const held = await shared.hold(key, size, () => readExactly(handle, 0, size));
      if (held) return { kind: 'file', size, content: held.bytes, close: held.release };
      keepOpen = true;
      return {
        kind: 'file',
        size,
        content: (offset, length) => readExactly(handle, offset, length),
        close: () => void handle.close().catch(() => {}),
      };
    } finally {
      if (!keepOpen) await handle.close();
    }
  }

  async function openInRoot(name: string): Promise<TftpFile | TftpRefusal> {
    if (root === undefined) return NOT_FOUND;
    const realRoot = await realpath(root);
    const path = await realpath(join(realRoot, name));
    return isInside(realRoot, path) ? await openPath(path, realRoot) : OUTSIDE;
  }

  return {
    async open({ name }) {
      try {
        const one = served.get(name);
        if (!one) return await openInRoot(name);
        if (one.kind === 'path') return await openPath(one.path, undefined);
        return { kind: 'file', size: one.bytes.length, content: one.bytes, close() {} };
      } catch (error) {
        return refusalOf(error);
      }
    },
  };
}

const refused = (code: number, because: string): TftpRefusal => ({ kind: 'refused', code, because });
const NOT_FOUND = refused(TFTP_ERROR.notFound, 'file not found');
const OUTSIDE = refused(TFTP_ERROR.accessViolation, 'the name leads out of the root');

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/**
 * Where an open file really lies. The path was resolved before it was opened, and somebody who may write in the root
 * could have put a symlink in between; Linux tells where the descriptor itself ended up.
 */
async function pathOf(handle: FileHandle, resolved: string): Promise<string> {
  try {
    return await readlink(`/proc/self/fd/${handle.fd}`);
  } catch {
    return resolved;
  }
}

async function readExactly(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  // Not from Node's pool of small buffers: these bytes live long.
  const bytes = Buffer.allocUnsafeSlow(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await handle.read(bytes, got, length - got, offset + got);
    if (bytesRead === 0) throw new Error(`the file ended at ${offset + got} bytes, want ${offset + length}`);
    got += bytesRead;
  }
  return bytes;
}

/** "Not there" and "could not look" are different answers, to the client and in the trace. */
function refusalOf(error: unknown): TftpRefusal {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
      return NOT_FOUND;
    case 'EACCES':
    case 'EPERM':
      return refused(TFTP_ERROR.accessViolation, 'the file may not be read');
    case 'ELOOP':
      return OUTSIDE;
    default:
      return refused(TFTP_ERROR.undefined, `the file could not be looked for (${code || 'internal error'})`);
  }
}
