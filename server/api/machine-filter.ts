import { holds, type Term } from '#machines/contract/api/selector.ts';
import type { Registry } from '#services/registry/contract.ts';

/** Whether a machine, by its name, has the labels and facts that were asked for. What is of no machine has none. */
export function machineFilter(
  registry: Pick<Registry, 'machine'>,
  { label, fact }: { readonly label: readonly Term[]; readonly fact: readonly Term[] },
): ((name: string | undefined) => boolean) | undefined {
  if (label.length === 0 && fact.length === 0) return undefined;
  const own = <T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
    record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
  return (name) => {
    const machine = name === undefined ? undefined : registry.machine(name);
    if (!machine) return false;
    return (
      label.every((term) => holds(term, own(machine.document.labels, term.key))) &&
      fact.every((term) => holds(term, own(machine.facts, term.key)?.value))
    );
  };
}
