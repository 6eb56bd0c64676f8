import type { Dhcp4Counters } from './contract.ts';

/** Counts by name; the names are ours, so there are few. */
export function dhcp4Counters() {
  const received: Record<string, number> = {};
  const answered: Record<string, number> = {};
  const silent: Record<string, number> = {};
  const totals = { bindingsStored: 0, bindingsFailed: 0, conflicts: 0, untraced: 0 };
  const add = (to: Record<string, number>, name: string): void => {
    to[name] = (to[name] ?? 0) + 1;
  };
  return {
    received: (name: string) => add(received, name),
    answered: (name: string) => add(answered, name),
    silent: (name: string) => add(silent, name),
    count(name: keyof typeof totals): void {
      totals[name]++;
    },
    read: (pending: number): Dhcp4Counters => ({
      received: { ...received },
      answered: { ...answered },
      silent: { ...silent },
      ...totals,
      pending,
    }),
  };
}
export type Counters = ReturnType<typeof dhcp4Counters>;
