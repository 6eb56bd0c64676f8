import type { Logger } from 'pino';
import type { TraceEvent } from '#machines/contract/trace.ts';
import type { TraceStore } from '#services/store/contract.ts';
import { attemptOf, type LiveAttempt } from './live-attempt.ts';
import type { PacketKeeper } from './packet-keeper.ts';

/** One batch. Leases are bound by the same writer, and a DHCP client waits for its own: no batch may take long. */
const BATCH = 500;

/** Events and changed attempts on their way to the store, in batches; while the store cannot take them they wait here. */
export function traceWriter({
  store,
  packets,
  log,
  queueLimit,
}: {
  readonly store: Pick<TraceStore, 'append'>;
  readonly packets: PacketKeeper;
  readonly log: Pick<Logger, 'error' | 'info'>;
  readonly queueLimit: number;
}) {
  type Queued = { readonly live: LiveAttempt; readonly event: TraceEvent };
  let queue: Queued[] = [];
  let writing: readonly Queued[] = [];
  const changed = new Set<LiveAttempt>();
  let failing = false;
  let flushing: Promise<boolean> | undefined;

  /** An event needs its attempt in the store, and so does a packet: attempts of this batch's events go first. */
  function nextAttempts(): readonly LiveAttempt[] {
    const attempts = new Set<LiveAttempt>();
    for (const { live } of writing) if (changed.delete(live)) attempts.add(live);
    for (const live of changed) {
      if (attempts.size >= BATCH) break;
      attempts.add(live);
      changed.delete(live);
    }
    return [...attempts];
  }

  async function writeBatch(): Promise<boolean> {
    writing = queue.splice(0, BATCH);
    const attempts = nextAttempts();
    const events = writing.map(({ live, event }) => ({ attempt: live.id, event }));
    const isLast = queue.length === 0 && changed.size === 0;
    try {
      await store.append({
        attempts: attempts.map(attemptOf),
        events,
        ...(isLast ? { packets: packets.take(BATCH) } : {}),
      });
      packets.written();
      if (failing) log.info('traces can be written again');
      failing = false;
      return true;
    } catch (error) {
      // DHCP and boot files go on without a trace (a full disk, say); the events wait, under the queue's bound.
      if (!failing) log.error({ err: error }, 'traces cannot be written; they wait in memory');
      failing = true;
      for (const attempt of attempts) changed.add(attempt);
      queue = [...writing, ...queue];
      packets.failed();
      return false;
    } finally {
      writing = [];
    }
  }

  async function writeAll(): Promise<boolean> {
    while (queue.length > 0 || changed.size > 0 || packets.waiting > 0) if (!(await writeBatch())) return false;
    return true;
  }

  return {
    /** Tells whether there was room. */
    add(live: LiveAttempt, event: TraceEvent): boolean {
      changed.add(live);
      if (queue.length >= queueLimit) return false;
      queue.push({ live, event });
      return true;
    },
    touch(live: LiveAttempt): void {
      changed.add(live);
    },
    /** Not in the store yet, as far as is known. */
    pending: (attempt: string): readonly TraceEvent[] =>
      [...writing, ...queue].flatMap(({ live, event }) => (live.id === attempt ? event : [])),
    /** Writes all there is, one batch after the other. Tells whether the store has it all. */
    async flush(): Promise<boolean> {
      flushing ??= writeAll().finally(() => {
        flushing = undefined;
      });
      return await flushing;
    },
  };
}

export type TraceWriter = ReturnType<typeof traceWriter>;
