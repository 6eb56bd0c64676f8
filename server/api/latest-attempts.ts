import type { Attempt } from '#machines/contract/trace.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { Recorder } from '#services/trace/contract.ts';

const PAGE = 1000;
/** At start no more than so many attempts are read to find the newest of each machine. */
const MAX_READ = 50_000;
/** Boots are remembered by MAC for machines that get another name; so many at most, the oldest go first. */
const MAX_MACS = 20_000;

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
  const byMac = new Map<MacAddress, Attempt>();
  const listeners = new Set<(machine: string) => void>();

  function note(attempt: Attempt): void {
    // Attempts of MACs that are no machine of ours are as many as strangers like to invent.
    if (attempt.machine === undefined) return;
    const known = latest.get(attempt.machine);
    if (known && known.id !== attempt.id && known.startedAt > attempt.startedAt) return;
    latest.set(attempt.machine, attempt);
    if (attempt.mac !== undefined) remember(attempt.mac, attempt);
    for (const listener of listeners) listener(attempt.machine);
  }

  function remember(mac: MacAddress, attempt: Attempt): void {
    byMac.delete(mac);
    byMac.set(mac, attempt);
    const [oldest] = byMac.keys();
    if (byMac.size > MAX_MACS && oldest !== undefined) byMac.delete(oldest);
  }

  /** What was only seen (`m-525400000006`) and is written down as r1-u6 has booted already. */
  function adopt({ document, identifiers }: Machine): void {
    if (latest.has(document.name)) return;
    const boots = [...document.macs, ...identifiers.macs].flatMap((mac) => byMac.get(mac) ?? []);
    const newest = boots.toSorted((a, b) => b.startedAt - a.startedAt)[0];
    if (newest) latest.set(document.name, newest);
  }

  const stops = [
    recorder.watch((attempt) => note(attempt)),
    registry.watch((change) => {
      if (change.kind !== 'machine') return;
      if (change.machine) adopt(change.machine);
      else latest.delete(change.name);
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
      let last: Attempt | undefined;
      for (let read = 0; read < MAX_READ && !signal.aborted; read += PAGE) {
        const page = await recorder.attempts({
          limit: PAGE,
          ...(last === undefined ? {} : { before: last.startedAt, beforeId: last.id }),
        });
        for (const attempt of page) {
          if (attempt.machine !== undefined && !latest.has(attempt.machine) && registry.machine(attempt.machine)) {
            note(attempt);
          }
        }
        last = page.at(-1);
        if (page.length < PAGE || last === undefined) return;
      }
    },
    [Symbol.dispose]() {
      for (const stop of stops) stop();
    },
  };
}
