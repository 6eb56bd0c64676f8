/** An agent that registered in a boot attempt and gives signs of life. */
export type LiveAgent = {
  readonly machine: string;
  /** The boot attempt that it came up in. */
  readonly attempt: string;
  readonly address: string;
  /** Where it serves the machine API. */
  readonly port: number;
  readonly registeredAt: number;
};

/** Three heartbeats and some: one lost packet is no lost machine. */
export const FRESH_MS = 35_000;

/** Which agents are there, in memory: after a restart of the daemon they tell it themselves. */
export type LiveAgents = {
  /** It registered; a second one of a machine takes the place of the first. */
  registered(agent: LiveAgent): void;
  /** A sign of life. Nothing is known of an agent that did not register. */
  heard(machine: string, attempt: string): void;
  /** It said that it goes. */
  left(machine: string, attempt: string): void;
  /** The newest of that machine, while its signs of life are fresh. */
  of(machine: string): LiveAgent | undefined;
  /** How many have been heard of lately. */
  count(): number;
  /** Called with the machine's name when one came or went. Ends with the returned function. */
  watch(listener: (machine: string) => void): () => void;
};

export function liveAgents({ now }: { readonly now: () => number }): LiveAgents {
  const known = new Map<string, { readonly agent: LiveAgent; heardAt: number }>();
  const listeners = new Set<(machine: string) => void>();
  const tell = (machine: string): void => {
    for (const listener of listeners) listener(machine);
  };
  return {
    registered(agent) {
      known.set(agent.machine, { agent, heardAt: now() });
      tell(agent.machine);
    },
    heard(machine, attempt) {
      const entry = known.get(machine);
      if (entry?.agent.attempt !== attempt) return;
      const wasFresh = now() - entry.heardAt <= FRESH_MS;
      entry.heardAt = now();
      if (!wasFresh) tell(machine);
    },
    left(machine, attempt) {
      if (known.get(machine)?.agent.attempt !== attempt) return;
      known.delete(machine);
      tell(machine);
    },
    count: () => [...known.values()].filter(({ heardAt }) => now() - heardAt <= FRESH_MS).length,
    of(machine) {
      const entry = known.get(machine);
      return entry && now() - entry.heardAt <= FRESH_MS ? entry.agent : undefined;
    },
    watch(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
