import type { SeedWork, WriteImageWork } from '../../api/messages/agent.ts';
import type { AfterImage, Seed, SeedFile } from '../disks/decide/after-image.ts';

const MAX_SEEDS = 4;
const MAX_FILES = 64;
/** Of all seeds: cloud-init takes 16 KiB in most clouds, a whole Ignition file with its content rarely has a megabyte. */
const MAX_CONTENT_BYTES = 8 << 20;
const VOLUME_LABELS: readonly string[] = ['cidata', 'config-2'];
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** A name in a GPT has 36 UTF-16 units at most. */
const PARTITION_NAME = /^[\x20-\x7e]{1,36}$/;
/** It becomes a line for debugfs: nothing that it could take for anything else. */
const PATH = /^[A-Za-z0-9_][\w.-]{0,99}(\/[A-Za-z0-9_][\w.-]{0,99}){0,7}$/;

/** Reads what is to be done beside an image, strictly; a text says why not. */
export function afterImageOf(work: Pick<WriteImageWork, 'grow' | 'seeds' | 'efi_entry'>): AfterImage | string {
  const { grow, efi_entry: efiEntry, seeds: asked = [] } = work;
  if (grow && grow.partition !== '' && !PARTITION_NAME.test(grow.partition)) {
    return `the partition to grow is named ${JSON.stringify(grow.partition)}`;
  }
  if (efiEntry && !/^[\w .:+-]{1,64}$/.test(efiEntry.label))
    return `the boot entry is named ${JSON.stringify(efiEntry.label)}`;
  if (asked.length > MAX_SEEDS) return `there are ${asked.length} seeds, at most ${MAX_SEEDS} can be`;
  const content = asked.flatMap(({ files }) => files).reduce((sum, file) => sum + file.content.length, 0);
  if (content > MAX_CONTENT_BYTES) return `the seeds have ${content} bytes, at most ${MAX_CONTENT_BYTES} can be`;
  const seeds: Seed[] = [];
  for (const one of asked) {
    const seed = seedOf(one);
    if (typeof seed === 'string') return seed;
    if (seed.kind === 'volume' && seeds.some((other) => other.kind === 'volume' && other.label === seed.label)) {
      return `the seed ${seed.label} is there twice`;
    }
    seeds.push(seed);
  }
  return {
    seeds,
    ...(grow ? { grow: grow.partition === '' ? { kind: 'last' } : { kind: 'name', name: grow.partition } } : {}),
    ...(efiEntry ? { efiEntry: { label: efiEntry.label } } : {}),
  };
}

function seedOf({ volume, existing, files: asked }: SeedWork): Seed | string {
  if (asked.length === 0) return 'there is a seed without files';
  if (asked.length > MAX_FILES) return `there is a seed of ${asked.length} files, at most ${MAX_FILES} can be`;
  const files: SeedFile[] = [];
  for (const { path, content, mode } of asked) {
    if (!PATH.test(path)) return `the path of a seed is ${JSON.stringify(path)}`;
    if (files.some((one) => one.path === path)) return `${path} is there twice`;
    if (mode > 0o777) return `${path} has the mode ${mode.toString(8)}`;
    files.push({ path, content, mode: mode === 0 ? 0o644 : mode });
  }
  if (volume && !existing) {
    if (!VOLUME_LABELS.includes(volume.label)) return `no seed is named ${JSON.stringify(volume.label)}`;
    return { kind: 'volume', label: volume.label, files };
  }
  if (!existing || volume) return 'want one place for a seed';
  const { label, type } = existing;
  if (label === '' && type === '') return 'want a name or a type of the partition for a seed';
  if (label !== '' && !PARTITION_NAME.test(label)) return `the partition for a seed is named ${JSON.stringify(label)}`;
  if (type !== '' && !GUID.test(type)) return `the partition for a seed has the type ${JSON.stringify(type)}`;
  const partition = { ...(label === '' ? {} : { label }), ...(type === '' ? {} : { type }) };
  return { kind: 'partition', partition, files };
}
