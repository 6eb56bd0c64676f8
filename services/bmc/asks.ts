import type { BootOnce, PowerState } from '#machines/contract/power.ts';
import { BmcError } from './contract.ts';
import type { Clock } from './clock.ts';

/** What a person is asked to do at a machine, because nothing else can. */
export type PersonAsk = {
  readonly machine: string;
  readonly wanted: 'on' | 'off' | 'reset';
  readonly boot?: BootOnce;
  readonly askedAt: number;
  readonly expiresAt: number;
};

export type Asks = {
  /** All that wait for an answer, oldest first. */
  pending(): readonly PersonAsk[];
  /** What was last said of a machine's power, by whoever stood before it. */
  told(machine: string): { readonly power: PowerState; readonly at: number; readonly by: string } | undefined;
  /** Resolves when it was done; rejects with `refused` when it was not, or nobody answered in time. */
  ask(what: Omit<PersonAsk, 'askedAt' | 'expiresAt'>, signal: AbortSignal): Promise<void>;
  /** What a person says to it. Gives the ask, or nothing where none is pending. */
  answer(machine: string, answer: { readonly did: boolean; readonly by: string }): PersonAsk | undefined;
};

/** One at a time for each machine: a newer ask takes the place of an older one. */
export function openAsks({ clock, personMs }: { readonly clock: Clock; readonly personMs: number }): Asks {
  type Waiting = { readonly ask: PersonAsk; readonly end: (did: boolean, because: string) => void };
  const waiting = new Map<string, Waiting>();
  const told = new Map<string, { power: PowerState; at: number; by: string }>();

  return {
    pending: () => [...waiting.values()].map(({ ask }) => ask).toSorted((a, b) => a.askedAt - b.askedAt),
    told: (machine) => told.get(machine),
    async ask(what, signal) {
      signal.throwIfAborted();
      const { machine } = what;
      waiting.get(machine)?.end(false, 'something else was asked for meanwhile');
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const over = new AbortController();
      const mine: Waiting = {
        ask: { ...what, askedAt: clock.now(), expiresAt: clock.now() + personMs },
        end(did, because) {
          if (waiting.get(machine) === mine) waiting.delete(machine);
          over.abort();
          if (did) resolve();
          else reject(new BmcError('refused', `a person was asked to: ${because}`));
        },
      };
      waiting.set(machine, mine);
      const leave = (): void => mine.end(false, 'it is not wanted any more');
      signal.addEventListener('abort', leave, { once: true });
      clock.sleep(personMs, over.signal).then(
        () => mine.end(false, `nobody answered within ${Math.round(personMs / 60_000)} min`),
        () => {},
      );
      try {
        await promise;
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
    answer(machine, { did, by }) {
      const found = waiting.get(machine);
      if (!found) return undefined;
      if (did) {
        const power = found.ask.wanted === 'off' ? 'off' : 'on';
        told.set(machine, { power, at: clock.now(), by });
      }
      found.end(did, `${by} says that it was not done`);
      return found.ask;
    },
  };
}
