/** Something that is free from some time on; `queuedAt` belongs to the queue. */
export type Queued = { queuedAt: number };

/**
 * Which of them is free soonest? A binary heap that is corrected lazily: an entry whose time has grown since it was
 * queued (every renewal does that) is moved only when it comes to the top. So renewing costs nothing here, and asking
 * costs O(log n) once for each entry that was renewed.
 */
export function expiryQueue<T extends Queued>(freeAt: (entry: T) => number) {
  const heap: { readonly entry: T; readonly at: number }[] = [];

  function swap(one: number, other: number): void {
    const moved = heap[one] as (typeof heap)[number];
    heap[one] = heap[other] as (typeof heap)[number];
    heap[other] = moved;
  }

  const at = (index: number): number => heap[index]?.at ?? Number.POSITIVE_INFINITY;

  function rise(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (at(parent) <= at(index)) return;
      swap(parent, index);
      index = parent;
    }
  }

  function sink(): void {
    let index = 0;
    for (;;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      const smaller = at(right) < at(left) ? right : left;
      if (at(smaller) >= at(index)) return;
      swap(smaller, index);
      index = smaller;
    }
  }

  function dropTop(): void {
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return;
    heap[0] = last;
    sink();
  }

  return {
    /** Adds it, or says that it is free sooner than was said before. */
    add(entry: T): void {
      const time = freeAt(entry);
      if (entry.queuedAt <= time) return;
      entry.queuedAt = time;
      heap.push({ entry, at: time });
      rise(heap.length - 1);
    },

    /** The one that is free soonest, if it is by now. It stays in the queue. */
    first(now: number): T | undefined {
      for (;;) {
        const top = heap[0];
        if (!top) return undefined;
        // It was added again for an earlier time, or taken out.
        if (top.entry.queuedAt !== top.at) {
          dropTop();
          continue;
        }
        const time = freeAt(top.entry);
        if (time > top.at) {
          top.entry.queuedAt = Number.POSITIVE_INFINITY;
          dropTop();
          this.add(top.entry);
          continue;
        }
        return top.at <= now ? top.entry : undefined;
      }
    },

    remove(entry: T): void {
      entry.queuedAt = Number.POSITIVE_INFINITY;
    },

    size: () => heap.length,
  };
}
