import type { GptPartition } from '../../inventory/wire/gpt.ts';
import { type GptTable, lastUsableOf, withEnd, withPartition } from '../wire/gpt-table.ts';

/** What every tool aligns to, and every medium likes. */
const ALIGN_BYTES = 1 << 20;
/** UEFI 2.10 and Microsoft: what any system looks into for a FAT. */
const BASIC_DATA = 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7';

export type NewVolume = { readonly label: string; readonly bytes: number; readonly guid: string };
/** Of the image's partitions: the one that lies last, or one by its name in the GPT. */
export type GrowTarget = { readonly kind: 'last' } | { readonly kind: 'name'; readonly name: string };

export type Layout = {
  readonly table: GptTable;
  /** In the order that they were asked for. */
  readonly volumes: readonly GptPartition[];
  readonly grown?: { readonly before: GptPartition; readonly after: GptPartition };
};
export type LayoutAnswer =
  | { readonly ok: true; readonly layout: Layout }
  | { readonly ok: false; readonly because: string };

const no = (because: string): LayoutAnswer => ({ ok: false, because });

/**
 * Where things go on a disk of `sectors` sectors that an image was written to: new volumes at its end, and one of the
 * image's own partitions grown up to them. No partition of the image is moved.
 */
export function layOut(parts: {
  readonly table: GptTable;
  readonly sectors: number;
  readonly volumes: readonly NewVolume[];
  readonly grow?: GrowTarget | undefined;
}): LayoutAnswer {
  const { sectors, volumes, grow } = parts;
  let { table } = parts;
  const { sectorBytes, partitions } = table;
  const align = ALIGN_BYTES / sectorBytes;
  const lastUsable = lastUsableOf(table, sectors);
  const lying = partitions.toSorted((one, other) => one.last - other.last);
  const final = lying.at(-1);
  if (final && final.last > lastUsable) {
    return no(`its partition ${nameOf(final)} goes to sector ${final.last}, where this disk has the copy of its GPT`);
  }
  const clash = partitions.find(({ name }) => volumes.some(({ label }) => label.toLowerCase() === name.toLowerCase()));
  if (clash) return no(`the image has a partition ${clash.name} already`);

  let end = lastUsable + 1;
  const placed: { readonly volume: NewVolume; readonly first: number; readonly last: number }[] = [];
  for (const volume of volumes.toReversed()) {
    end = alignedDown(end, align);
    const first = end - volume.bytes / sectorBytes;
    placed.unshift({ volume, first, last: end - 1 });
    end = first;
  }
  const bottom = Math.max(final?.last ?? 0, table.firstUsable - 1);
  if (placed.length > 0 && end <= bottom) {
    const missing = Math.ceil(((bottom + 1 - end) * sectorBytes) / ALIGN_BYTES);
    return no(
      `the image leaves no room for ${volumes.map(({ label }) => label).join(' and ')}: ${missing} MiB are missing`,
    );
  }

  const added: GptPartition[] = [];
  for (const { volume, first, last } of placed) {
    const { label: name, guid } = volume;
    const change = withPartition(table, { type: BASIC_DATA, guid, first, last, name });
    if (!change.ok) return change;
    table = change.table;
    added.push({ number: change.number, type: BASIC_DATA, first, last, name });
  }
  if (!grow) return { ok: true, layout: { table, volumes: added } };

  const target = grow.kind === 'last' ? final : partitions.find(({ name }) => name === grow.name);
  if (!target) {
    const names = partitions.map(nameOf).join(', ');
    return no(
      grow.kind === 'last'
        ? 'the image has no partition to grow'
        : `no partition ${grow.name} is in the image: ${names}`,
    );
  }
  if (target !== final) return no(`${nameOf(target)} cannot grow: ${final ? nameOf(final) : 'another'} lies behind it`);
  const last = Math.max(target.last, alignedDown(end, align) - 1);
  if (last === target.last) return { ok: true, layout: { table, volumes: added } };
  const grown = { before: target, after: { ...target, last } };
  return { ok: true, layout: { table: withEnd(table, target.number, last), volumes: added, grown } };
}

const alignedDown = (sector: number, align: number): number => Math.floor(sector / align) * align;
const nameOf = ({ name, number }: GptPartition): string => (name === '' ? `number ${number}` : name);
