import type { RateReading } from '#machines/contract/api/rate-routes.ts';

const DAY_MS = 86_400_000;

/** No longer than a day, and each moment once. */
export function joined(known: readonly RateReading[], more: readonly RateReading[]): readonly RateReading[] {
  const last = known.at(-1)?.at ?? 0;
  const all = [...known, ...more.filter(({ at }) => at > last)];
  const from = (all.at(-1)?.at ?? 0) - DAY_MS;
  return all.filter(({ at }) => at >= from);
}
