import { createHash, type Hash } from 'node:crypto';
import { access, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

/** What is fetched: from where, and the digest it must have, if somebody knows it. */
export type Remote = { readonly url: string; readonly sha256: string | undefined };

export type DownloadLimits = {
  readonly atOnce: number;
  readonly bytes: number;
  /** Until the server's first answer, and between any two pieces of the file. */
  readonly idleMs: number;
  /** Before each further try; the last one again and again. */
  readonly retryMs: readonly number[];
};

export const DOWNLOAD_LIMITS: DownloadLimits = {
  atOnce: 2,
  bytes: 32 * 2 ** 30,
  idleMs: 60_000,
  retryMs: [5000, 30_000, 120_000, 600_000],
};

type State =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'fetching'; readonly bytes: number; readonly size: number | undefined }
  | { readonly kind: 'failed'; readonly because: string }
  | { readonly kind: 'here'; readonly path: string };

/**
 * Files of other servers, fetched once in the background and kept under their digest: `dir/SHA256`. A file counts only
 * when it is whole and has the digest that was named; where none was, the digest it had at the first fetch is kept, and
 * it is not fetched again. Whoever asked before is told how far it is.
 */
export function downloads({
  dir,
  log,
  limits = DOWNLOAD_LIMITS,
}: {
  readonly dir: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly limits?: DownloadLimits;
}) {
  const stop = new AbortController();
  const states = new Map<string, State>();
  const running = new Set<Promise<void>>();
  const waiting: (() => void)[] = [];
  let free = limits.atOnce;

  async function slot<T>(work: () => Promise<T>): Promise<T> {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  }

  async function fetchUntilHere(remote: Remote): Promise<void> {
    const { url } = remote;
    const key = keyOf(remote);
    const set = (state: State) => void states.set(key, state);
    for (let tries = 0; !stop.signal.aborted; tries++) {
      try {
        const path = await slot(() => fetchFile({ remote, dir, limits, signal: stop.signal, progress: set }));
        log.info({ url, path }, 'image fetched');
        return set({ kind: 'here', path });
      } catch (error) {
        if (stop.signal.aborted) return undefined;
        const because = reasonOf(error);
        log.warn({ url, because }, 'image could not be fetched');
        set({ kind: 'failed', because });
      }
      const wait = limits.retryMs[Math.min(tries, limits.retryMs.length - 1)] ?? 600_000;
      await sleep(wait, undefined, { signal: stop.signal }).catch(() => {});
    }
    return undefined;
  }

  /** Begins to fetch what is not here. Asking again changes nothing. */
  async function want(remote: Remote): Promise<State> {
    const key = keyOf(remote);
    const known = states.get(key);
    if (known && (known.kind !== 'here' || (await exists(known.path)))) return known;
    const path = await kept(dir, remote);
    const before = states.get(key);
    if (path === undefined && before && before.kind !== 'here') return before;
    const state: State = path === undefined ? { kind: 'waiting' } : { kind: 'here', path };
    states.set(key, state);
    if (state.kind === 'waiting') {
      const work = fetchUntilHere(remote).finally(() => running.delete(work));
      running.add(work);
    }
    return state;
  }

  return {
    want,
    /** Ends all downloads; what has come stays, and is gone on with after the next start. */
    async [Symbol.asyncDispose]() {
      stop.abort();
      for (const wake of waiting.splice(0)) wake();
      await Promise.all(running);
    },
  };
}

export type Downloads = ReturnType<typeof downloads>;

const keyOf = ({ url, sha256 }: Remote): string => `${sha256 ?? ''} ${url}`;
const digestOfUrl = (url: string): string => createHash('sha256').update(url).digest('hex');
/** Which digest the file of a URL had, for images that name none. */
const notePath = (dir: string, url: string): string => join(dir, 'by-url', digestOfUrl(url));

async function kept(dir: string, { url, sha256 }: Remote): Promise<string | undefined> {
  const noted = sha256 ?? (await readFile(notePath(dir, url), 'utf8').catch(() => ''));
  const path = join(dir, noted.trim());
  return /^[0-9a-f]{64}$/.test(noted.trim()) && (await exists(path)) ? path : undefined;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function fetchFile(job: {
  readonly remote: Remote;
  readonly dir: string;
  readonly limits: DownloadLimits;
  readonly signal: AbortSignal;
  readonly progress: (state: State) => void;
}): Promise<string> {
  const { remote, dir, limits, signal, progress } = job;
  const { url, sha256 } = remote;
  await mkdir(join(dir, 'by-url'), { recursive: true });
  await mkdir(join(dir, 'parts'), { recursive: true });
  const part = join(dir, 'parts', `${sha256 ?? 'unnamed'}-${digestOfUrl(url)}`);
  // Without a digest nothing would show that the two halves are of different files.
  if (sha256 === undefined) await rm(part, { force: true });
  const file = await open(part, 'a+');
  const hash = createHash('sha256');
  try {
    let bytes = await addToHash(hash, part);
    await receive({
      url,
      from: bytes,
      idleMs: limits.idleMs,
      signal,
      async begin(from, size) {
        if (from === 0 && bytes > 0) throw new StartOver(part);
        if ((size ?? 0) > limits.bytes) throw new Error(`it has ${size} bytes, more than allowed`);
        progress({ kind: 'fetching', bytes, size });
      },
      async piece(piece, size) {
        bytes += piece.length;
        if (bytes > limits.bytes) throw new Error(`it has more than ${limits.bytes} bytes`);
        hash.update(piece);
        await file.appendFile(piece);
        progress({ kind: 'fetching', bytes, size });
      },
    });
    await file.sync();
  } catch (error) {
    if (error instanceof StartOver) await file.truncate(0);
    throw error;
  } finally {
    await file.close();
  }
  const digest = hash.digest('hex');
  if (sha256 !== undefined && digest !== sha256) {
    await rm(part);
    throw new Error(`it has sha256 ${digest}, the image says ${sha256}`);
  }
  const path = join(dir, digest);
  await rename(part, path);
  if (sha256 === undefined) await writeFile(notePath(dir, url), `${digest}\n`);
  return path;
}

/** The server sends the whole file although a part is here: the part is thrown away. */
class StartOver extends Error {
  constructor(part: string) {
    super(`the server cannot resume, ${part} is begun anew`);
  }
}

async function addToHash(hash: Hash, path: string): Promise<number> {
  const file = await open(path, 'r');
  let bytes = 0;
  for await (const piece of file.createReadStream({ highWaterMark: 1 << 20 })) {
    hash.update(piece as Buffer);
    bytes += (piece as Buffer).length;
  }
  return bytes;
}

async function receive(job: {
  readonly url: string;
  readonly from: number;
  readonly idleMs: number;
  readonly signal: AbortSignal;
  readonly begin: (from: number, size: number | undefined) => Promise<void>;
  readonly piece: (piece: Uint8Array, size: number | undefined) => Promise<void>;
}): Promise<void> {
  const { url, from, idleMs, signal, begin, piece } = job;
  const idle = new AbortController();
  const give = () => idle.abort(new Error(`nothing came for ${idleMs / 1000} s`));
  let timer = setTimeout(give, idleMs);
  try {
    const response = await fetch(url, {
      // What is stored has the digest of the file itself, so no encoding on the way.
      headers: { 'accept-encoding': 'identity', ...(from > 0 ? { range: `bytes=${from}-` } : {}) },
      signal: AbortSignal.any([signal, idle.signal]),
    });
    // A part that is the whole file already: the server has nothing beyond it.
    if (from > 0 && response.status === 416) return await response.body?.cancel();
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
    const start = response.status === 206 ? from : 0;
    const length = response.headers.get('content-length');
    const size = length === null ? undefined : start + Number(length);
    await begin(start, size);
    let got = start;
    for await (const one of response.body) {
      clearTimeout(timer);
      timer = setTimeout(give, idleMs);
      got += one.length;
      await piece(one, size);
    }
    if (size !== undefined && got !== size) throw new Error(`it ended at ${got} of ${size} bytes`);
  } finally {
    clearTimeout(timer);
  }
}

/** undici says only "fetch failed"; what failed is in the cause, which may have a code and no words. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return `${error.message}: ${cause.message || ('code' in cause ? String(cause.code) : cause.name)}`;
}
