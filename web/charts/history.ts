import { useSyncExternalStore } from 'react';
import type { RateReading } from '#machines/contract/api/rate-routes.ts';
import { ask } from '../api/daemon.ts';
import { joined } from './joined.ts';

const EVERY_MS = 10_000;

export type Readings = {
  readonly items: readonly RateReading[];
  readonly state: 'reading' | 'ready' | 'failed';
  readonly error: unknown;
};

/** The daemon keeps a day of figures. They are read whole once, then what is new, for as long as somebody looks. */
function readingStore() {
  const listeners = new Set<() => void>();
  let snapshot: Readings = { items: [], state: 'reading', error: undefined };
  let timer: ReturnType<typeof setInterval> | undefined;

  async function read(): Promise<void> {
    try {
      const since = snapshot.items.at(-1)?.at;
      const { items } = await ask('listRates', { query: since === undefined ? {} : { since } });
      snapshot = { items: joined(snapshot.items, items), state: 'ready', error: undefined };
    } catch (error) {
      // What is known stays to be seen; what could not be read once is read the next time.
      snapshot = { ...snapshot, state: 'failed', error };
    }
    for (const listener of listeners) listener();
  }

  return {
    snapshot: (): Readings => snapshot,
    subscribe: (changed: () => void): (() => void) => {
      listeners.add(changed);
      if (timer === undefined) {
        void read();
        timer = setInterval(() => void read(), EVERY_MS);
      }
      return () => {
        listeners.delete(changed);
        if (listeners.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
  };
}

const store = readingStore();
export const useReadings = (): Readings => useSyncExternalStore(store.subscribe, store.snapshot);
