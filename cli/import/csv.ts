/** A cell and where it begins; lines and columns count from 1. */
export type Cell = { readonly text: string; readonly line: number; readonly column: number };

/** RFC 4180: quotes, doubled quotes inside them, either line ending. Comma or semicolon, whichever the first line has. */
export function readCsv(text: string): readonly (readonly Cell[])[] {
  const separator = /^[^\n,]*;/.test(text) ? ';' : ',';
  const rows: Cell[][] = [];
  let row: Cell[] = [];
  let line = 1;
  let lineStart = 0;
  let at = text.startsWith('\ufeff') ? 1 : 0;
  while (at <= text.length) {
    const start = { line, column: at - lineStart + 1 };
    let value = '';
    if (text[at] === '"') {
      at += 1;
      while (at < text.length) {
        if (text[at] === '"' && text[at + 1] === '"') at += 1;
        else if (text[at] === '"') break;
        if (text[at] === '\n') {
          line += 1;
          lineStart = at + 1;
        }
        value += text[at];
        at += 1;
      }
      at += 1;
    }
    while (at < text.length && text[at] !== separator && text[at] !== '\n') {
      value += text[at];
      at += 1;
    }
    row.push({ text: value.replace(/\r$/, '').trim(), ...start });
    if (text[at] !== separator) {
      if (row.some((cell) => cell.text !== '')) rows.push(row);
      row = [];
      line += 1;
      lineStart = at + 1;
    }
    at += 1;
  }
  return rows;
}
