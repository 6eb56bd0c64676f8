import type { Machine } from '#machines/contract/machine.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import type { LiveAttempt } from './live-attempt.ts';

/**
 * Attempts in memory, found by their id, by their machine and by their MAC. A machine, or a MAC that is none, has one in
 * progress; those that ended are kept for a while, since their URLs may still be asked for.
 */
export function attemptIndex({ ended: endedKept }: { readonly ended: number }) {
  const byId = new Map<string, LiveAttempt>();
  const byMachine = new Map<string, LiveAttempt>();
  /** In the order in which they began. */
  const byMac = new Map<MacAddress, LiveAttempt>();
  /** Those of MACs that are no accepted machine, in that order too. */
  const strangers = new Set<LiveAttempt>();
  /** In the order of their ends. */
  const ended = new Set<LiveAttempt>();

  function current(mac: MacAddress | undefined, machine: string | undefined): LiveAttempt | undefined {
    return (
      (machine === undefined ? undefined : byMachine.get(machine)) ?? (mac === undefined ? undefined : byMac.get(mac))
    );
  }

  function keepEnded(live: LiveAttempt): void {
    byId.set(live.id, live);
    ended.add(live);
    if (ended.size <= endedKept) return;
    for (const oldest of ended) {
      ended.delete(oldest);
      byId.delete(oldest.id);
      return;
    }
  }

  return {
    get: (id: string): LiveAttempt | undefined => byId.get(id),
    current,
    all: (): Iterable<LiveAttempt> => byId.values(),
    inProgress: (): Iterable<LiveAttempt> => byMac.values(),
    get size(): number {
      return byMac.size;
    },
    get strangers(): ReadonlySet<LiveAttempt> {
      return strangers;
    },
    add(live: LiveAttempt, { isStranger }: { readonly isStranger: boolean }): void {
      byId.set(live.id, live);
      if (live.mac !== undefined) byMac.set(live.mac, live);
      if (live.machine !== undefined) byMachine.set(live.machine, live);
      if (isStranger) strangers.add(live);
    },
    /** A machine may have become known, or speak through its second card, since the attempt began. */
    join(live: LiveAttempt, mac: MacAddress | undefined, machine: Machine | undefined): void {
      if (live.endedAt !== undefined) return;
      if (mac !== undefined && live.mac !== mac) {
        live.mac = mac;
        live.claimed = undefined;
        byMac.set(mac, live);
      }
      if (!machine) return;
      const { name } = machine.document;
      if (live.machine !== name && !byMachine.has(name)) {
        live.machine = name;
        byMachine.set(name, live);
      }
      if (machine.acceptance !== 'seen') strangers.delete(live);
    },
    /** It is found by its id only from now on. */
    end(live: LiveAttempt, now: number): void {
      live.endedAt = now;
      strangers.delete(live);
      if (live.machine !== undefined && byMachine.get(live.machine) === live) byMachine.delete(live.machine);
      // It may have spoken through several cards.
      for (const mac of live.macs) if (byMac.get(mac) === live) byMac.delete(mac);
      keepEnded(live);
    },
    keepEnded,
    /** It goes on, unless the machine has begun another attempt since. */
    revive(live: LiveAttempt): boolean {
      if (live.endedAt === undefined || current(live.mac, live.machine)) return false;
      live.endedAt = undefined;
      ended.delete(live);
      this.add(live, { isStranger: false });
      return true;
    },
  };
}
