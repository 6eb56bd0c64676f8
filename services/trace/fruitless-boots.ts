import { isFruitless } from '#machines/decide/attempt.ts';
import type { LiveAttempt } from './live-attempt.ts';

/** No loop needs more of them to be seen. */
const KEPT = 20;

/**
 * When boots of a machine began that came to their kernel and to nothing else, since its last good one: what a boot loop
 * is told by. Bounded; the machine whose boots are the oldest is forgotten.
 */
export function fruitlessBoots({ windowMs, machines }: { readonly windowMs: number; readonly machines: number }) {
  const boots = new Map<string, readonly number[]>();
  const keyOf = (live: LiveAttempt): string => live.machine ?? live.mac ?? live.id;
  return {
    before: (live: LiveAttempt): readonly number[] => boots.get(keyOf(live)) ?? [],
    /** A boot has ended. */
    note(live: LiveAttempt): void {
      if (!isFruitless(live.evidence)) return;
      const key = keyOf(live);
      const recent = (boots.get(key) ?? []).filter((at) => at >= live.startedAt - windowMs);
      boots.delete(key);
      boots.set(key, [...recent, live.startedAt].sort((one, other) => one - other).slice(-KEPT));
      if (boots.size <= machines) return;
      for (const oldest of boots.keys()) {
        boots.delete(oldest);
        return;
      }
    },
    /** A boot went well. */
    forget: (live: LiveAttempt): boolean => boots.delete(keyOf(live)),
  };
}
