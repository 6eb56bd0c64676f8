import { setImmediate as soon } from 'node:timers/promises';
import type { Clock } from '#services/bmc/clock.ts';

/** Turns of the event loop in which whatever does not wait for time has happened. */
const TURNS = 12;

/** Time that passes at once when everybody waits for it: minutes of patience in milliseconds, and always the same. */
export function virtualClock(start = 1_700_000_000_000): Clock & { readonly slept: () => number } {
  let now = start;
  let number = 0;
  let pumping = false;
  const waiting = new Map<number, { readonly at: number; readonly resolve: () => void }>();

  async function pump(): Promise<void> {
    pumping = true;
    while (waiting.size > 0) {
      for (let turn = 0; turn < TURNS; turn += 1) await soon();
      const [next] = [...waiting].toSorted(([a, one], [b, other]) => one.at - other.at || a - b);
      if (!next) break;
      waiting.delete(next[0]);
      now = Math.max(now, next[1].at);
      next[1].resolve();
    }
    pumping = false;
  }

  return {
    now: () => now,
    slept: () => now - start,
    sleep(ms, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return promise;
      }
      number += 1;
      const mine = number;
      const leave = (): void => {
        if (waiting.delete(mine)) reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiting.set(mine, {
        at: now + ms,
        resolve() {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      });
      if (!pumping) void pump();
      return promise;
    },
  };
}
