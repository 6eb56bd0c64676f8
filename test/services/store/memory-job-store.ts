import { isOver, type Job, type JobEvent } from '#machines/contract/job.ts';
import type { JobStore } from '#services/store/contract.ts';

/** Jobs as a store keeps them, without disk and thread, for tests in which a hundred of them begin and end. */
export function memoryJobStore(): JobStore {
  const jobs = new Map<string, string>();
  const events = new Map<string, Map<number, string>>();
  // As text: what is handed out is nobody else's.
  const read = (text: string): Job => JSON.parse(text) as Job;
  const all = (): readonly Job[] => [...jobs.values()].map(read).toSorted(byTime);
  return {
    async put(job, expected, of = []) {
      const before = jobs.get(job.id);
      const rev = before === undefined ? 0 : read(before).rev;
      if (rev !== expected) return { kind: 'stale', rev };
      const value = { ...job, rev: expected + 1 };
      jobs.set(job.id, JSON.stringify(value));
      const known = events.get(job.id) ?? new Map<number, string>();
      for (const event of of) known.set(event.seq, JSON.stringify(event));
      events.set(job.id, known);
      return { kind: 'stored', value };
    },
    async get(id) {
      const text = jobs.get(id);
      return text === undefined ? undefined : read(text);
    },
    unfinished: async () => all().filter(({ state }) => !isOver(state)),
    async list({ machine, batch, before, beforeId = '', oldestFirst = false, limit }) {
      const last = { createdAt: before ?? (oldestFirst ? -Infinity : Infinity), id: beforeId };
      return (oldestFirst ? all() : all().toReversed())
        .filter((job) => (oldestFirst ? byTime(job, last) > 0 : byTime(job, last) < 0))
        .filter((job) => machine === undefined || job.machine === machine)
        .filter((job) => batch === undefined || job.batch?.id === batch)
        .slice(0, limit);
    },
    async events(id, after, limit) {
      return [...(events.get(id) ?? [])]
        .filter(([seq]) => seq > after)
        .toSorted(([one], [other]) => one - other)
        .slice(0, limit)
        .map(([, text]) => JSON.parse(text) as JobEvent);
    },
  };
}

const byTime = (one: Pick<Job, 'createdAt' | 'id'>, other: Pick<Job, 'createdAt' | 'id'>): number =>
  one.createdAt - other.createdAt || (one.id < other.id ? -1 : Number(one.id > other.id));
