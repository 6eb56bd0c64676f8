import type { Machine } from '#machines/contract/machine.ts';
import type { Registry } from '#services/registry/contract.ts';
import { compareRows, type MachineSort, naturalKey, type Row } from './decide/machine-list.ts';
import type { LatestAttempts } from './latest-attempts.ts';

/**
 * All machines with what is searched in, in order. Kept up to date by what changes: to build, lower-case and sort 10,000
 * of them for each request would take longer than the request may.
 */
export type MachineRows = {
  /** Ascending. */
  inOrder(sort: MachineSort): readonly Row[];
  [Symbol.dispose](): void;
};

export function machineRows({
  registry,
  latest,
}: {
  readonly registry: Pick<Registry, 'machines' | 'machine' | 'watch'>;
  readonly latest: Pick<LatestAttempts, 'of' | 'watch'>;
}): MachineRows {
  const rows = new Map<string, Row>();
  const stale = new Set(registry.machines().map(({ document }) => document.name));
  const orders = new Map<MachineSort, readonly Row[]>();

  const stops = [
    registry.watch((change) => {
      if (change.kind === 'machine') stale.add(change.name);
    }),
    latest.watch((name) => void stale.add(name)),
  ];

  function refresh(): void {
    if (stale.size === 0) return;
    for (const name of stale) {
      const machine = registry.machine(name);
      const before = rows.get(name);
      if (!machine) rows.delete(name);
      else rows.set(name, rowOf(machine, latest.of(name), before));
    }
    stale.clear();
    orders.clear();
  }

  return {
    inOrder(sort) {
      refresh();
      const known = orders.get(sort);
      if (known) return known;
      const ordered = [...rows.values()].sort(compareRows(sort));
      orders.set(sort, ordered);
      return ordered;
    },
    [Symbol.dispose]() {
      for (const stop of stops) stop();
    },
  };
}

const rowOf = (machine: Machine, attempt: Row['attempt'], before: Row | undefined): Row => ({
  machine,
  attempt,
  key: before?.key ?? naturalKey(machine.document.name),
  text: before && before.machine === machine ? before.text : textOf(machine),
});

function textOf({ document, identifiers, facts }: Machine): string {
  return [
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
}
