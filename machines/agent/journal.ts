/** What is newer than a place in a journal; `lost` counts what had been forgotten before it was read. */
export type Passage<T> = { readonly entries: readonly T[]; readonly next: number; readonly lost: number };

/**
 * The newest entries of something that never ends. Writing never waits and memory is bounded: a reader that is too slow
 * loses the oldest, and is told how many.
 */
export type Journal<T> = {
  push(entry: T): void;
  /** The place behind the newest entry. */
  end(): number;
  /** At most `limit` entries from a place on. 0 is the beginning. */
  read(from: number, limit?: number): Passage<T>;
  /** Resolves when there is something behind that place; rejects with the signal's reason. */
  grown(from: number, signal: AbortSignal): Promise<void>;
  /** Entries from a place on, and then as they come. After the signal aborts it ends with what there is by then. */
  follow(from: number, signal: AbortSignal): AsyncGenerator<T, void, undefined>;
};

export function openJournal<T>(capacity: number): Journal<T> {
  let kept: T[] = [];
  let first = 0;
  const waiting = new Set<() => void>();
  const end = () => first + kept.length;

  const journal: Journal<T> = {
    end,
    push(entry) {
      kept.push(entry);
      // Cut in large steps, so that each entry is moved once on average.
      if (kept.length >= capacity * 2) {
        first += kept.length - capacity;
        kept = kept.slice(-capacity);
      }
      const woken = [...waiting];
      waiting.clear();
      for (const wake of woken) wake();
    },
    read(from, limit = Infinity) {
      const start = Math.min(Math.max(from, first, end() - capacity), Math.max(end(), from));
      const entries = kept.slice(start - first, Math.min(start - first + limit, kept.length));
      return { entries, next: start + entries.length, lost: Math.max(0, start - from) };
    },
    async grown(from, signal) {
      while (end() <= from) {
        signal.throwIfAborted();
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        const abort = () => reject(signal.reason);
        waiting.add(resolve);
        signal.addEventListener('abort', abort);
        try {
          await promise;
        } finally {
          waiting.delete(resolve);
          signal.removeEventListener('abort', abort);
        }
      }
    },
    async *follow(from, signal) {
      let place = from;
      for (;;) {
        const last = signal.aborted;
        const passage = journal.read(place, 256);
        place = passage.next;
        for (const entry of passage.entries) yield entry;
        if (passage.entries.length > 0) continue;
        if (last) return;
        await journal.grown(place, signal).catch(() => {});
      }
    },
  };
  return journal;
}
