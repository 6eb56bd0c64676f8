import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import { type AfterImagePlan, applyAfterImage, planAfterImage } from './after-image.ts';
import type { AfterImage } from './decide/after-image.ts';
import type { Loader } from './decide/efi-boot.ts';
import type { Disks, Wanted } from './disk.ts';
import { findLoader, setEfiEntry } from './efi-entry.ts';
import { clearEnds, type Told } from './erase.ts';
import { refuseAnother } from './wipe-disk.ts';

/** Held back until everything else is on the medium and proven: without it the disk does not boot. */
const HEAD_BYTES = 1 << 20;
/** Written at once, aligned to every sector size. */
const CHUNK_BYTES = 4 << 20;
/** Of what comes out of the decompression: by the default of 16 KiB a third of all time goes into handing it on. */
const PIECE_BYTES = 1 << 20;
/** The page cache must not fill with gigabytes that one sync then waits for. */
const SYNC_BYTES = 256 << 20;

export type ImageSource = {
  /** The bytes as they are served. */
  readonly open: (signal: AbortSignal) => Promise<Readable>;
  readonly compression: 'none' | 'zstd';
  /** SHA-256 of the bytes as they are served, hex. */
  readonly sha256: string;
  readonly rawBytes: number;
};

export type WrittenImage = {
  readonly bytes: number;
  readonly sha256: string;
  readonly ms: number;
  /** What was done beside the image, as lines for a person. */
  readonly done: readonly string[];
};

type ImageParts = {
  readonly wanted: Wanted;
  readonly source: ImageSource;
  readonly after: AfterImage;
  readonly disks: Disks;
  readonly now: () => number;
  readonly told: Told;
  readonly signal: AbortSignal;
};

/**
 * Streams an image to a planned disk so that an interrupted write never boots: both ends are cleared first, the image's
 * first MiB is held in memory, and goes to the disk only after digest and length of all the rest were right, seeds and
 * the copy of the GPT stand where they belong, and all of it is on the medium. Then the firmware gets its entry. Rejects
 * with a plain reason.
 */
export async function writeImage(parts: ImageParts): Promise<WrittenImage> {
  const { after, wanted, disks, told, signal } = parts;
  const { loader, ...written } = await writeToDisk(parts);
  if (!after.efiEntry) return written;
  // The disk is closed, and its table read again: efibootmgr looks at it by its name.
  told('sets the boot entry');
  const { label } = after.efiEntry;
  const entry = await setEfiEntry({ name: wanted.name, label, loader, disks, signal });
  return { ...written, done: [...written.done, entry] };
}

async function writeToDisk(parts: ImageParts): Promise<WrittenImage & { readonly loader: Loader | undefined }> {
  const { source, wanted, after, disks, now, told, signal } = parts;
  const startedAt = now();
  await using disk = await disks.open(wanted.name);
  refuseAnother(wanted, disk);
  if (source.rawBytes > disk.identity.bytes) {
    throw new Error(
      `the image has ${source.rawBytes} bytes, the disk only ${disk.identity.bytes}; nothing was written`,
    );
  }
  await clearEnds(disk);

  const digest = createHash('sha256');
  const served = await source.open(signal);
  async function* digested(): AsyncGenerator<Uint8Array> {
    for await (const piece of served as AsyncIterable<Uint8Array>) {
      digest.update(piece);
      yield piece;
    }
  }
  const raw =
    source.compression === 'zstd'
      ? Readable.from(digested()).compose(createZstdDecompress({ chunkSize: PIECE_BYTES }))
      : digested();

  const { sectorBytes } = disk.identity;
  const head = new Uint8Array(Math.min(HEAD_BYTES, Math.ceil(source.rawBytes / sectorBytes) * sectorBytes));
  const chunk = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  let position = 0;
  let written = 0;
  let plan: AfterImagePlan | undefined;
  async function flush(): Promise<void> {
    if (filled === 0) return;
    const at = position - filled;
    // Whole sectors only: the tail of an image is padded with zeros.
    const size = Math.min(Math.ceil(filled / sectorBytes) * sectorBytes, disk.identity.bytes - at);
    chunk.fill(0, filled, size);
    const skip = Math.min(size, Math.max(0, head.length - at));
    if (at < head.length) head.set(chunk.subarray(0, skip), at);
    // A chunk is longer than the head. What cannot be done is known now, and not after gigabytes.
    if (at === 0) plan = planAfterImage(head, disk, after);
    if (size > skip) await disk.write(chunk.subarray(skip, size), at + skip);
    filled = 0;
    written += size;
    if (written >= SYNC_BYTES) {
      written = 0;
      await disk.sync();
    }
    told('write-image', position / source.rawBytes);
  }
  for await (const piece of raw as AsyncIterable<Uint8Array>) {
    signal.throwIfAborted();
    if (position + piece.length > source.rawBytes) {
      throw new Error(`the image is longer than the ${source.rawBytes} bytes it should have; the disk does not boot`);
    }
    let rest = piece;
    while (rest.length > 0) {
      const some = rest.subarray(0, CHUNK_BYTES - filled);
      chunk.set(some, filled);
      filled += some.length;
      position += some.length;
      rest = rest.subarray(some.length);
      if (filled === CHUNK_BYTES) await flush();
    }
  }
  await flush();
  const sha256 = digest.digest('hex');
  if (position !== source.rawBytes) {
    throw new Error(`the image ended after ${position} of ${source.rawBytes} bytes; the disk does not boot`);
  }
  if (sha256 !== source.sha256) {
    throw new Error(`the image’s digest is ${sha256}, wanted ${source.sha256}; the disk does not boot`);
  }
  await disk.sync();
  const finished = plan && (await applyAfterImage({ plan, head, disk, disks, told, signal }));
  const loader = plan && after.efiEntry ? await findLoader(disk, plan.layout.table) : undefined;
  await disk.sync();
  signal.throwIfAborted();
  await disk.write(finished?.head ?? head, 0);
  await disk.sync();
  return { bytes: position, sha256, ms: now() - startedAt, done: finished?.done ?? [], loader };
}
