import type { Attempt, TraceBody, TraceEvent } from '#machines/contract/trace.ts';
import type { Recorder } from '#services/trace/contract.ts';

/** Attempts and events in memory, told by a test. */
export function memoryRecorder(): Pick<Recorder, 'attempts' | 'attempt' | 'events' | 'watch'> & {
  tell(attempt: Attempt, body?: TraceBody, at?: number): void;
} {
  const attempts = new Map<string, Attempt>();
  const events = new Map<string, TraceEvent[]>();
  const listeners = new Set<(attempt: Attempt, event: TraceEvent | undefined) => void>();
  return {
    tell(attempt, body, at = attempt.lastAt) {
      attempts.set(attempt.id, attempt);
      const known = events.get(attempt.id) ?? [];
      const event = body && { ...body, seq: known.length + 1, at };
      events.set(attempt.id, event ? [...known, event] : known);
      for (const listener of listeners) listener(attempt, event);
    },
    attempts: async ({ machine, mac, before, beforeId = '', oldestFirst = false, limit }) =>
      [...attempts.values()]
        .filter((one) => machine === undefined || one.machine === machine)
        .filter((one) => mac === undefined || one.mac === mac)
        .filter(
          (one) =>
            before === undefined || (oldestFirst ? -1 : 1) * newestFirst({ startedAt: before, id: beforeId }, one) < 0,
        )
        .sort((a, b) => (oldestFirst ? newestFirst(b, a) : newestFirst(a, b)))
        .slice(0, limit),
    attempt: async (id) => attempts.get(id),
    events: async (id, after = 0) => (events.get(id) ?? []).filter(({ seq }) => seq > after),
    watch(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

type Started = Pick<Attempt, 'startedAt' | 'id'>;
const newestFirst = (a: Started, b: Started): number =>
  b.startedAt - a.startedAt || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);

export const attemptOf = (machine: string, more: Partial<Attempt> = {}): Attempt => ({
  id: `attempt-of-${machine}`.padEnd(22, 'x').slice(0, 22),
  machine,
  site: 'default',
  startedAt: 1_700_000_000_000,
  lastAt: 1_700_000_001_000,
  stage: 'loader',
  verdict: { code: 'in-progress', stage: 'loader', cause: 'it is loading', next: 'wait' },
  events: 1,
  ...more,
});
