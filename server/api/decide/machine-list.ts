import { holds, type Term } from '#machines/contract/api/selector.ts';
import type { MachineQuery } from '#machines/contract/api/machine-resource.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { Attempt } from '#machines/contract/trace.ts';

/** A machine beside what is looked for in it. `order` counts in natural order of names. */
export type Row = {
  readonly machine: Machine;
  readonly attempt: Attempt | undefined;
  readonly order: number;
  /** Lower case, all that `search` looks at. */
  readonly text: string;
};

export type MachinePage = { readonly rows: readonly Row[]; readonly total: number; readonly next: string | undefined };

/**
 * A page of the rows that match. `rows` come in natural order of names. The cursor holds where the page ended, not how
 * many rows came before it: a machine that appears meanwhile moves nothing.
 */
export function machinePage(rows: readonly Row[], query: MachineQuery): MachinePage | { readonly wrongCursor: true } {
  const cursor = query.after === undefined ? undefined : readCursor(query.after);
  if (query.after !== undefined && !cursor) return { wrongCursor: true };
  const matching = rows.filter((row) => matches(row, query));
  const sorted = inOrder(matching, query);
  const start = cursor ? sorted.findIndex((row) => isAfter(row, cursor, query)) : 0;
  const page = start < 0 ? [] : sorted.slice(start, start + query.limit);
  const last = page.at(-1);
  const more = last !== undefined && start + page.length < sorted.length;
  return { rows: page, total: matching.length, next: more ? writeCursor(last, query) : undefined };
}

function matches({ machine, attempt, text }: Row, query: MachineQuery): boolean {
  const { document } = machine;
  return (
    (query.search === undefined || text.includes(query.search.toLowerCase())) &&
    (query.acceptance === undefined || machine.acceptance === query.acceptance) &&
    (query.service === undefined || machine.service === query.service) &&
    (query.site === undefined || document.location.site === query.site) &&
    (query.rack === undefined || document.location.rack === query.rack) &&
    (query.stage === undefined || attempt?.stage === query.stage) &&
    (query.verdict === undefined || attempt?.verdict.code === query.verdict) &&
    allHold(query.label, document.labels) &&
    query.fact.every((term) => holds(term, own(machine.facts, term.key)?.value))
  );
}

const allHold = (terms: readonly Term[], labels: Readonly<Record<string, string>>): boolean =>
  terms.every((term) => holds(term, own(labels, term.key)));

/** Labels and facts have names that strangers choose: `constructor` is none of an object's own. */
const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

function inOrder(rows: readonly Row[], query: MachineQuery): readonly Row[] {
  if (query.sort === 'name') return query.descending ? rows.toReversed() : rows;
  const sign = query.descending ? -1 : 1;
  return rows.toSorted((a, b) => sign * (timeOf(a, query) - timeOf(b, query) || a.order - b.order));
}

function timeOf({ machine, attempt }: Row, { sort }: MachineQuery): number {
  switch (sort) {
    case 'name':
      return 0;
    case 'first-seen':
      return machine.firstSeen ?? 0;
    case 'last-seen':
      return machine.lastSeen ?? 0;
    case 'last-boot':
      return attempt?.startedAt ?? 0;
    default:
      return sort satisfies never;
  }
}

type Cursor = { readonly time: number; readonly name: string; readonly key: string };

function isAfter(row: Row, cursor: Cursor, query: MachineQuery): boolean {
  const time = timeOf(row, query) - cursor.time;
  const name = nameOrder(row.machine.document.name, cursor);
  return (query.descending ? -1 : 1) * (time || name) > 0;
}

function nameOrder(name: string, cursor: Cursor): number {
  const key = naturalKey(name);
  if (key === cursor.key) return name < cursor.name ? -1 : name > cursor.name ? 1 : 0;
  return key < cursor.key ? -1 : 1;
}

const writeCursor = (row: Row, query: MachineQuery): string =>
  btoa(JSON.stringify([timeOf(row, query), row.machine.document.name]));

function readCursor(text: string): Cursor | undefined {
  try {
    const [time, name] = JSON.parse(atob(text)) as [unknown, unknown];
    if (typeof time !== 'number' || typeof name !== 'string') return undefined;
    return { time, name, key: naturalKey(name) };
  } catch {
    return undefined;
  }
}

/** `r1-u2` before `r1-u12`: as people count. Compare the keys with `<`. */
export const naturalKey = (text: string): string =>
  text.replace(/\d+/g, (digits) => digits.replace(/^0+(?=\d)/, '').padStart(10, '0'));

/** In natural order; names that differ only in leading zeros by their text. */
export function compareNatural(a: readonly [string, string], b: readonly [string, string]): number {
  const [one, other] = a[0] === b[0] ? [a[1], b[1]] : [a[0], b[0]];
  return one < other ? -1 : one > other ? 1 : 0;
}
