import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { join } from 'node:path';

export type UploadLimits = {
  /** Of one file. */
  readonly bytes: number;
  /** What must be left of the disk. */
  readonly spareBytes: number;
  /** Digests under way that are held in memory; of more, the part is read again. */
  readonly hashes: number;
};

export const UPLOAD_LIMITS: UploadLimits = { bytes: 64 * 2 ** 30, spareBytes: 2 ** 30, hashes: 16 };

export type UploadState = { readonly bytes: number; readonly complete: boolean };

export type AddedPiece =
  | ({ readonly kind: 'added' } & UploadState)
  /** The piece does not begin where the file ends. */
  | { readonly kind: 'elsewhere'; readonly bytes: number }
  | { readonly kind: 'wrong'; readonly because: string }
  | { readonly kind: 'no-room'; readonly because: string };

export type Uploads = {
  look(sha256: string): Promise<UploadState>;
  add(piece: {
    readonly sha256: string;
    readonly offset: number;
    readonly total: number;
    readonly bytes: Uint8Array;
  }): Promise<AddedPiece>;
};

/**
 * Files that are given to the daemon piece by piece, and count when they are whole and have the digest under which they
 * were announced: then they are `dir/SHA256`. What has come stays over a restart, so whoever was cut off asks how much
 * is there and goes on.
 */
export function openUploads({
  dir,
  limits = UPLOAD_LIMITS,
}: {
  readonly dir: string;
  readonly limits?: UploadLimits;
}): Uploads {
  /** Oldest first. */
  const hashes = new Map<string, { readonly hash: Hash; bytes: number }>();
  const turns = new Map<string, Promise<unknown>>();
  const whole = (sha256: string): string => join(dir, sha256);
  const part = (sha256: string): string => join(dir, 'parts', `upload-${sha256}`);

  /** One at a time for each file. */
  function inTurn<T>(sha256: string, work: () => Promise<T>): Promise<T> {
    const mine = (turns.get(sha256) ?? Promise.resolve()).then(work, work);
    turns.set(sha256, mine);
    const leave = (): void => void (turns.get(sha256) === mine && turns.delete(sha256));
    mine.then(leave, leave);
    return mine;
  }

  async function look(sha256: string): Promise<UploadState> {
    const done = await sizeOf(whole(sha256));
    if (done === undefined) return { bytes: (await sizeOf(part(sha256))) ?? 0, complete: false };
    // Whoever is told that a file is here names it next; until then it must not look forgotten.
    const now = new Date();
    await utimes(whole(sha256), now, now);
    return { bytes: done, complete: true };
  }

  async function hashOf(sha256: string, bytes: number): Promise<Hash> {
    const known = hashes.get(sha256);
    if (known?.bytes === bytes) return known.hash;
    const hash = createHash('sha256');
    if (bytes > 0) for await (const piece of createReadStream(part(sha256), { end: bytes - 1 })) hash.update(piece);
    return hash;
  }

  function keepHash(sha256: string, hash: Hash, bytes: number): void {
    hashes.delete(sha256);
    hashes.set(sha256, { hash, bytes });
    const [oldest] = hashes.keys();
    if (hashes.size > limits.hashes && oldest !== undefined) hashes.delete(oldest);
  }

  async function roomFor(bytes: number): Promise<string | undefined> {
    const { bavail, bsize } = await statfs(dir);
    const free = bavail * bsize - limits.spareBytes;
    return bytes <= free ? undefined : `${bytes} bytes are to come, and ${dir} has room for ${Math.max(0, free)}`;
  }

  async function add({ sha256, offset, total, bytes }: Parameters<Uploads['add']>[0]): Promise<AddedPiece> {
    const state = await look(sha256);
    if (state.complete) return { kind: 'added', ...state };
    if (total > limits.bytes) return { kind: 'wrong', because: `it has ${total} bytes, want at most ${limits.bytes}` };
    if (bytes.length === 0) return { kind: 'wrong', because: 'the piece is empty' };
    if (offset !== state.bytes) return { kind: 'elsewhere', bytes: state.bytes };
    if (offset + bytes.length > total) {
      return { kind: 'wrong', because: `the piece ends at ${offset + bytes.length} of ${total} bytes` };
    }
    await mkdir(join(dir, 'parts'), { recursive: true });
    const noRoom = await roomFor(total - offset);
    if (noRoom !== undefined) return { kind: 'no-room', because: noRoom };
    const hash = await hashOf(sha256, offset);
    const end = offset + bytes.length;
    hashes.delete(sha256);
    const file = await open(part(sha256), 'a');
    try {
      await file.appendFile(bytes);
      hash.update(bytes);
      if (end < total) {
        keepHash(sha256, hash, end);
        return { kind: 'added', bytes: end, complete: false };
      }
      return await finish(sha256, hash, end, file);
    } finally {
      await file.close();
    }
  }

  async function finish(sha256: string, hash: Hash, bytes: number, file: FileHandle): Promise<AddedPiece> {
    const digest = hash.digest('hex');
    if (digest !== sha256) {
      await rm(part(sha256));
      return { kind: 'wrong', because: `all ${bytes} bytes came, and have sha256 ${digest}, want ${sha256}` };
    }
    await file.sync();
    await rename(part(sha256), whole(sha256));
    return { kind: 'added', bytes, complete: true };
  }

  return {
    look: (sha256) => inTurn(sha256, () => look(sha256)),
    add: (piece) => inTurn(piece.sha256, () => add(piece)),
  };
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
