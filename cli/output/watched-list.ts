import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { displayWidth } from '#machines/values/display-width.ts';
import type { WatchKind } from '#machines/contract/api/watch.ts';
import type { Daemon } from '../daemon.ts';
import { note, redraws, say, type Terminal } from '../terminal.ts';
import { type Format, printDocuments } from './format.ts';
import { type Column, table } from './table.ts';

/** A list that can be shown once, or for as long as somebody looks. */
export type List<T> = {
  readonly read: () => Promise<readonly T[]>;
  /** Which changes at the daemon may change it. */
  readonly kinds: readonly WatchKind[];
  /** Read again after so long, too, where changes come that no event tells of. */
  readonly everyMs?: number;
  readonly columns: (now: number) => readonly Column<T>[];
  readonly nameOf: (item: T) => string;
  /** As YAML and JSON have it, where that is another form. */
  readonly written?: (item: T) => unknown;
  /** What tells that an item is another one now; else what its columns show. */
  readonly revision?: (item: T) => unknown;
  /** Said where there is nothing: what is the case, and what to do. */
  readonly none: readonly string[];
};

/** Reading again comes not oftener. */
const AT_LEAST_MS = 500;
/** Ages are drawn anew. */
const AGES_MS = 5000;

export async function showListOf<T>(
  term: Terminal,
  daemon: Daemon,
  list: List<T>,
  { output, watch }: { readonly output: Format; readonly watch?: boolean },
): Promise<void> {
  if (watch === true) return await watchList(term, daemon, list, output);
  const items = await list.read();
  if (output !== 'table') return printDocuments(term, output, items.map(writtenBy(list)));
  if (items.length === 0) return note(term, ...list.none);
  say(term, ...table(term, list.columns(Date.now()), items));
}

const writtenBy = <T>({ written }: List<T>): ((item: T) => unknown) => written ?? ((item) => item);

/**
 * On a terminal the table is drawn over itself; into anything else goes a line for each item, and again for each that has
 * changed: JSON lines, YAML documents, or rows under one head. Ends when the person has seen enough.
 */
async function watchList<T>(term: Terminal, daemon: Daemon, list: List<T>, output: Format): Promise<void> {
  const show = redraws(term) && output === 'table' ? redrawn(term, list) : appended(term, list, output);
  const ages = list.everyMs ?? (redraws(term) ? AGES_MS : undefined);
  // First listen, then read what there is: nothing falls between.
  const changes = changeBell(daemon, list.kinds, term.signal);
  try {
    for (;;) {
      show(await list.read());
      await sleep(AT_LEAST_MS, undefined, { signal: term.signal });
      await changes.next(ages);
    }
  } catch (error) {
    if (!term.signal.aborted) throw error;
  } finally {
    changes.stop();
  }
}

function redrawn<T>(term: Terminal, list: List<T>): (items: readonly T[]) => void {
  let drawn = 0;
  return (items) => {
    const lines = items.length === 0 ? list.none : table(term, list.columns(Date.now()), items);
    // What has scrolled away cannot be drawn over.
    const room = Math.max(2, (term.rows ?? 24) - 2);
    const shown = lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more`];
    term.out.write(`${drawn === 0 ? '' : `\u001b[${drawn}A\r`}\u001b[J${shown.join('\n')}\n`);
    drawn = shown.reduce((sum, line) => sum + rowsOf(line, term.columns), 0);
  };
}

/** A line that is wider than the terminal fills several of its rows. */
function rowsOf(line: string, columns: number | undefined): number {
  return Math.max(1, Math.ceil(displayWidth(stripVTControlCharacters(line)) / (columns ?? 80)));
}

function appended<T>(term: Terminal, list: List<T>, output: Format): (items: readonly T[]) => void {
  const told = new Map<string, string>();
  let headed = false;
  return (items) => {
    const columns = list.columns(Date.now());
    const lasting = columns.filter(({ ages }) => ages !== true);
    const changed = items.filter((item) => {
      const name = list.nameOf(item);
      const text = JSON.stringify(list.revision ? list.revision(item) : lasting.map(({ of }) => of(item)));
      const isNew = told.get(name) !== text;
      told.set(name, text);
      return isNew;
    });
    const names = new Set(items.map((item) => list.nameOf(item)));
    for (const name of told.keys()) if (!names.has(name)) told.delete(name);
    if (changed.length === 0) return;
    if (output === 'json') return say(term, ...changed.map((item) => JSON.stringify(writtenBy(list)(item))));
    if (output === 'yaml') {
      for (const item of changed) {
        say(term, '---');
        printDocuments(term, 'yaml', writtenBy(list)(item));
      }
      return;
    }
    // Columns are as wide as all of them need, so that what comes later stands below what came before.
    const [head = '', ...rows] = table(term, columns, items);
    say(term, ...(headed ? [] : [head]), ...rows.filter((_row, at) => changed.includes(items[at] as T)));
    headed = true;
  };
}

/** Rings when something has changed since it was asked last. Throws what the watching throws. */
function changeBell(daemon: Daemon, kinds: readonly WatchKind[], signal: AbortSignal) {
  const over = new AbortController();
  let rung = false;
  let failure: { readonly error: unknown } | undefined;
  let wake = Promise.withResolvers<void>();
  const ring = (): void => {
    rung = true;
    wake.resolve();
  };
  async function listen(): Promise<void> {
    try {
      for await (const _change of daemon.watch({ kinds: kinds.join(',') }, AbortSignal.any([signal, over.signal])))
        ring();
    } catch (error) {
      failure = { error };
    }
    ring();
  }
  void listen();
  return {
    /** With `afterMs`, at the latest then. */
    async next(afterMs: number | undefined): Promise<void> {
      if (!rung) {
        const timer = afterMs === undefined ? undefined : setTimeout(() => wake.resolve(), afterMs);
        await wake.promise;
        clearTimeout(timer);
      }
      rung = false;
      wake = Promise.withResolvers();
      if (failure) throw failure.error;
      signal.throwIfAborted();
    },
    stop: () => over.abort(),
  };
}
