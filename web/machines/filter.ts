import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { collator } from '../look/collator.ts';

const haystacks = new WeakMap<MachineResource, string>();

/** All that a machine is searched by, in lower case: made once for each state of it. */
export function haystackOf(machine: MachineResource): string {
  const known = haystacks.get(machine);
  if (known !== undefined) return known;
  const { name, macs, uuid, serial, address, location, profile, labels, status } = machine;
  const { identifiers, facts, attempt } = status;
  const text = [
    name,
    ...macs,
    ...macs.map((mac) => mac.replaceAll(':', '')),
    ...identifiers.macs,
    ...identifiers.uuids,
    ...identifiers.serials,
    uuid,
    serial,
    address,
    attempt?.address,
    location.rack,
    profile,
    ...Object.entries(labels).map(([key, value]) => `${key}=${value}`),
    facts['manufacturer']?.value,
    facts['product']?.value,
    facts['hostname']?.value,
  ]
    .join('\n')
    .toLowerCase();
  haystacks.set(machine, text);
  return text;
}

export const byName = (one: MachineResource, other: MachineResource): number => collator.compare(one.name, other.name);
