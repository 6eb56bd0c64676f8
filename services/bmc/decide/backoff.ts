export type Backoff = {
  readonly baseMs: number;
  readonly capMs: number;
  /** How much of it is left to chance, 0 to 1: many that failed together do not come back together. */
  readonly jitter: number;
};

/** Doubles with each failure. `failures` from 1; `chance` 0 to 1, and the whole wait is never longer than the cap. */
export function backoffMs({ baseMs, capMs, jitter }: Backoff, failures: number, chance: number): number {
  const whole = Math.min(capMs, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return Math.round(whole * (1 - jitter * chance));
}
