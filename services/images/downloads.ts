import { createHash } from 'node:crypto';
import { access, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ImageAsset } from '#machines/contract/documents.ts';
import { reach } from './reach.ts';
import { type FileRecord, readRecord, writeRecord } from './records.ts';
import { checkSignature, signedText } from './signatures.ts';
import { digestFor } from './wire/digest-list.ts';

/** What is fetched: from where, the digest it must have, if somebody knows it, and what else must prove it. */
export type Remote = { readonly url: string } & Pick<ImageAsset, 'sha256' | 'sha512' | 'digests' | 'signature'>;

export const remoteOf = (url: string, { sha256, sha512, digests, signature }: ImageAsset): Remote => ({
  url,
  sha256,
  sha512,
  digests,
  signature,
});

/** Whatever is at a URL that begins with `from` is fetched from `to` instead; what proves it stays the same. */
export type Mirror = { readonly from: string; readonly to: string };

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
  mirrors = [],
  now = Date.now,
}: {
  readonly dir: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly limits?: DownloadLimits;
  readonly mirrors?: readonly Mirror[];
  readonly now?: () => number;
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
        const path = await slot(() =>
          fetchFile({ remote, dir, limits, mirrors, now, signal: stop.signal, progress: set }),
        );
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

  /** Fetches what has changed at its server since. What is here is served until the new one is whole and proven. */
  async function refresh(remote: Remote): Promise<Refreshed> {
    const key = keyOf(remote);
    const here = states.get(key);
    if (here?.kind !== 'here' || isPinned(remote)) return 'not-wanted';
    const record = await readRecord(dir, basename(here.path));
    if (record && (await isStill(record, remote))) return 'unchanged';
    const path = await slot(() => fetchFile({ remote, dir, limits, mirrors, now, signal: stop.signal, progress() {} }));
    states.set(key, { kind: 'here', path });
    return path === here.path ? 'unchanged' : 'changed';
  }

  /** By its list of digests, where it has one; else by what the server says without sending it. */
  async function isStill({ digests, validator }: FileRecord, remote: Remote): Promise<boolean> {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(limits.idleMs)]);
    if (remote.digests) {
      const small = (url: string) => fetchSmall(mirrored(url, mirrors), { idleMs: limits.idleMs, signal });
      const wanted = await wantedDigests(remote, { fetchSmall: small, signal });
      return [...wanted.digests].every(([name, { hex }]) => digests[name] === hex);
    }
    if (validator === undefined) return false;
    const head = await reach(mirrored(remote.url, mirrors), { method: 'HEAD', signal });
    if (!head.ok) throw new Error(`the server answered ${head.status}`);
    return validatorOf(head) === validator;
  }

  return {
    want,
    refresh,
    /** Ends all downloads; what has come stays, and is gone on with after the next start. */
    async [Symbol.asyncDispose]() {
      stop.abort();
      for (const wake of waiting.splice(0)) wake();
      await Promise.all(running);
    },
  };
}

export type Downloads = ReturnType<typeof downloads>;

const digestOfText = (text: string): string => createHash('sha256').update(text).digest('hex');

export type Refreshed = 'unchanged' | 'changed' | 'not-wanted';

/** Named by its content: nothing newer can be it. */
const isPinned = ({ sha256, sha512 }: Remote): boolean => (sha256 ?? sha512) !== undefined;

/** What must prove a file beside its digest of SHA-256; nothing: nothing else. */
function demands({ sha512, digests, signature }: Remote): string {
  return sha512 === undefined && !digests && !signature ? '' : JSON.stringify({ sha512, digests, signature });
}
const keyOf = (remote: Remote): string => `${remote.sha256 ?? ''} ${remote.url} ${demands(remote)}`;

/**
 * The name of the note that says which digest the file of a URL had, for images that name none, and for those that want
 * it proven by more: another demand is another note, so that what came before it was made proves nothing.
 */
export function noteOf(remote: Remote): string {
  const more = demands(remote);
  return digestOfText(more === '' ? remote.url : `${remote.url}\n${more}`);
}
/** The name under which a file is kept while it comes. */
export const partOf = (remote: Remote): string => `${remote.sha256 ?? 'unnamed'}-${noteOf(remote)}`;

async function kept(dir: string, remote: Remote): Promise<string | undefined> {
  const { sha256 } = remote;
  const needsNote = sha256 === undefined || demands(remote) !== '';
  const noted = needsNote
    ? (await readFile(join(dir, 'by-url', noteOf(remote)), 'utf8').catch(() => '')).trim()
    : sha256;
  if (sha256 !== undefined && noted !== sha256) return undefined;
  const path = join(dir, noted);
  return /^[0-9a-f]{64}$/.test(noted) && (await exists(path)) ? path : undefined;
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
  readonly mirrors: readonly Mirror[];
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly progress: (state: State) => void;
}): Promise<string> {
  const { remote, dir, limits, mirrors, signal, progress } = job;
  await mkdir(join(dir, 'by-url'), { recursive: true });
  await mkdir(join(dir, 'parts'), { recursive: true });
  const from = mirrored(remote.url, mirrors);
  const prove = {
    fetchSmall: (url: string) => fetchSmall(mirrored(url, mirrors), { idleMs: limits.idleMs, signal }),
    signal,
  };
  const wanted = await wantedDigests(remote, prove);
  const part = join(dir, 'parts', partOf(remote));
  // Without a digest nothing would show that the two halves are of different files.
  if (wanted.digests.size === 0) await rm(part, { force: true });
  const file = await open(part, 'a+');
  const hashes = new Map(['sha256', ...wanted.digests.keys()].map((name) => [name, createHash(name)]));
  let validator: string | undefined;
  const update = (piece: Uint8Array): void => hashes.forEach((hash) => hash.update(piece));
  try {
    let bytes = await readAll(part, update);
    await receive({
      url: from,
      from: bytes,
      idleMs: limits.idleMs,
      signal,
      async begin(start, size, mark) {
        validator = mark;
        if (start === 0 && bytes > 0) throw new StartOver(part);
        if ((size ?? 0) > limits.bytes) throw new Error(`it has ${size} bytes, more than allowed`);
        progress({ kind: 'fetching', bytes, size });
      },
      async piece(piece, size) {
        bytes += piece.length;
        if (bytes > limits.bytes) throw new Error(`it has more than ${limits.bytes} bytes`);
        update(piece);
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
  const checked = [...wanted.by];
  const is = new Map([...hashes].map(([name, hash]) => [name, hash.digest('hex')]));
  try {
    for (const [name, { hex, says }] of wanted.digests) {
      if (is.get(name) !== hex) throw new Error(`it has ${name} ${is.get(name) ?? ''}, ${says} ${hex}`);
    }
    if (remote.signature) checked.push(await checkSignature(part, remote.signature, prove));
  } catch (error) {
    // What is proven wrong is not gone on with; where the proof could not be fetched, all of it comes again.
    await rm(part);
    throw error;
  }
  const sha256 = is.get('sha256') ?? '';
  const path = join(dir, sha256);
  if (from !== remote.url) checked.push(`came from the mirror ${from}`);
  if (checked.length === 0) checked.push('nothing was known to compare with; kept as it was at the first fetch');
  await writeRecord(dir, sha256, {
    url: remote.url,
    at: job.now(),
    checked,
    digests: Object.fromEntries(is),
    ...(validator === undefined ? {} : { validator }),
  });
  await rename(part, path);
  await writeFile(join(dir, 'by-url', noteOf(remote)), `${sha256}\n`);
  return path;
}

type Wanted = {
  readonly digests: ReadonlyMap<string, { readonly hex: string; readonly says: string }>;
  readonly by: readonly string[];
};

/** Which digests the file must have: those of the document, and that of a list, whose signature is proven first. */
async function wantedDigests(remote: Remote, prove: Parameters<typeof checkSignature>[2]): Promise<Wanted> {
  const { url, sha256, sha512, digests: list } = remote;
  const digests = new Map<string, { readonly hex: string; readonly says: string }>();
  const by: string[] = [];
  for (const [name, hex] of [['sha256', sha256] as const, ['sha512', sha512] as const]) {
    if (hex === undefined) continue;
    digests.set(name, { hex, says: 'the image says' });
    by.push(`${name} of the image`);
  }
  if (!list) return { digests, by };
  const bytes = await prove.fetchSmall(list.url);
  const signed = list.signature ? await signedText(bytes, list.signature, list.url, prove) : undefined;
  const { pathname } = new URL(url);
  const found = digestFor(signed?.text ?? Buffer.from(bytes).toString('utf8'), pathname);
  if (!found) throw new Error(`${list.url} has no digest of ${pathname.split('/').at(-1) ?? ''}`);
  const { algorithm, hex } = found;
  const before = digests.get(algorithm);
  if (before && before.hex !== hex)
    throw new Error(`${list.url} says ${algorithm} ${hex}, the image says ${before.hex}`);
  digests.set(algorithm, { hex, says: `${list.url} says` });
  by.push(`${algorithm} of ${list.url}${signed ? `, ${signed.by}` : ', which is not signed'}`);
  return { digests, by };
}

export function mirrored(url: string, mirrors: readonly Mirror[]): string {
  const mirror = mirrors.find(({ from }) => url.startsWith(from));
  return mirror ? `${mirror.to}${url.slice(mirror.from.length)}` : url;
}

/** Lists, signatures, keys and indexes. */
const SMALL_BYTES = 8 << 20;

/** Something small from another server, whole in memory; throws with what went wrong. */
export async function fetchSmall(
  url: string,
  { idleMs, signal }: { readonly idleMs: number; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let got = 0;
  try {
    await receive({
      url,
      from: 0,
      idleMs,
      signal,
      async begin() {},
      async piece(piece) {
        got += piece.length;
        if (got > SMALL_BYTES) throw new Error(`it has more than ${SMALL_BYTES} bytes`);
        pieces.push(piece);
      },
    });
  } catch (error) {
    throw new Error(`${url}: ${reasonOf(error)}`, { cause: error });
  }
  return Buffer.concat(pieces);
}

/** The server sends the whole file although a part is here: the part is thrown away. */
class StartOver extends Error {
  constructor(part: string) {
    super(`the server cannot resume, ${part} is begun anew`);
  }
}

async function readAll(path: string, look: (piece: Uint8Array) => void): Promise<number> {
  const file = await open(path, 'r');
  let bytes = 0;
  for await (const piece of file.createReadStream({ highWaterMark: 1 << 20 })) {
    look(piece as Buffer);
    bytes += (piece as Buffer).length;
  }
  return bytes;
}

async function receive(job: {
  readonly url: string;
  readonly from: number;
  readonly idleMs: number;
  readonly signal: AbortSignal;
  readonly begin: (from: number, size: number | undefined, validator: string | undefined) => Promise<void>;
  readonly piece: (piece: Uint8Array, size: number | undefined) => Promise<void>;
}): Promise<void> {
  const { url, from, idleMs, signal, begin, piece } = job;
  const idle = new AbortController();
  const give = () => idle.abort(new Error(`nothing came for ${idleMs / 1000} s`));
  let timer = setTimeout(give, idleMs);
  try {
    const response = await reach(url, {
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
    await begin(start, size, validatorOf(response));
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

const validatorOf = ({ headers }: Response): string | undefined =>
  headers.get('etag') ?? headers.get('last-modified') ?? undefined;

/** undici says only "fetch failed"; what failed is in the cause, which may have a code and no words. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return `${error.message}: ${cause.message || ('code' in cause ? String(cause.code) : cause.name)}`;
}
