import { randomBytes, randomUUID } from 'node:crypto';
import type { GptPartition } from '../inventory/wire/gpt.ts';
import { readSignatures } from '../inventory/read-signatures.ts';
import { type AfterImage, partitionOf, type Seed } from './decide/after-image.ts';
import { type Layout, layOut } from './decide/disk-layout.ts';
import type { Disk, Disks } from './disk.ts';
import type { Told } from './erase.ts';
import { putExt4Files } from './ext4-files.ts';
import { encodeFat16 } from './wire/fat16.ts';
import { encodeGptTable, readGptTable, withProtectiveSize } from './wire/gpt-table.ts';

const MIB = 1 << 20;
/** What OpenStack lets a config drive have at most is four times this; 4 KiB sectors need more for a FAT16 at all. */
const volumeBytes = (sectorBytes: number): number => (sectorBytes > 512 ? 32 * MIB : 16 * MIB);

type VolumeSeed = Extract<Seed, { readonly kind: 'volume' }>;

/** What is to be done, proven possible by the image's own beginning and before most of it was written. */
export type AfterImagePlan = {
  readonly layout: Layout;
  readonly volumes: readonly { readonly seed: VolumeSeed; readonly place: GptPartition }[];
  readonly seeded: readonly { readonly seed: Seed; readonly place: GptPartition }[];
};

/**
 * Looks at the first MiB of an image, and says where everything goes. Undefined where the image has no GPT and nothing
 * was asked for: it stays as it came. Throws where what was asked for cannot be.
 */
export function planAfterImage(head: Uint8Array, disk: Disk, after: AfterImage): AfterImagePlan | undefined {
  const { bytes, sectorBytes } = disk.identity;
  const read = readGptTable(head, sectorBytes);
  const asked = after.grow !== undefined || after.seeds.length > 0;
  if (!read.ok) {
    if (!asked && read.kind !== 'other-sectors') return undefined;
    if (!asked) throw new Error(`the image does not boot from this disk: ${read.because}`);
    throw new Error(`nothing can be put beside the image: ${read.because}`);
  }
  const seeds = after.seeds.filter((one): one is VolumeSeed => one.kind === 'volume');
  const answer = layOut({
    table: read.table,
    sectors: Math.floor(bytes / sectorBytes),
    volumes: seeds.map(({ label }) => ({ label, bytes: volumeBytes(sectorBytes), guid: randomUUID() })),
    grow: after.grow,
  });
  if (!answer.ok) throw new Error(answer.because);
  const { layout } = answer;
  const seeded = after.seeds.flatMap((seed) => {
    if (seed.kind === 'volume') return [];
    const place = partitionOf(read.table.partitions, seed.partition);
    if ('because' in place) throw new Error(place.because);
    if (place.first * sectorBytes < head.length) throw new Error(`${place.name} begins within the first MiB`);
    return [{ seed, place }];
  });
  const volumes = seeds.flatMap((seed, index) => {
    const place = layout.volumes[index];
    return place ? [{ seed, place }] : [];
  });
  return { layout, volumes, seeded };
}

/**
 * Everything but what makes the disk bootable: seeds, and the copy of the table at the disk's end. Returns the beginning
 * that is to be written last, and what was done as lines for a person. Rejects with a plain reason.
 */
export async function applyAfterImage(parts: {
  readonly plan: AfterImagePlan;
  readonly head: Uint8Array;
  readonly disk: Disk;
  readonly disks: Pick<Disks, 'run'>;
  readonly told: Told;
  readonly signal: AbortSignal;
}): Promise<{ readonly head: Uint8Array; readonly done: readonly string[] }> {
  const { plan, disk, disks, told, signal } = parts;
  const { bytes, sectorBytes } = disk.identity;
  const sectors = Math.floor(bytes / sectorBytes);
  const done: string[] = [];

  const { grown, table } = plan.layout;
  if (grown) {
    const { before, after } = grown;
    // What once ended here, such as a member of an array, would be found at the end of the partition.
    const tail = Math.min(MIB, (after.last - before.last) * sectorBytes);
    await disk.write(new Uint8Array(tail), (after.last + 1) * sectorBytes - tail);
    const mib = Math.floor(((after.last - after.first + 1) * sectorBytes) / MIB);
    done.push(`partition ${after.number}${after.name === '' ? '' : ` (${after.name})`} grown to ${mib} MiB`);
  }
  for (const { seed, place } of plan.volumes) {
    told(`writes the seed ${seed.label}`);
    const size = (place.last - place.first + 1) * sectorBytes;
    const serial = randomBytes(4).readUInt32LE();
    // Zeros behind it as well: what lay there before must not be found.
    const volume = new Uint8Array(size);
    volume.set(encodeFat16({ bytes: size, sectorBytes, label: seed.label, serial, files: seed.files }));
    await writeAndReadBack(disk, volume, place.first * sectorBytes);
    done.push(`seed ${seed.label} on partition ${place.number}`);
  }
  for (const { seed, place } of plan.seeded) {
    told(`writes the seed into ${place.name}`);
    const offset = place.first * sectorBytes;
    const length = (place.last - place.first + 1) * sectorBytes;
    const found = await readSignatures((into, position) => disk.read(into, offset + position), length, { sectorBytes });
    if (!found.some((one) => /^ext[234]$/.test(one))) {
      throw new Error(`${place.name} holds ${found.join(', ') || 'no file system'}; files are put into ext4 only`);
    }
    await putExt4Files({ disk, offset, files: seed.files, disks, signal });
    done.push(`${seed.files.map(({ path }) => path).join(', ')} in ${place.name}`);
  }

  const { copy, primary } = encodeGptTable(table, sectors);
  for (const piece of copy) await disk.write(piece.bytes, piece.at);
  const head = parts.head.slice();
  for (const piece of primary) head.set(piece.bytes, piece.at);
  head.set(withProtectiveSize(head.subarray(0, sectorBytes), sectors), 0);
  return { head, done };
}

async function writeAndReadBack(disk: Disk, bytes: Uint8Array, at: number): Promise<void> {
  await disk.write(bytes, at);
  await disk.sync();
  await disk.forgetCache();
  const back = new Uint8Array(bytes.length);
  await disk.read(back, at);
  if (!Buffer.from(back.buffer).equals(bytes)) throw new Error(`what was written at ${at} reads otherwise`);
}
