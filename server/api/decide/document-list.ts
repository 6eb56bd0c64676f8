import { holds, type Term } from '#machines/contract/api/selector.ts';
import { naturalKey } from './machine-list.ts';

type Document = { readonly name: string; readonly labels: Readonly<Record<string, string>> };
type Listed = { readonly document: Document };

export type DocumentQuery = {
  readonly search?: string | undefined;
  readonly label: readonly Term[];
  /** A field of the documents. */
  readonly sort: string;
  readonly descending: boolean;
  /** All where none is given. */
  readonly limit?: number | undefined;
  readonly after?: string | undefined;
};

export type DocumentPage<S> = { readonly items: readonly S[]; readonly total: number; readonly next?: string };

/** A page of the documents that match, equals by their names as people count. The cursor is where the page before ended. */
export function documentPage<S extends Listed>(
  documents: readonly S[],
  query: DocumentQuery,
): DocumentPage<S> | { readonly wrongCursor: true } {
  const cursor = query.after === undefined ? undefined : readCursor(query.after);
  if (query.after !== undefined && !cursor) return { wrongCursor: true };
  const search = query.search?.toLowerCase();
  const matching = documents
    .filter(({ document: { labels } }) =>
      query.label.every((term) => holds(term, Object.hasOwn(labels, term.key) ? labels[term.key] : undefined)),
    )
    .filter(({ document }) => search === undefined || JSON.stringify(document).toLowerCase().includes(search));
  const sign = query.descending ? -1 : 1;
  const order = (a: Place, b: Place): number =>
    sign * (compare(a.key, b.key) || compare(naturalKey(a.name), naturalKey(b.name)) || compare(a.name, b.name));
  const ordered = matching
    .map((one) => ({ one, key: keyOf(one.document, query.sort), name: one.document.name }))
    .toSorted(order);
  const rest = cursor ? ordered.filter((one) => order(one, cursor) > 0) : ordered;
  const page = query.limit === undefined ? rest : rest.slice(0, query.limit);
  const last = page.at(-1);
  return {
    items: page.map(({ one }) => one),
    total: matching.length,
    ...(last && rest.length > page.length ? { next: writeCursor(last) } : {}),
  };
}

type Key = string | number;
type Place = { readonly key: Key; readonly name: string };

function keyOf(document: Document, sort: string): Key {
  if (sort === 'name') return '';
  const value: unknown = Object.entries(document).find(([field]) => field === sort)?.[1];
  return typeof value === 'number' || typeof value === 'string' ? value : '';
}

/** Numbers before texts. */
const compare = (a: Key, b: Key): number => {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
};

const writeCursor = ({ key, name }: Place): string => btoa(encodeURIComponent(JSON.stringify([key, name])));

function readCursor(text: string): Place | undefined {
  try {
    const [key, name]: unknown[] = JSON.parse(decodeURIComponent(atob(text)));
    const isKey = typeof key === 'number' || typeof key === 'string';
    return isKey && typeof name === 'string' ? { key, name } : undefined;
  } catch {
    return undefined;
  }
}
