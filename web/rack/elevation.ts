import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { collator } from '../look/collator.ts';

/** A rack from its top to its bottom: each row is a unit with whatever is said to be in it, or a run of empty ones. */
export type RackRow =
  | { readonly kind: 'unit'; readonly unit: number; readonly machines: readonly MachineResource[] }
  | { readonly kind: 'empty'; readonly from: number; readonly to: number };

export type Rack = {
  readonly key: string;
  readonly site: string;
  /** Absent: machines whose place nobody has said. */
  readonly name: string | undefined;
  readonly machines: readonly MachineResource[];
  readonly rows: readonly RackRow[];
  /** Machines of this rack without a unit, or without a rack at all. */
  readonly loose: readonly MachineResource[];
};

/** Runs of so many empty units become one row: forty of them say nothing that the number does not. */
const FOLD_FROM = 3;

export function racksOf(machines: readonly MachineResource[]): readonly Rack[] {
  const groups = new Map<string, MachineResource[]>();
  for (const machine of machines) {
    const { site, rack } = machine.location;
    const key = JSON.stringify([site, rack ?? null]);
    const group = groups.get(key);
    if (group) group.push(machine);
    else groups.set(key, [machine]);
  }
  return [...groups]
    .map(([key, group]) => rackOf(key, group))
    .toSorted(
      (one, other) =>
        collator.compare(one.site, other.site) ||
        Number(one.name === undefined) - Number(other.name === undefined) ||
        collator.compare(one.name ?? '', other.name ?? ''),
    );
}

function rackOf(key: string, machines: readonly MachineResource[]): Rack {
  const { site = 'default', rack: name } = machines[0]?.location ?? {};
  const placed = new Map<number, MachineResource[]>();
  const loose: MachineResource[] = [];
  for (const machine of machines) {
    const { unit } = machine.location;
    if (name === undefined || unit === undefined) loose.push(machine);
    else placed.set(unit, [...(placed.get(unit) ?? []), machine]);
  }
  return { key, site, name, machines, rows: rowsOf(placed), loose };
}

function rowsOf(placed: ReadonlyMap<number, readonly MachineResource[]>): readonly RackRow[] {
  const rows: RackRow[] = [];
  let unit = Math.max(0, ...placed.keys());
  while (unit > 0) {
    const here = placed.get(unit);
    if (here) {
      rows.push({ kind: 'unit', unit, machines: here });
      unit -= 1;
      continue;
    }
    let to = unit;
    while (to > 1 && !placed.has(to - 1)) to -= 1;
    if (unit - to + 1 >= FOLD_FROM) rows.push({ kind: 'empty', from: to, to: unit });
    else for (let each = unit; each >= to; each -= 1) rows.push({ kind: 'empty', from: each, to: each });
    unit = to - 1;
  }
  return rows;
}
