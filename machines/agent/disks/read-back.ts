import type { WipeMethod } from '../../contract/job.ts';
import type { Disk } from './disk.ts';
import type { Told } from './erase.ts';

const SAMPLE_BYTES = 1 << 20;
/** bmc.md §8: a thousand samples of 1 MiB, or one in a hundred of the disk, whichever is less. */
const MAX_SAMPLES = 1000;
/** Written before the erasure; still there afterwards means that nothing was erased. */
export const MARKER = new TextEncoder().encode('ingot: this must be gone after the wipe ');

export type ReadBack = {
  readonly seed: number;
  readonly samples: number;
  readonly sampleBytes: number;
  /** Samples that were not all zeros. A crypto erase leaves noise, and that is no fault. */
  readonly notZero: number;
  readonly markerGone: boolean;
};

/** Where the samples lie: the first and the last MiB, and others by chance from a seed that the certificate names. */
export function samplePositions(bytes: number, seed: number): readonly number[] {
  const places = Math.max(1, Math.floor(bytes / SAMPLE_BYTES));
  const count = Math.min(MAX_SAMPLES, Math.max(2, Math.ceil(places / 100)));
  const chosen = new Set<number>([0, Math.max(0, bytes - SAMPLE_BYTES)]);
  let state = seed >>> 0;
  for (let tries = 0; chosen.size < Math.min(count, places) && tries < count * 4; tries++) {
    // xorshift32: anyone can repeat it from the seed.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    chosen.add((state % places) * SAMPLE_BYTES);
  }
  return [...chosen].toSorted((a, b) => a - b);
}

/** Puts the marker at the disk's start, end and middle, on the medium. */
export async function putMarker(disk: Disk): Promise<void> {
  for (const at of markerPositions(disk.identity.bytes)) await disk.write(markerSector(disk), at);
  await disk.sync();
}

const markerPositions = (bytes: number): readonly number[] => [
  0,
  Math.floor(bytes / 2 / 4096) * 4096,
  Math.floor((bytes - 4096) / 4096) * 4096,
];

function markerSector(disk: Disk): Uint8Array {
  const sector = new Uint8Array(Math.max(4096, disk.identity.sectorBytes));
  for (let at = 0; at + MARKER.length <= sector.length; at += MARKER.length) sector.set(MARKER, at);
  return sector;
}

const hasMarker = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(Buffer.from(MARKER)) >= 0;

/** What a disk does with blocks that it was told are not needed any more is its own affair: only reading shows it. */
const isDiscard = (method: WipeMethod): boolean => method === 'block-discard' || method === 'block-secure-discard';

const everyPosition = (bytes: number): readonly number[] =>
  Array.from({ length: Math.max(1, Math.ceil(bytes / SAMPLE_BYTES)) }, (_, index) => index * SAMPLE_BYTES);

/** Reads from the medium after an erasure: samples; after a discard, which promises nothing, all of it. */
export async function readBack(
  disk: Disk,
  seed: number,
  method: WipeMethod,
  told: Told,
  signal: AbortSignal,
): Promise<ReadBack> {
  await disk.forgetCache();
  const { bytes } = disk.identity;
  const positions = isDiscard(method) ? everyPosition(bytes) : samplePositions(bytes, seed);
  const size = Math.min(SAMPLE_BYTES, bytes);
  const sample = new Uint8Array(size);
  const zeros = Buffer.alloc(size);
  let notZero = 0;
  let markerGone = true;
  for (const [index, at] of positions.entries()) {
    signal.throwIfAborted();
    await disk.read(sample, Math.min(at, bytes - size));
    if (!zeros.equals(sample)) {
      notZero += 1;
      if (hasMarker(sample)) markerGone = false;
    }
    told('read back', index / positions.length);
  }
  for (const at of markerPositions(bytes)) {
    const sector = new Uint8Array(4096);
    await disk.read(sector, at);
    if (hasMarker(sector)) markerGone = false;
  }
  return { seed, samples: positions.length, sampleBytes: size, notZero, markerGone };
}

/** What the samples must say for the erasure to count. */
export function faultOf({ notZero, markerGone }: ReadBack, method: WipeMethod): string | undefined {
  if (!markerGone) return 'what was written before the wipe is still there: the disk erased nothing';
  // Only a change of the key may leave noise; and drives may return what they like for blocks that were sanitized by block erase.
  if (notZero > 0 && (method === 'zero-overwrite' || method === 'block-zero-out'))
    return `${notZero} samples are not zero after zeros were written`;
  if (notZero > 0 && isDiscard(method)) {
    return `${notZero} MiB of it do not read as zeros after ${method}: what they hold is undefined; wipe it by zero-overwrite`;
  }
  return undefined;
}
