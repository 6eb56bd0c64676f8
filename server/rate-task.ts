import { setTimeout as sleep } from 'node:timers/promises';
import type { Metric } from './api/metrics.ts';
import { countedIn, FINE_MS, rateHistory, type RateHistory } from './api/decide/rate-history.ts';
import { type Task, task } from './task.ts';

/** Reads the counters of all parts for as long as the daemon runs, for the charts of the page. */
export function rateTask({
  metrics,
  now,
  everyMs = FINE_MS,
}: {
  readonly metrics: readonly (() => readonly Metric[])[];
  readonly now: () => number;
  readonly everyMs?: number;
}): { readonly task: Task; readonly readings: RateHistory['readings'] } {
  const history = rateHistory();
  const read = (): void =>
    history.add(
      countedIn(
        metrics.flatMap((part) => part()),
        now(),
        process.memoryUsage.rss(),
      ),
    );
  return {
    readings: history.readings,
    task: task('rates', async (signal, listening) => {
      read();
      listening(undefined);
      while (!signal.aborted) {
        await sleep(everyMs, undefined, { signal }).catch(() => {});
        if (!signal.aborted) read();
      }
    }),
  };
}
