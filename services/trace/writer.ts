import type { Logger } from 'pino';
import type { TraceEvent } from '#machines/contract/trace.ts';
import type { TraceStore } from '#services/store/contract.ts';
import { attemptOf, type LiveAttempt } from './live-attempt.ts';

/** One transaction; a storm of events takes several. */
const BATCH = 5000;

/** Events and changed attempts on their way to the store, in batches; while the store cannot take them they wait here. */
export function traceWriter({
  store,
  log,
  queueLimit,
}: {
  readonly store: Pick<TraceStore, 'append'>;
  readonly log: Pick<Logger, 'error' | 'info'>;
  readonly queueLimit: number;
}) {
  type Queued = { readonly attempt: string; readonly event: TraceEvent };
  let queue: Queued[] = [];
  let writing: readonly Queued[] = [];
  const changed = new Set<LiveAttempt>();
  let failing = false;
  let flushing: Promise<boolean> | undefined;

  async function writeAll(): Promise<boolean> {
    while (queue.length > 0 || changed.size > 0) if (!(await writeBatch())) return false;
    return true;
  }

  async function writeBatch(): Promise<boolean> {
    const attempts = [...changed];
    changed.clear();
    writing = queue.splice(0, BATCH);
    try {
      await store.append({ attempts: attempts.map(attemptOf), events: writing });
      if (failing) log.info('traces can be written again');
      failing = false;
      return true;
    } catch (error) {
      // DHCP and boot files go on without a trace (a full disk, say); the events wait, under the queue's bound.
      if (!failing) log.error({ err: error }, 'traces cannot be written; they wait in memory');
      failing = true;
      for (const attempt of attempts) changed.add(attempt);
      queue = [...writing, ...queue];
      return false;
    } finally {
      writing = [];
    }
  }

  return {
    /** Tells whether there was room. */
    add(live: LiveAttempt, event: TraceEvent): boolean {
      changed.add(live);
      if (queue.length >= queueLimit) return false;
      queue.push({ attempt: live.id, event });
      return true;
    },
    touch(live: LiveAttempt): void {
      changed.add(live);
    },
    /** Not in the store yet, as far as is known. */
    pending: (attempt: string): readonly TraceEvent[] =>
      [...writing, ...queue].flatMap((one) => (one.attempt === attempt ? one.event : [])),
    /** Writes all there is, one batch after the other. Tells whether the store has it all. */
    async flush(): Promise<boolean> {
      flushing ??= writeAll().finally(() => {
        flushing = undefined;
      });
      return await flushing;
    },
  };
}
