/** What became of one counted item: a test, or a check of the repository. */
export type Result =
  | { readonly kind: 'passed'; readonly name: string }
  | { readonly kind: 'failed'; readonly name: string; readonly detail: string }
  | { readonly kind: 'skipped'; readonly name: string; readonly reason: string };

export type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };

export function countResults(results: readonly Result[]): Counts {
  const of = (kind: Result['kind']) => results.filter((result) => result.kind === kind).length;
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}

/** The line that closes every run. Scripts read it, so it is plain and has one form. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
