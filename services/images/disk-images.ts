import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdCompress, createZstdDecompress, constants } from 'node:zlib';
import type { Logger } from 'pino';
import { z } from 'zod';
import { type BlobLookup, lookAtFile } from './blob.ts';
import type { Blob, DiskImages, DiskImageState } from './contract.ts';
import { type DiskFormat, diskFormatOf, FORMAT_BYTES } from './wire/disk-format.ts';
import { qcow2Bytes } from './qcow2.ts';

/** zstd's own default: level 19 saves a tenth more and takes thirty times as long. */
const LEVEL = 3;
const SECTOR_BYTES = 512;
/** A few kilobytes of gzip or qcow2 can stand for petabytes, and would be read for weeks. */
const MAX_RAW_BYTES = 4 * 2 ** 40;

/** What was found out about a source, kept beside what was made of it. */
const known = z.object({
  source: z.string(),
  etag: z.string(),
  compression: z.enum(['none', 'zstd']),
  sha256: z.string(),
  rawBytes: z.number(),
  /** The file that was made; absent where the source itself is served. */
  file: z.string().optional(),
});
type Known = z.output<typeof known>;

type Work = { readonly etag: string; state: DiskImageState; ended: Promise<void> };

/** Debian's packages of the programs that read what Node cannot. */
const PROGRAMS = {
  xz: { program: 'xz', args: ['-dc'], from: 'xz-utils' },
  lz4: { program: 'lz4', args: ['-dc'], from: 'lz4' },
  bzip2: { program: 'bzip2', args: ['-dc'], from: 'bzip2' },
} as const;

/**
 * Images of whole disks. Whatever form one has (raw, gzip, xz, zstd, lz4, bzip2, qcow2), it is read once, to its end,
 * before any machine gets it: then its real size and digest are known, and it is kept as zstd. One that is zstd already
 * is read and counted, and served as it is.
 *
 * Dispose of it to end what is being prepared.
 */
export function openDiskImages(parts: {
  /** The file of an image's disk asset. */
  readonly asset: (image: string) => Promise<BlobLookup>;
  readonly dir: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly maxRawBytes?: number;
}): DiskImages & AsyncDisposable {
  const { asset, dir, log, maxRawBytes = MAX_RAW_BYTES } = parts;
  const ending = new AbortController();
  const work = new Map<string, Work>();
  const ready = new Map<string, Known>();
  const sidecar = (source: string): string =>
    join(dir, `${createHash('sha256').update(source).digest('hex').slice(0, 32)}.json`);

  async function remembered(blob: Blob): Promise<DiskImageState | undefined> {
    const entry = ready.get(blob.path) ?? (await readSidecar(sidecar(blob.path)));
    if (entry?.etag !== blob.etag || entry.source !== blob.path) return undefined;
    const looked =
      entry.file === undefined ? { kind: 'found' as const, blob } : await lookAtFile(join(dir, entry.file));
    if (looked.kind === 'missing') return undefined;
    ready.set(blob.path, entry);
    const { compression, sha256, rawBytes } = entry;
    return { kind: 'ready', image: { blob: looked.blob, compression, sha256, rawBytes } };
  }

  async function prepare(blob: Blob, say: (state: DiskImageState) => void): Promise<void> {
    const head = await firstBytes(blob.path);
    const format = diskFormatOf(head);
    await mkdir(dir, { recursive: true });
    const told = (read: number): void => {
      const because = `${blob.path} is being prepared: ${read} of ${blob.size} bytes read`;
      say({ kind: 'preparing', because, progress: Math.min(1, read / Math.max(1, blob.size)) });
    };
    const bounded = (bytes: number): number => {
      if (bytes <= maxRawBytes) return bytes;
      throw new Error(`${blob.path} holds more than ${maxRawBytes} bytes as ${format}: is it an image of a disk?`);
    };
    const entry =
      format === 'zstd'
        ? await count(blob, told, bounded, ending.signal)
        : await convert(blob, format, dir, told, bounded, ending.signal);
    if (entry.rawBytes === 0 || entry.rawBytes % SECTOR_BYTES !== 0) {
      throw new Error(
        `${blob.path} holds ${entry.rawBytes} bytes as ${format}, want whole sectors of ${SECTOR_BYTES}: is it an image of a disk?`,
      );
    }
    await writeFile(`${sidecar(blob.path)}.part`, JSON.stringify(entry));
    await rename(`${sidecar(blob.path)}.part`, sidecar(blob.path));
    ready.set(blob.path, entry);
    log.info({ path: blob.path, format, rawBytes: entry.rawBytes, sha256: entry.sha256 }, 'a disk image is ready');
  }

  return {
    async get(name) {
      const looked = await asset(name);
      if (looked.kind === 'missing') return looked;
      const { blob } = looked;
      const before = await remembered(blob);
      if (before) return before;
      const busy = work.get(blob.path);
      // One that failed is tried again when its file has changed.
      if (busy && (busy.etag === blob.etag || busy.state.kind === 'preparing')) return busy.state;
      const entry: Work = {
        etag: blob.etag,
        state: { kind: 'preparing', because: `${blob.path} is being prepared`, progress: 0 },
        ended: Promise.resolve(),
      };
      work.set(blob.path, entry);
      entry.ended = prepare(blob, (next) => void (entry.state = next)).then(
        () => void work.delete(blob.path),
        (error: unknown) => {
          entry.state = { kind: 'missing', because: error instanceof Error ? error.message : String(error) };
          if (!ending.signal.aborted) log.warn({ err: error, path: blob.path }, 'a disk image cannot be used');
        },
      );
      return entry.state;
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await Promise.all([...work.values()].map(({ ended }) => ended));
    },
  };
}

async function readSidecar(path: string): Promise<Known | undefined> {
  try {
    const read = known.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return read.success ? read.data : undefined;
  } catch {
    // Not there, or cut off by a power failure: it is made again.
    return undefined;
  }
}

async function firstBytes(path: string): Promise<Uint8Array> {
  await using file = await open(path);
  const head = Buffer.alloc(FORMAT_BYTES);
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  return head.subarray(0, bytesRead);
}

type Read = (bytes: number) => void;
/** Throws where it is too much. */
type Bounded = (bytes: number) => number;

/** It is zstd already: read to its end once, since a cut file or a wrong size must not be found out on a disk. */
async function count(blob: Blob, told: Read, bounded: Bounded, signal: AbortSignal): Promise<Known> {
  const digest = createHash('sha256');
  let rawBytes = 0;
  await pipeline(
    createReadStream(blob.path, { highWaterMark: 1 << 20 }),
    watched((piece, total) => (digest.update(piece), told(total))),
    createZstdDecompress(),
    async function (source: AsyncIterable<Uint8Array>) {
      for await (const piece of source) rawBytes = bounded(rawBytes + piece.length);
    },
    { signal },
  );
  return { source: blob.path, etag: blob.etag, compression: 'zstd', sha256: digest.digest('hex'), rawBytes };
}

async function convert(
  blob: Blob,
  format: DiskFormat,
  dir: string,
  told: Read,
  bounded: Bounded,
  signal: AbortSignal,
): Promise<Known> {
  const digest = createHash('sha256');
  const part = join(dir, `${process.pid}-${Date.now()}.part`);
  let rawBytes = 0;
  try {
    const raw = await rawBytesOf(blob, format, told, signal);
    await pipeline(
      raw,
      watched((piece) => void (rawBytes = bounded(rawBytes + piece.length))),
      createZstdCompress({
        params: {
          [constants.ZSTD_c_compressionLevel]: LEVEL,
          // The writer on the machine sees a damaged stream before the digest does.
          [constants.ZSTD_c_checksumFlag]: 1,
        },
      }),
      watched((piece) => void digest.update(piece)),
      createWriteStream(part, { flush: true }),
      { signal },
    );
    const sha256 = digest.digest('hex');
    const file = `${sha256}.zst`;
    await rename(part, join(dir, file));
    return { source: blob.path, etag: blob.etag, compression: 'zstd', sha256, rawBytes, file };
  } finally {
    await rm(part, { force: true });
  }
}

/** Passes everything on, and shows it: the piece, and how much came in all. */
const watched = (look: (piece: Uint8Array, total: number) => void) =>
  async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let total = 0;
    for await (const piece of source) {
      total += piece.length;
      look(piece, total);
      yield piece;
    }
  };

async function rawBytesOf(
  blob: Blob,
  format: DiskFormat,
  told: Read,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const file = () =>
    watched((_piece, total) => told(total))(
      createReadStream(blob.path, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>,
    );
  switch (format) {
    case 'raw':
      return file();
    case 'gzip':
      return throughStream(file(), createGunzip(), signal);
    case 'xz':
    case 'lz4':
    case 'bzip2':
      return throughProgram(file(), format, signal);
    case 'qcow2':
      return qcow2Bytes(blob.path, told);
    case 'zstd':
      throw new Error('zstd is served as it is');
    case 'vmdk':
    case 'vhdx':
    case 'vdi':
      throw new Error(
        `${blob.path} is ${format}, want raw, gzip, xz, zstd, lz4, bzip2 or qcow2: qemu-img convert -O raw ${blob.path} disk.raw`,
      );
    default:
      return format satisfies never;
  }
}

/** What goes wrong on either side reaches the reader. */
async function* throughStream(
  source: AsyncIterable<Uint8Array>,
  stream: Duplex,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const fed = pipeline(source, stream, { signal });
  fed.catch(() => {});
  yield* stream as AsyncIterable<Uint8Array>;
  await fed;
}

async function* throughProgram(
  file: AsyncIterable<Uint8Array>,
  format: keyof typeof PROGRAMS,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { program, args, from } = PROGRAMS[format];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], signal });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said = `${said}${text}`.slice(0, 1024)));
  const { promise: ended, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', (error) =>
    reject(
      'code' in error && error.code === 'ENOENT'
        ? new Error(`${program} is not installed: apt-get install ${from}`)
        : error,
    ),
  );
  child.once('close', resolve);
  ended.catch(() => {});
  // That the program ended early is told by its status.
  const fed = pipeline(file, child.stdin).catch(() => {});
  for await (const piece of child.stdout as AsyncIterable<Uint8Array>) yield piece;
  const status = await ended;
  await fed;
  if (status !== 0) throw new Error(`${program} ended with status ${status ?? 'none'}: ${said.trim()}`);
}
