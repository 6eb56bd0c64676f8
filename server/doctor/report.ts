import { styleText } from 'node:util';
import type { Finding } from './finding.ts';

const MARK = { ok: ['green', 'ok  '], warning: ['yellow', 'warn'], error: ['red', 'FAIL'] } as const;

/** One line a finding, and its fix on the next. */
export function reportText(findings: readonly Finding[], { color }: { readonly color: boolean }): string {
  const lines = findings.flatMap((finding) => {
    const [style, word] = MARK[finding.level];
    const mark = color ? styleText(style, word) : word;
    const first = `${mark}  ${finding.check.padEnd(10)}  ${finding.text}`;
    if (finding.level === 'ok') return [first];
    const where = finding.where === undefined ? '' : ` (${finding.where})`;
    return [first, `      ${' '.repeat(10)}  -> ${finding.fix}${where}`];
  });
  return `${lines.join('\n')}\n`;
}

export function summaryText(findings: readonly Finding[]): string {
  const count = (level: Finding['level']): number => findings.filter((finding) => finding.level === level).length;
  const [errors, warnings] = [count('error'), count('warning')];
  if (errors + warnings === 0) return 'Nothing found.\n';
  return `${errors} to fix before it can work, ${warnings} to look at.\n`;
}
