import { redraws, type Terminal } from '../terminal.ts';

const BAR = 30;
const SHOWN_EVERY = 1 / 200;

/** One line on a terminal that is written over as work goes on; on anything else nothing is shown. */
export function progressBar(term: Pick<Terminal, 'error' | 'interactive' | 'env'>) {
  const { error } = term;
  let shown: { readonly what: string; readonly part: number } | undefined;
  return {
    show(what: string, part: number): void {
      if (!redraws(term)) return;
      if (shown?.what === what && part - shown.part < SHOWN_EVERY && part < 1) return;
      shown = { what, part };
      const full = Math.round(Math.min(1, part) * BAR);
      const percent = String(Math.floor(part * 100)).padStart(3);
      error.write(`\r\u001B[K[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${percent} %  ${what}`);
    },
    /** Takes the line away. */
    [Symbol.dispose](): void {
      if (shown) error.write('\r\u001B[K');
    },
  };
}

export type ProgressBar = ReturnType<typeof progressBar>;
