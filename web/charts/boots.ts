import type { AttemptResource } from '#machines/contract/api/trace-resource.ts';
import type { VerdictCode } from '#machines/contract/trace.ts';

export type Slot = { readonly at: number; readonly booted: number; readonly failed: number; readonly open: number };

const SLOTS = 24;
const STEPS_MS = [60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000];

/** It goes on, or waits for a person: neither came to nothing. */
const isOpen = (code: VerdictCode): boolean => code === 'in-progress' || code === 'not-accepted';

/** Boots over time: the steps are as fine as all of them allow. */
export function bootsOverTime(attempts: readonly AttemptResource[], now: number): readonly Slot[] {
  const first = Math.min(now, ...attempts.map(({ startedAt }) => startedAt));
  const step = STEPS_MS.find((one) => now - first <= one * (SLOTS - 1)) ?? 86_400_000;
  const end = Math.floor(now / step) * step;
  const slots = Array.from({ length: SLOTS }, (_, index) => ({
    at: end - (SLOTS - 1 - index) * step,
    booted: 0,
    failed: 0,
    open: 0,
  }));
  for (const { startedAt, verdict } of attempts) {
    const slot = slots[SLOTS - 1 - Math.floor((end + step - 1 - startedAt) / step)];
    if (!slot) continue;
    if (verdict.code === 'booted') slot.booted += 1;
    else if (isOpen(verdict.code)) slot.open += 1;
    else slot.failed += 1;
  }
  return slots;
}

/** Verdicts of boots that came to nothing, most frequent first. */
export function failuresByCause(
  attempts: readonly AttemptResource[],
): readonly { readonly code: VerdictCode; readonly count: number }[] {
  const counts = new Map<VerdictCode, number>();
  for (const { verdict } of attempts) {
    if (verdict.code === 'booted' || isOpen(verdict.code)) continue;
    counts.set(verdict.code, (counts.get(verdict.code) ?? 0) + 1);
  }
  return [...counts].map(([code, count]) => ({ code, count })).toSorted((one, other) => other.count - one.count);
}
