import { setTimeout as after } from 'node:timers/promises';

/** Time as the parts of this folder see it; tests give their own. */
export type Clock = {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

export const systemClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) =>
    after(ms, undefined, signal ? { signal } : {}).catch((cause: unknown) => {
      throw signal?.aborted === true ? signal.reason : cause;
    }),
};
