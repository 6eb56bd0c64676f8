import { type Parsed, parsed, refused } from '../../values/parsed.ts';

const OPERATORS = ['!=', '>=', '<=', '=', '>', '<'] as const;
export type Operator = (typeof OPERATORS)[number];

/** One condition: `rack=r1`, `gpu.count>=2`, `rack` (has it), `!rack` (lacks it). */
export type Term =
  | { readonly kind: 'compare'; readonly key: string; readonly operator: Operator; readonly value: string }
  | { readonly kind: 'has' | 'lacks'; readonly key: string };

const KEY = /^[A-Za-z0-9]([A-Za-z0-9_./-]{0,61}[A-Za-z0-9])?$/;

/** Conditions separated by commas; all must hold. */
export function parseSelector(text: string): Parsed<readonly Term[]> {
  const terms: Term[] = [];
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part === '') continue;
    const term = parseTerm(part);
    if (!term) return refused(part, 'KEY=VALUE, KEY!=VALUE, KEY>=NUMBER, KEY or !KEY');
    terms.push(term);
  }
  return parsed(terms);
}

function parseTerm(text: string): Term | undefined {
  const [, key = '', operator, value = ''] = /^([^!=<>\s]+)\s*(!=|>=|<=|=|>|<)\s*(.*)$/.exec(text) ?? [];
  const known = OPERATORS.find((one) => one === operator);
  if (known) return KEY.test(key) ? { kind: 'compare', key, operator: known, value } : undefined;
  const bare = text.replace(/^!/, '');
  return KEY.test(bare) ? { kind: bare === text ? 'has' : 'lacks', key: bare } : undefined;
}

/** Numbers compare as numbers; everything else by its text, and only for equality. */
export function holds(term: Term, value: string | number | boolean | undefined): boolean {
  if (term.kind !== 'compare') return (value !== undefined) === (term.kind === 'has');
  if (term.operator === '=') return value !== undefined && String(value) === term.value;
  if (term.operator === '!=') return value === undefined || String(value) !== term.value;
  const [left, right] = [Number(value), Number(term.value)];
  if (value === undefined || term.value === '' || Number.isNaN(left) || Number.isNaN(right)) return false;
  switch (term.operator) {
    case '>=':
      return left >= right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '<':
      return left < right;
    default:
      return term.operator satisfies never;
  }
}
