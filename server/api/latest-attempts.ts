import type { Attempt } from '#machines/contract/trace.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { Recorder } from '#services/trace/contract.ts';

const PAGE = 1000;
/** At start no more than so many attempts are read to find the newest of each machine. */
const MAX_READ = 50_000;

/** The newest boot attempt of each machine, in memory: lists show it for thousands of machines at once. */
export type LatestAttempts = {
  of(machine: string): Attempt | undefined;
  all(): Iterable<Attempt>;
  /** Called with the machine whose newest attempt changed. Ends with the returned function. */
  watch(listener: (machine: string) => void): () => void;
  /** Reads what the store has from before. */
  load(signal: AbortSignal): Promise<void>;
  [Symbol.dispose](): void;
};

export function latestAttempts({
  recorder,
  registry,
}: {
  readonly recorder: Pick<Recorder, 'attempts' | 'watch'>;
  readonly registry: Pick<Registry, 'watch' | 'machine'>;
}): LatestAttempts {
  const latest = new Map<string, Attempt>();
  const listeners = new Set<(machine: string) => void>();

  function note(attempt: Attempt): void {
    // Attempts of MACs that are no machine of ours are as many as strangers like to invent.
    if (attempt.machine === undefined) return;
    const known = latest.get(attempt.machine);
    if (known && known.id !== attempt.id && known.startedAt > attempt.startedAt) return;
    latest.set(attempt.machine, attempt);
    for (const listener of listeners) listener(attempt.machine);
  }

  const stops = [
    recorder.watch((attempt) => note(attempt)),
    registry.watch((change) => {
      if (change.kind === 'machine' && !change.machine) latest.delete(change.name);
    }),
  ];

  return {
    of: (machine) => latest.get(machine),
    all: () => latest.values(),
    watch(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async load(signal) {
      let before: number | undefined;
      for (let read = 0; read < MAX_READ && !signal.aborted; read += PAGE) {
        const page = await recorder.attempts({ limit: PAGE, ...(before === undefined ? {} : { before }) });
        for (const attempt of page) {
          if (attempt.machine !== undefined && !latest.has(attempt.machine) && registry.machine(attempt.machine)) {
            note(attempt);
          }
        }
        const last = page.at(-1);
        if (page.length < PAGE || last === undefined || last.startedAt === before) return;
        before = last.startedAt;
      }
    },
    [Symbol.dispose]() {
      for (const stop of stops) stop();
    },
  };
}
