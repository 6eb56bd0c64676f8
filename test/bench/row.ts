/**
 * One measured line: ours beside the peer's, from the same run on the same machine. `ratio` is ours over the peer's
 * where more is better, and the other way round where less is, so that 1 is always as good as the peer.
 */
export type BenchRow = {
  readonly what: string;
  readonly ours: number;
  /** Absent where there is no peer, only a target; or where the peer could not be had: then `note` says why. */
  readonly peer?: number | undefined;
  readonly peerName?: string | undefined;
  readonly unit: string;
  readonly ratio?: number | undefined;
  readonly target?: BenchTarget | undefined;
  readonly note?: string | undefined;
};

/** What `design` asks for: a ratio to the peer, or a bound of our own figure. */
export type BenchTarget =
  | { readonly kind: 'ratio'; readonly atLeast: number }
  | { readonly kind: 'at-most'; readonly value: number }
  | { readonly kind: 'at-least'; readonly value: number };

export function verdictOf({ ours, ratio, target }: BenchRow): 'met' | 'not met' | '' {
  if (!target) return '';
  switch (target.kind) {
    case 'ratio':
      return ratio === undefined ? '' : ratio >= target.atLeast ? 'met' : 'not met';
    case 'at-most':
      return ours <= target.value ? 'met' : 'not met';
    case 'at-least':
      return ours >= target.value ? 'met' : 'not met';
    default:
      return target satisfies never;
  }
}

export function formatRows(rows: readonly BenchRow[]): string {
  const header = ['what', 'ours', 'peer', 'unit', 'ratio', 'target', ''];
  const lines = rows.map((row) => [
    row.what,
    number(row.ours),
    row.peer === undefined ? (row.note ?? '-') : `${number(row.peer)} (${row.peerName ?? 'peer'})`,
    row.unit,
    row.ratio === undefined ? '' : row.ratio.toFixed(2),
    targetText(row.target),
    verdictOf(row),
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  return [header, ...lines]
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const number = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(value >= 10 ? 1 : 2);

function targetText(target: BenchTarget | undefined): string {
  if (!target) return '';
  switch (target.kind) {
    case 'ratio':
      return `${target.atLeast} x`;
    case 'at-most':
      return `<= ${target.value}`;
    case 'at-least':
      return `>= ${target.value}`;
    default:
      return target satisfies never;
  }
}
