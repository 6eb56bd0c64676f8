import { type LogCursor, writeLogCursor } from './decide/log-cursor.ts';

const READ_AT_ONCE = 500;
/** A filter that fits nothing must not read a year of boots in one request: the page ends here, with its `next`. */
const MAX_READ = 20_000;

export type LogPage<T> = { readonly items: readonly T[]; readonly next?: string };

/** A page of what the store has newest first, with a filter that the store does not know. */
export async function logPage<T>({
  read,
  cursorOf,
  wanted,
  limit,
  from,
}: {
  readonly read: (query: Partial<LogCursor> & { readonly limit: number }) => Promise<readonly T[]>;
  readonly cursorOf: (item: T) => LogCursor;
  readonly wanted?: ((item: T) => boolean) | undefined;
  readonly limit: number;
  readonly from: LogCursor | undefined;
}): Promise<LogPage<T>> {
  const items: T[] = [];
  let cursor = from;
  let isLast = false;
  for (let count = 0; !isLast && items.length <= limit && count < MAX_READ; ) {
    // One more than the page, to know whether another one follows.
    const size = wanted ? READ_AT_ONCE : limit + 1;
    const page = await read({ ...cursor, limit: size });
    count += page.length;
    isLast = page.length < size;
    for (const item of page) {
      if (items.length > limit) break;
      cursor = cursorOf(item);
      if (wanted?.(item) ?? true) items.push(item);
    }
  }
  const last = items[limit - 1];
  if (items.length > limit && last !== undefined) {
    return { items: items.slice(0, limit), next: writeLogCursor(cursorOf(last)) };
  }
  return { items, ...(isLast || cursor === undefined ? {} : { next: writeLogCursor(cursor) }) };
}
