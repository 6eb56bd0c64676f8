import { useSyncExternalStore } from 'react';
import { ask } from '../api/daemon.ts';
import { perSecond, readMetrics, type Sample, total } from './metrics-text.ts';

const EVERY_MS = 3000;
/** A quarter of an hour. */
const KEPT = 300;

/** What is drawn, at one moment; rates are since the moment before. */
export type Reading = {
  readonly at: number;
  readonly dhcpPerSecond: number;
  readonly bytesPerSecond: number;
  readonly bmcMs: number | undefined;
  readonly residentBytes: number;
};

type Kept = { readonly at: number; readonly samples: readonly Sample[] };

/** Figures are read for as long as somebody looks, and kept as long as the page is open. */
function readingStore() {
  const listeners = new Set<() => void>();
  let readings: readonly Reading[] = [];
  let before: Kept | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;

  async function read(): Promise<void> {
    const samples = readMetrics(await ask('getMetrics'));
    const now: Kept = { at: Date.now(), samples };
    if (before) readings = [...readings.slice(-KEPT + 1), readingOf(before, now)];
    before = now;
    for (const listener of listeners) listener();
  }
  // What could not be read once is read the next time.
  const tryRead = (): void => void read().catch(() => {});

  return {
    snapshot: (): readonly Reading[] => readings,
    subscribe: (changed: () => void): (() => void) => {
      listeners.add(changed);
      if (timer === undefined) {
        tryRead();
        timer = setInterval(tryRead, EVERY_MS);
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

function readingOf(before: Kept, now: Kept): Reading {
  const rate = (...names: readonly string[]): number =>
    names.reduce(
      (sum, name) => sum + perSecond(total(before.samples, name), total(now.samples, name), now.at - before.at),
      0,
    );
  const polls = rate('ingot_bmc_polls_answered_total');
  const seconds = rate('ingot_bmc_polls_answer_seconds_total');
  return {
    at: now.at,
    dhcpPerSecond: rate('ingot_dhcp4_received_total'),
    bytesPerSecond: rate('ingot_tftp_sent_bytes_total', 'ingot_boot_http_sent_bytes_total'),
    bmcMs: polls > 0 ? (seconds / polls) * 1000 : undefined,
    residentBytes: total(now.samples, 'process_resident_memory_bytes'),
  };
}

const store = readingStore();
export const useReadings = (): readonly Reading[] => useSyncExternalStore(store.subscribe, store.snapshot);
