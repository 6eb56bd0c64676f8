import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '#machines/contract/exit-status.ts';
import { MAX_PIECE_BYTES } from '#machines/contract/api/image-resource.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import type { Daemon } from './daemon.ts';
import { badInput, CommandFailure } from './failure.ts';
import type { ProgressBar } from './output/progress.ts';
import { codeOf } from './where.ts';

export type FileDigests = { readonly bytes: number; readonly sha256: string; readonly sha512: string };

/** Where a piece of a file comes from: as many bytes from an offset on as there are, up to the length of `into`. */
export type Source = { readonly bytes: number; read(into: Uint8Array, offset: number): Promise<number> };

/** A daemon that is restarted or a cable that is pulled for a moment ends no upload. */
const TRIES = 5;
const RETRY_MS = 1000;

export async function openFile(path: string, cwd: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(resolve(cwd, path), 'r');
  } catch (error) {
    throw badInput(
      `${path}: ${codeOf(error) === 'ENOENT' ? 'there is no such file' : `cannot be read (${codeOf(error) ?? String(error)})`}`,
    );
  }
  const found = await file.stat();
  if (found.isFile() && found.size > 0) return file;
  await file.close();
  throw badInput(`${path}: ${found.isFile() ? 'it is empty' : 'it is no file'}`);
}

export async function sourceOf(file: FileHandle): Promise<Source> {
  const { size } = await file.stat();
  return {
    bytes: size,
    async read(into, offset) {
      const { bytesRead } = await file.read(into, 0, into.length, offset);
      return bytesRead;
    },
  };
}

export async function digestsOf(source: Source, name: string, bar: ProgressBar): Promise<FileDigests> {
  const [sha256, sha512] = [createHash('sha256'), createHash('sha512')];
  const buffer = Buffer.allocUnsafe(1 << 20);
  for (let at = 0; at < source.bytes; ) {
    const got = await source.read(buffer, at);
    if (got === 0) throw new CommandFailure(EXIT.failed, `${name}: it became shorter while it was read`);
    sha256.update(buffer.subarray(0, got));
    sha512.update(buffer.subarray(0, got));
    at += got;
    bar.show(`reading ${escaped(basename(name))}`, at / source.bytes);
  }
  return { bytes: source.bytes, sha256: sha256.digest('hex'), sha512: sha512.digest('hex') };
}

/** Gives the daemon what it lacks of a file. `sent`: bytes that went over the network. */
export async function upload(
  daemon: Daemon,
  {
    source,
    sha256,
    name,
    bar,
    signal,
  }: {
    readonly source: Source;
    readonly sha256: string;
    readonly name: string;
    readonly bar: ProgressBar;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly sent: number }> {
  const params = { sha256 };
  const buffer = Buffer.allocUnsafe(MAX_PIECE_BYTES);
  let sent = 0;
  let state = (await daemon.ask('getUpload', { params })).value;
  for (let failures = 0; !state.complete; ) {
    const offset = state.bytes;
    bar.show(`sending ${escaped(basename(name))}`, offset / source.bytes);
    const got = await source.read(buffer, offset);
    if (got === 0) throw new CommandFailure(EXIT.failed, `${name}: it became shorter while it was sent`);
    try {
      const query = { offset, total: source.bytes };
      state = (await daemon.ask('putUpload', { params, query, body: buffer.subarray(0, got) }, name)).value;
      sent += got;
      failures = 0;
    } catch (error) {
      if (signal.aborted || !(error instanceof CommandFailure) || error.status !== EXIT.daemonUnreachable) throw error;
      if (++failures >= TRIES) throw error;
      await sleep(RETRY_MS * failures, undefined, { signal });
      // The piece may have arrived although its answer did not.
      state = (await daemon.ask('getUpload', { params })).value;
    }
  }
  return { sent };
}
