import type { PowerOperation } from '#machines/contract/api/bmc-resource.ts';
import type { Clock } from './clock.ts';
import type { Power, PowerRequest, Refusal } from './power.ts';

/** What was asked for and how it ended, for whoever asks later. */
const KEPT = 10_000;
const KEEP_MS = 60 * 60_000;

/**
 * Power actions in the background: who asked may go away and come back. They live in memory: after a restart of the
 * daemon the power is read again, and nothing is repeated.
 */
export type Operations = AsyncDisposable & {
  start(request: PowerRequest): { readonly operation: PowerOperation } | { readonly refusal: Refusal };
  get(id: string): PowerOperation | undefined;
  /** As soon as more than `seen` was said, or the time is up. */
  after(id: string, seen: number, withinMs: number, signal: AbortSignal): Promise<PowerOperation | undefined>;
  running(): readonly PowerOperation[];
};

export function openOperations(parts: {
  readonly power: Power;
  readonly clock: Clock;
  readonly newId: () => string;
}): Operations {
  const { power, clock, newId } = parts;
  type Kept = { operation: PowerOperation; changed: PromiseWithResolvers<void> };
  const kept = new Map<string, Kept>();
  const working = new Set<Promise<void>>();
  const stop = new AbortController();

  function forgetOld(): void {
    for (const [id, { operation }] of kept) {
      const isOld = operation.endedAt !== undefined && clock.now() - operation.endedAt > KEEP_MS;
      if (isOld || (kept.size > KEPT && operation.state !== 'running')) kept.delete(id);
      else if (kept.size <= KEPT) return;
    }
  }

  function change(one: Kept, more: Partial<PowerOperation>): void {
    one.operation = { ...one.operation, ...more, seq: one.operation.seq + 1 };
    one.changed.resolve();
    one.changed = Promise.withResolvers();
  }

  async function work(one: Kept, request: PowerRequest): Promise<void> {
    const endedAt = (): number => clock.now();
    try {
      const result = await power.act(request, {
        say: (text) => change(one, { text: text.slice(0, MAX_TEXT) }),
        signal: stop.signal,
      });
      if (result.kind === 'done') {
        const { power: state, confirmed, text } = result;
        change(one, { state: 'done', power: state, confirmed, text: text.slice(0, MAX_TEXT), endedAt: endedAt() });
      } else {
        const { power: state, code, because, next } = result;
        const text = because.slice(0, MAX_TEXT);
        change(one, { state: 'failed', power: state, code, text, next, endedAt: endedAt() });
      }
    } catch (error) {
      const because = stop.signal.aborted ? 'the daemon ended meanwhile' : `it broke: ${String(error)}`;
      change(one, {
        state: 'failed',
        code: 'cancelled',
        text: because,
        next: 'read the power again',
        endedAt: endedAt(),
      });
    }
  }

  return {
    start(request) {
      const refusal = power.refusal(request);
      if (refusal) return { refusal };
      forgetOld();
      const { machine, action, by } = request;
      const id = newId();
      const one: Kept = {
        operation: { id, machine, action, by, startedAt: clock.now(), state: 'running', seq: 0, text: 'begins' },
        changed: Promise.withResolvers(),
      };
      kept.set(id, one);
      const mine = work(one, request).finally(() => working.delete(mine));
      working.add(mine);
      return { operation: one.operation };
    },
    get: (id) => kept.get(id)?.operation,
    async after(id, seen, withinMs, signal) {
      const one = kept.get(id);
      if (!one || one.operation.seq > seen || one.operation.state !== 'running') return one?.operation;
      const over = new AbortController();
      const waited = clock.sleep(withinMs, AbortSignal.any([signal, over.signal])).catch(() => {});
      await Promise.race([one.changed.promise, waited]);
      over.abort();
      return one.operation;
    },
    running: () => [...kept.values()].flatMap(({ operation }) => (operation.state === 'running' ? [operation] : [])),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the daemon ends'));
      await Promise.all(working);
    },
  };
}

const MAX_TEXT = 1024;
