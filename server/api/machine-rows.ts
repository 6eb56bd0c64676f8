import type { Machine } from '#machines/contract/machine.ts';
import type { Registry } from '#services/registry/contract.ts';
import { compareNatural, naturalKey, type Row } from './decide/machine-list.ts';
import type { LatestAttempts } from './latest-attempts.ts';

/**
 * All machines in natural order of their names, with what is searched in. Order and texts are remembered: sorting 10,000
 * names and lower-casing all their facts for each request would take longer than the request may.
 */
export function machineRows({
  registry,
  latest,
}: {
  readonly registry: Pick<Registry, 'machines'>;
  readonly latest: Pick<LatestAttempts, 'of'>;
}): () => readonly Row[] {
  const texts = new WeakMap<Machine, string>();
  let order = new Map<string, number>();

  function orderOf(machines: readonly Machine[]): ReadonlyMap<string, number> {
    if (order.size === machines.length && machines.every(({ document }) => order.has(document.name))) return order;
    const named = machines.map(({ document: { name } }) => [naturalKey(name), name] as const).sort(compareNatural);
    order = new Map(named.map(([, name], index) => [name, index]));
    return order;
  }

  function textOf(machine: Machine): string {
    const known = texts.get(machine);
    if (known !== undefined) return known;
    const { document, identifiers, facts } = machine;
    const text = [
      document.name,
      ...document.macs,
      ...identifiers.macs,
      document.address,
      document.serial,
      document.uuid,
      ...identifiers.uuids,
      ...identifiers.serials,
      facts['manufacturer']?.value,
      facts['product']?.value,
      facts['hostname']?.value,
    ]
      .join('\n')
      .toLowerCase();
    texts.set(machine, text);
    return text;
  }

  return () => {
    const machines = registry.machines();
    const places = orderOf(machines);
    const rows: Row[] = Array.from({ length: machines.length });
    for (const machine of machines) {
      const place = places.get(machine.document.name) ?? 0;
      rows[place] = { machine, attempt: latest.of(machine.document.name), order: place, text: textOf(machine) };
    }
    return rows;
  };
}
