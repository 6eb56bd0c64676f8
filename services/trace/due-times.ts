/**
 * What is to be looked at, and when: one heap for all, so that a thousand deadlines need one timer. An item is in it
 * once; setting another time replaces the earlier one.
 */
export function dueTimes<T>() {
  type Entry = { at: number; readonly item: T; index: number };
  const heap: Entry[] = [];
  const entries = new Map<T, Entry>();

  function swap(one: number, other: number): void {
    const first = heap[one] as Entry;
    const second = heap[other] as Entry;
    heap[one] = second;
    heap[other] = first;
    second.index = one;
    first.index = other;
  }
  const atOf = (index: number): number => heap[index]?.at ?? Number.POSITIVE_INFINITY;

  function settle(from: number): void {
    let index = from;
    while (index > 0 && atOf(index) < atOf((index - 1) >> 1)) {
      swap(index, (index - 1) >> 1);
      index = (index - 1) >> 1;
    }
    for (;;) {
      const left = 2 * index + 1;
      const least = atOf(left + 1) < atOf(left) ? left + 1 : left;
      if (atOf(least) >= atOf(index)) return;
      swap(index, least);
      index = least;
    }
  }

  function remove(item: T): void {
    const entry = entries.get(item);
    if (!entry) return;
    entries.delete(item);
    const { index } = entry;
    const last = heap.length - 1;
    if (index !== last) swap(index, last);
    heap.pop();
    if (index !== last) settle(index);
  }

  return {
    set(item: T, at: number): void {
      const entry = entries.get(item);
      if (entry) {
        if (entry.at === at) return;
        entry.at = at;
        settle(entry.index);
        return;
      }
      const added = { at, item, index: heap.length };
      entries.set(item, added);
      heap.push(added);
      settle(added.index);
    },
    remove,
    /** Takes what is due, earliest first. */
    take(now: number): T | undefined {
      const first = heap[0];
      if (!first || first.at > now) return undefined;
      remove(first.item);
      return first.item;
    },
    get size(): number {
      return heap.length;
    },
  };
}
