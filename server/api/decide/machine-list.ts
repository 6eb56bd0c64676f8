import { holds } from '#machines/contract/api/selector.ts';
import type { MachineQuery } from '#machines/contract/api/machine-resource.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { Attempt } from '#machines/contract/trace.ts';

/** A machine beside what is looked for in it. */
export type Row = {
  readonly machine: Machine;
  readonly attempt: Attempt | undefined;
  /** Its name, so that names compare as people count. */
  readonly key: string;
  /** Lower case, all that `search` looks at. */
  readonly text: string;
};

export type MachinePage = { readonly rows: readonly Row[]; readonly total: number; readonly next: string | undefined };

/**
 * A page of the rows that match. `rows` come in ascending order of what the query sorts by. The cursor holds where the
 * page ended, not how many rows came before it: a machine that appears meanwhile moves nothing.
 */
export function machinePage(rows: readonly Row[], query: MachineQuery): MachinePage | { readonly wrongCursor: true } {
  const cursor = query.after === undefined ? undefined : readCursor(query.after);
  if (query.after !== undefined && !cursor) return { wrongCursor: true };
  const wanted = conditions(query);
  const matching = wanted.length === 0 ? rows : rows.filter((row) => wanted.every((holdsFor) => holdsFor(row)));
  const ordered = query.descending ? matching.toReversed() : matching;
  const start = cursor ? firstAfter(ordered, (row) => isAfter(row, cursor, query)) : 0;
  const page = ordered.slice(start, start + query.limit);
  const last = page.at(-1);
  const more = last !== undefined && start + page.length < ordered.length;
  return { rows: page, total: matching.length, next: more ? writeCursor(last, query) : undefined };
}

/** Only what is asked for, so that nothing else is looked at for each of thousands. */
function conditions(query: MachineQuery): readonly ((row: Row) => boolean)[] {
  const { search, acceptance, service, site, rack, stage, verdict, label, fact } = query;
  const wanted: ((row: Row) => boolean)[] = [];
  const when = <T>(value: T | undefined, condition: (row: Row, value: T) => boolean): void => {
    if (value !== undefined) wanted.push((row) => condition(row, value));
  };
  when(acceptance, ({ machine }, value) => machine.acceptance === value);
  when(service, ({ machine }, value) => machine.service === value);
  when(site, ({ machine }, value) => machine.document.location.site === value);
  when(rack, ({ machine }, value) => machine.document.location.rack === value);
  when(stage, ({ attempt }, value) => attempt?.stage === value);
  when(verdict, ({ attempt }, value) => attempt?.verdict.code === value);
  for (const term of label) wanted.push(({ machine }) => holds(term, own(machine.document.labels, term.key)));
  for (const term of fact) wanted.push(({ machine }) => holds(term, own(machine.facts, term.key)?.value));
  when(search?.toLowerCase(), ({ text }, value) => text.includes(value));
  return wanted;
}

/** Labels and facts have names that strangers choose: `constructor` is none of an object's own. */
const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

export type MachineSort = MachineQuery['sort'];

/** Ascending; equals in natural order of their names. */
export const compareRows =
  (sort: MachineSort) =>
  (a: Row, b: Row): number =>
    timeOf(a, sort) - timeOf(b, sort) || compareNames(a, b);

function timeOf({ machine, attempt }: Row, sort: MachineSort): number {
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

/** Names that differ only in leading zeros are told apart by their text. */
function compareNames(a: Pick<Row, 'key' | 'machine'>, b: Pick<Row, 'key' | 'machine'>): number {
  return compareText(a.key, b.key) || compareText(a.machine.document.name, b.machine.document.name);
}

const compareText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

type Cursor = { readonly time: number; readonly name: string; readonly key: string };

function isAfter(row: Row, cursor: Cursor, { sort, descending }: MachineQuery): boolean {
  const difference =
    timeOf(row, sort) - cursor.time ||
    compareText(row.key, cursor.key) ||
    compareText(row.machine.document.name, cursor.name);
  return descending ? difference < 0 : difference > 0;
}

/** Where in ordered rows the first one stands for which it holds; it holds for all that follow. */
function firstAfter(rows: readonly Row[], holdsFor: (row: Row) => boolean): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = rows[middle];
    if (row && holdsFor(row)) high = middle;
    else low = middle + 1;
  }
  return low;
}

const writeCursor = (row: Row, query: MachineQuery): string =>
  btoa(JSON.stringify([timeOf(row, query.sort), row.machine.document.name]));

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
