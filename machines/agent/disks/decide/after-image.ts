import type { GptPartition } from '../../inventory/wire/gpt.ts';
import type { GrowTarget } from './disk-layout.ts';

/** A file for a machine's first boot; its path has no leading slash. */
export type SeedFile = { readonly path: string; readonly content: Uint8Array; readonly mode: number };

export type Seed =
  /** A small FAT volume of its own at the disk's end, found by its label. */
  | { readonly kind: 'volume'; readonly label: string; readonly files: readonly SeedFile[] }
  /** A partition of the image's, by its name in the GPT or its type. */
  | { readonly kind: 'partition'; readonly partition: PartitionName; readonly files: readonly SeedFile[] };

export type PartitionName = { readonly label?: string; readonly type?: string };

/** What is done to a disk that an image was written to, so that it boots as this machine and not as any. */
export type AfterImage = {
  readonly grow?: GrowTarget;
  readonly seeds: readonly Seed[];
  /** UEFI: an entry of the firmware's own for the loader on the disk, shown under this name. */
  readonly efiEntry?: { readonly label: string };
};

export const NOTHING_AFTER: AfterImage = { seeds: [] };

/** The one that is meant. Two that could be are refused: a seed in the wrong one is silently not read. */
export function partitionOf(
  partitions: readonly GptPartition[],
  { label, type }: PartitionName,
): GptPartition | { readonly because: string } {
  const matching = partitions.filter(
    (one) => (label === undefined || one.name === label) && (type === undefined || one.type === type.toUpperCase()),
  );
  const [partition] = matching;
  const meant = [label, type].filter((one) => one !== undefined).join(' of type ');
  if (!partition) {
    const names = partitions.map(({ name, number }) => (name === '' ? `number ${number}` : name)).join(', ');
    return { because: `the image has no partition ${meant}: ${names || 'none at all'}` };
  }
  return matching.length > 1 ? { because: `the image has ${matching.length} partitions ${meant}` } : partition;
}
