import { stripVTControlCharacters } from 'node:util';
import { displayWidth, shortened } from '#machines/values/display-width.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { paint, type Terminal } from '../terminal.ts';

export type Column<T> = {
  readonly title: string;
  readonly of: (row: T) => string | number | undefined;
  /** It changes with the clock alone: a watched list is not told anew for it. */
  readonly ages?: true;
  /** A style for the whole cell. */
  readonly style?: (row: T) => Parameters<typeof paint>[1] | undefined;
};

const GAP = '  ';

/**
 * Rows under titles, columns as wide as they need; on a terminal, the last one is cut to fit. What machines say is
 * escaped, so that it is text and nothing else.
 */
export function table<T>(term: Terminal, columns: readonly Column<T>[], rows: readonly T[]): readonly string[] {
  const cells = rows.map((row) => columns.map(({ of }) => escaped(String(of(row) ?? ''))));
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...cells.map((row) => width(row[at] ?? ''))));
  const head = paint(term, 'bold', fit(columns.map(({ title }, at) => pad(title, widths[at] ?? 0)).join(GAP), term));
  const body = cells.map((row, index) => {
    const line = row.map((cell, at) => pad(cell, widths[at] ?? 0));
    const used = line.slice(0, -1).reduce((sum, cell) => sum + width(cell) + GAP.length, 0);
    const room = term.columns === undefined ? undefined : Math.max(10, term.columns - used);
    const styled = line.map((cell, at) => {
      const shown = at === line.length - 1 ? cut(cell.trimEnd(), room) : cell;
      const style = columns[at]?.style?.(rows[index] as T);
      return style === undefined ? shown : paint(term, style, shown);
    });
    return styled.join(GAP).trimEnd();
  });
  return [head.trimEnd(), ...body];
}

/** Two columns without titles. */
export function pairs(
  term: Terminal,
  entries: readonly (readonly [string, string | number | undefined])[],
): readonly string[] {
  const known = entries.filter(([, value]) => value !== undefined && value !== '');
  const widest = Math.max(0, ...known.map(([key]) => key.length));
  return known.map(([key, value]) => `${paint(term, 'dim', pad(escaped(key), widest))}${GAP}${escaped(String(value))}`);
}

const width = (text: string): number => displayWidth(stripVTControlCharacters(text));
const pad = (text: string, to: number): string => text + ' '.repeat(Math.max(0, to - width(text)));
const fit = (text: string, { columns }: Terminal): string => cut(text.trimEnd(), columns);

function cut(text: string, to: number | undefined): string {
  return to === undefined ? text : shortened(text, to);
}
