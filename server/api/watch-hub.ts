import { randomBytes } from 'node:crypto';
import type { WatchKind } from '#machines/contract/api/watch.ts';
import { writeDocument } from '#machines/contract/api/document-form.ts';
import type { Attempt } from '#machines/contract/trace.ts';
import type { Jobs } from '#services/jobs/contract.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { Recorder } from '#services/trace/contract.ts';
import type { LatestAttempts } from './latest-attempts.ts';
import { type MachinePieces, textOfPiece } from './machine-json.ts';

/** What is kept for watchers that come back: by number and by size. */
const KEPT_EVENTS = 10_000;
const KEPT_BYTES = 16 << 20;
/** A machine that boots changes twenty times a second; a person sees ten. */
const GATHER_MS = 100;

/** One message of the stream, written once for all watchers. */
type Entry = {
  readonly seq: number;
  readonly kind: WatchKind;
  readonly machine: string | undefined;
  /** It names no machine: also who may see some machines only may know of it. */
  readonly isFree: boolean;
  readonly text: string;
};

export type Watcher = {
  readonly kinds: readonly WatchKind[];
  readonly machine: string | undefined;
  /** May it know of this machine? */
  sees(machine: string | undefined): boolean;
  /** Must not wait. */
  send(text: string): void;
};

/**
 * Changes of machines, documents, attempts and grants as server-sent events. What was missed during a broken connection
 * is sent again from a bounded memory; if it is not there any more, `reset` says so.
 */
export type WatchHub = {
  /** `lastId`: the Last-Event-ID of the one that comes back. Ends with the returned function. */
  add(watcher: Watcher, lastId: string | undefined): () => void;
  count(): number;
  [Symbol.dispose](): void;
};

export function watchHub({
  registry,
  recorder,
  jobs,
  latest,
  machinePiece,
}: {
  readonly registry: Pick<Registry, 'watch' | 'machine'>;
  readonly recorder: Pick<Recorder, 'watch'>;
  readonly jobs: Pick<Jobs, 'watch'>;
  readonly latest: Pick<LatestAttempts, 'of'>;
  readonly machinePiece: MachinePieces;
}): WatchHub {
  /** Ids of another run of the daemon mean nothing to this one. */
  const run = randomBytes(4).toString('hex');
  const watchers = new Set<Watcher>();
  const entries: Entry[] = [];
  let first = 0;
  let bytes = 0;
  let seq = 0;

  const changedMachines = new Set<string>();
  const changedAttempts = new Map<string, Attempt>();
  let timer: NodeJS.Timeout | undefined;

  function publish(kind: WatchKind, machine: string | undefined, json: string, isFree = false): void {
    seq += 1;
    const entry = { seq, kind, machine, isFree, text: `id: ${run}-${seq}\ndata: ${json}\n\n` };
    entries.push(entry);
    bytes += entry.text.length;
    while (entries.length - first > KEPT_EVENTS || bytes > KEPT_BYTES) {
      bytes -= entries[first]?.text.length ?? 0;
      first += 1;
    }
    // Cut off now and then: shifting a long array for every event would cost more than the event.
    if (first > KEPT_EVENTS) {
      entries.splice(0, first);
      first = 0;
    }
    for (const watcher of watchers) if (wants(watcher, entry)) watcher.send(entry.text);
  }

  function gather(): void {
    timer ??= setTimeout(flush, GATHER_MS);
  }

  function flush(): void {
    timer = undefined;
    for (const name of changedMachines) {
      const machine = registry.machine(name);
      const json = machine ? textOfPiece(machinePiece(machine, latest.of(name))) : 'null';
      publish('machine', name, `{"kind":"machine","name":${JSON.stringify(name)},"machine":${json}}`);
    }
    changedMachines.clear();
    for (const attempt of changedAttempts.values()) {
      publish('attempt', attempt.machine, JSON.stringify({ kind: 'attempt', attempt }));
    }
    changedAttempts.clear();
  }

  const stops = [
    registry.watch((change) => {
      switch (change.kind) {
        case 'machine':
          changedMachines.add(change.name);
          return gather();
        case 'document': {
          const document = change.document ? writeDocument(change.document) : null;
          const { documentKind, name } = change;
          const json = JSON.stringify({ kind: 'document', documentKind, name, document });
          // Those of machines are told as machines; a cluster names all of its own.
          return publish('document', undefined, json, documentKind !== 'Machine' && documentKind !== 'Cluster');
        }
        case 'grant':
          return publish('grant', change.grant.machine, JSON.stringify(change));
        default:
          return change satisfies never;
      }
    }),
    recorder.watch((attempt, event) => {
      changedAttempts.set(attempt.id, attempt);
      gather();
      if (!event) return;
      const { machine, id } = attempt;
      publish(
        'trace',
        machine,
        JSON.stringify({ kind: 'trace', attempt: id, ...(machine === undefined ? {} : { machine }), event }),
      );
    }),
    jobs.watch((job) => publish('job', job.machine, JSON.stringify({ kind: 'job', job }))),
  ];

  return {
    add(watcher, lastId) {
      // An event without data is not shown to the page, but its id is remembered for the next connection.
      const greeting = `retry: 2000\nid: ${run}-${seq}\n\n`;
      const after = seqOf(lastId, run);
      const oldest = entries[first]?.seq ?? seq + 1;
      if (lastId === undefined) watcher.send(greeting);
      else if (after === undefined || after > seq || after + 1 < oldest) {
        watcher.send(`id: ${run}-${seq}\ndata: {"kind":"reset"}\n\n`);
      } else {
        const missed = entries.slice(first + after + 1 - oldest).filter((entry) => wants(watcher, entry));
        watcher.send(missed.map(({ text }) => text).join('') || greeting);
      }
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    count: () => watchers.size,
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const stop of stops) stop();
    },
  };
}

const wants = (watcher: Watcher, { kind, machine, isFree }: Entry): boolean =>
  watcher.kinds.includes(kind) &&
  (isFree || watcher.sees(machine)) &&
  (watcher.machine === undefined || watcher.machine === machine);

function seqOf(id: string | undefined, run: string): number | undefined {
  const [, ofRun, number] = /^([0-9a-f]+)-(\d{1,15})$/.exec(id ?? '') ?? [];
  return ofRun === run && number !== undefined ? Number(number) : undefined;
}
