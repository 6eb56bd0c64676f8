import { displayWidth, fitted, shortened } from '#machines/values/display-width.ts';
import { terminal as escaped } from '#machines/values/escape.ts';

/** What a piece of text means; the shell knows its colour. */
export type Tone = 'plain' | 'dim' | 'strong' | 'good' | 'busy' | 'waits' | 'bad';

export type Piece = { readonly text: string; readonly tone: Tone };

/** One line of the screen. `chosen`: drawn inverted, to its full width. */
export type Line = { readonly pieces: readonly Piece[]; readonly chosen?: boolean };

/** What comes from outside is escaped here, and only here. */
export const piece = (text: string, tone: Tone = 'plain'): Piece => ({ text: escaped(text), tone });

/** A piece in exactly so many cells. */
export const cell = (text: string, cells: number, tone: Tone = 'plain'): Piece => ({
  text: fitted(escaped(text), cells),
  tone,
});

export const line = (...pieces: readonly Piece[]): Line => ({ pieces });

export const BLANK: Line = { pieces: [] };

export const widthOf = ({ pieces }: Line): number => pieces.reduce((sum, { text }) => sum + displayWidth(text), 0);

/** At most so many cells; a chosen line exactly so many. */
export function cutLine(one: Line, cells: number): Line {
  const pieces: Piece[] = [];
  let room = cells;
  for (const { text, tone } of one.pieces) {
    if (room <= 0) break;
    const kept = shortened(text, room);
    room -= displayWidth(kept);
    pieces.push({ text: kept, tone });
  }
  if (one.chosen === true && room > 0) pieces.push({ text: ' '.repeat(room), tone: 'plain' });
  return { ...one, pieces };
}

/** One line with something at its right end, where there is room for both. */
export function spread(left: Line, right: Line, cells: number): Line {
  const gap = cells - widthOf(left) - widthOf(right);
  return gap < 1 ? left : line(...left.pieces, piece(' '.repeat(gap)), ...right.pieces);
}

/** Text in lines of at most so many cells, broken at blanks where there are some. */
export function wrapped(text: string, cells: number): readonly string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of escaped(text).split(' ')) {
    const joined = current === '' ? word : `${current} ${word}`;
    if (displayWidth(joined) <= cells) current = joined;
    else {
      if (current !== '') lines.push(current);
      current = shortened(word, cells);
    }
  }
  return current === '' ? lines : [...lines, current];
}
