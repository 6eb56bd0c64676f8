import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Task, task } from './task.ts';
import { JUMP_MS, spanText } from './void-all.ts';

/** How often the two clocks are read beside each other. */
const LOOK_MS = 5_000;

/** Both clocks at one moment, in milliseconds. */
export type ClockReading = {
  /** Of the wall, since the epoch: NTP and people move it. */
  readonly wall: number;
  /** Of the machine, from anywhere: it only ever goes on. It stands still while a machine sleeps (CLOCK_MONOTONIC). */
  readonly monotonic: number;
};

/** How far the wall's clock went that the machine's did not; nothing while that is ordinary correction. */
export function clockJump(before: ClockReading, after: ClockReading): string | undefined {
  const jumpMs = after.wall - before.wall - (after.monotonic - before.monotonic);
  if (Math.abs(jumpMs) <= JUMP_MS) return undefined;
  return `the clock went ${jumpMs > 0 ? 'forward' : 'back'} by ${spanText(jumpMs)}`;
}

/**
 * Sees clock jumps, and machines that were asleep. What is granted for a quarter of an hour would otherwise last for
 * years, or what was running would seem dead (safety rule 6).
 */
export function clockWatch(parts: {
  readonly read: () => ClockReading;
  readonly jumped: (because: string) => Promise<unknown>;
  readonly log: Pick<Logger, 'error'>;
  readonly lookMs?: number;
}): Task<void> {
  const { read, jumped, log, lookMs = LOOK_MS } = parts;
  return task('clock watch', async (signal, listening) => {
    listening();
    let before = read();
    while (!signal.aborted) {
      await sleep(lookMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const after = read();
      const because = clockJump(before, after);
      before = after;
      if (because === undefined) continue;
      await jumped(because).catch((err: unknown) => log.error({ err, because }, 'not everything could be made void'));
    }
  });
}

export const systemClocks = (): ClockReading => ({ wall: Date.now(), monotonic: performance.now() });
