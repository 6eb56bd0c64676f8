import { type Counts, closingLine, countResults } from './result.ts';
import type { FileRun } from './run-file.ts';

/** One line for a file as soon as it is done. */
export function progressLine(run: FileRun): string {
  const { passed, failed, skipped } = countResults(run.results);
  const counts = [`${passed} passed`, failed > 0 && `${failed} failed`, skipped > 0 && `${skipped} skipped`];
  const seconds = (run.durationMs / 1000).toFixed(1);
  return `${failed > 0 ? 'FAIL' : 'ok  '} ${run.file}: ${counts.filter(Boolean).join(', ')} (${seconds} s)`;
}

/** The end of the report: every failure in full, every skipped test with its reason, the closing line last. */
export function report(runs: readonly FileRun[]): { readonly text: string; readonly counts: Counts } {
  const counts = countResults(runs.flatMap((run) => run.results));
  const lines = [...runs.flatMap(failureLines), ...skippedLines(runs), '', closingLine(counts)];
  return { text: lines.join('\n'), counts };
}

function failureLines(run: FileRun): string[] {
  const failed = run.results.filter((result) => result.kind === 'failed');
  if (failed.length === 0) return [];
  const tests = failed.flatMap((result) => ['', `FAILED ${run.file} > ${result.name}`, indent(result.detail)]);
  const output = run.output.trim();
  return output === '' ? tests : [...tests, '', `output of ${run.file}:`, indent(output)];
}

function skippedLines(runs: readonly FileRun[]): string[] {
  const lines = runs.flatMap((run) =>
    run.results.flatMap((result) =>
      result.kind === 'skipped' ? [`skipped ${run.file} > ${result.name}: ${result.reason}`] : [],
    ),
  );
  return lines.length === 0 ? [] : ['', ...lines];
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}
