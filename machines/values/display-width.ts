/** UAX #11: what fills two cells of a terminal. Ambiguous characters are taken for one, as terminals do outside East Asia. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const ZERO = /[\p{Mn}\p{Me}]/u;
const ASCII = /^[\x20-\x7e]*$/;

/** How many cells of a terminal a text fills. It must hold no control characters. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let cells = 0;
  for (const character of text) cells += widthOf(character);
  return cells;
}

/** The text in exactly so many cells: filled with blanks, or cut with an ellipsis at its end. */
export function fitted(text: string, cells: number): string {
  const width = displayWidth(text);
  return width <= cells ? text + ' '.repeat(cells - width) : shortened(text, cells);
}

/** The text in at most so many cells; what is cut off is an ellipsis. */
export function shortened(text: string, cells: number): string {
  if (displayWidth(text) <= cells) return text;
  if (cells <= 0) return '';
  let kept = '';
  let used = 0;
  for (const character of text) {
    const width = widthOf(character);
    if (used + width > cells - 1) break;
    kept += character;
    used += width;
  }
  return `${kept}…${' '.repeat(cells - 1 - used)}`;
}

const widthOf = (character: string): number => (ZERO.test(character) ? 0 : WIDE.test(character) ? 2 : 1);
