import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { factText } from './how-it-stands.ts';
import type { TopState } from './state.ts';

/** One rack as one looks at it: the highest unit on top. Machines that nobody has placed stand together, by name. */
export type Rack = { readonly title: string; readonly machines: readonly MachineResource[] };

const UNPLACED = '\uffff';

export function racksOf({ machines, filter }: Pick<TopState, 'machines' | 'filter'>): readonly Rack[] {
  const words = filter.toLowerCase().split(' ').filter(Boolean);
  const racks = new Map<string, MachineResource[]>();
  for (const machine of machines.values()) {
    if (!words.every((word) => textOf(machine).includes(word))) continue;
    const { site, rack } = machine.location;
    const key = rack === undefined ? UNPLACED : `${site}\0${rack}`;
    const found = racks.get(key);
    if (found) found.push(machine);
    else racks.set(key, [machine]);
  }
  return [...racks]
    .toSorted(([one], [other]) => compare(one, other))
    .map(([key, members]) => ({ title: titleOf(key), machines: members.toSorted(byUnit) }));
}

/** The names in the order in which they stand on the screen. */
export const namesOf = (racks: readonly Rack[]): readonly string[] =>
  racks.flatMap(({ machines }) => machines.map(({ name }) => name));

function titleOf(key: string): string {
  if (key === UNPLACED) return 'in no rack yet';
  const [site, rack] = key.split('\0');
  return site === 'default' ? `rack ${rack}` : `rack ${rack}, ${site}`;
}

/** What a filter finds a machine by. */
const textOf = (machine: MachineResource): string =>
  [
    machine.name,
    machine.profile,
    machine.address,
    machine.status.attempt?.address,
    machine.status.attempt?.verdict.code,
    machine.status.standing,
    machine.location.rack,
    factText(machine, 'manufacturer'),
    factText(machine, 'product'),
    ...machine.macs,
    ...machine.status.identifiers.macs,
    ...Object.entries(machine.labels).map(([key, value]) => `${key}=${value}`),
  ]
    .join(' ')
    .toLowerCase();

const byUnit = (one: MachineResource, other: MachineResource): number =>
  (other.location.unit ?? -1) - (one.location.unit ?? -1) || compare(one.name, other.name);

/** `u2` before `u10`. */
function compare(one: string, other: string): number {
  const [left, right] = [one.split(/(\d+)/), other.split(/(\d+)/)];
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    const [a = '', b = ''] = [left[at], right[at]];
    if (a === b) continue;
    const difference = at % 2 === 1 ? Number(a) - Number(b) : 0;
    if (difference !== 0) return difference;
    return a < b ? -1 : 1;
  }
  return left.length - right.length;
}
