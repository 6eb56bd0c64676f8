/** A command of a page, and the lines that stand below it. */
export type Step = { readonly command: string; readonly want: readonly string[]; readonly line: number };

/** The commands of all ```console blocks of a Markdown page, in order: each begins with `$ `. */
export function consoleSteps(markdown: string): readonly Step[] {
  const steps: { command: string; want: string[]; line: number }[] = [];
  let inside = false;
  for (const [index, line] of markdown.split('\n').entries()) {
    if (line.startsWith('```')) inside = line === '```console';
    else if (inside && line.startsWith('$ ')) steps.push({ command: line.slice(2), want: [], line: index + 1 });
    else if (inside) steps.at(-1)?.want.push(line);
  }
  return steps;
}

/**
 * The first line that is wanted and did not come: each must be in what was printed, in this order. `…` is any text; blanks
 * count as one, so that columns may be wider.
 */
export function missingLine(want: readonly string[], printed: string): string | undefined {
  const lines = printed.split('\n').map(squeezed);
  let at = 0;
  for (const one of want.filter((line) => !/^\s*…?\s*$/.test(line))) {
    const pattern = new RegExp(
      `^${squeezed(one)
        .split('…')
        .map((part) => RegExp.escape(part))
        .join('.*')
        .replaceAll('.*\\x20', '.*')
        .replaceAll('\\x20.*', '.*')}$`,
    );
    const found = lines.findIndex((line, index) => index >= at && pattern.test(line));
    if (found < 0) return one;
    at = found + 1;
  }
  return undefined;
}

const squeezed = (line: string): string => line.trim().replaceAll(/\s+/g, ' ');
