import { badInput } from './failure.ts';

/** Nobody means more machines by one word. */
const MAX_NAMES = 10_000;

/**
 * The names that words stand for: `r1-u1..12` is r1-u1 to r1-u12, `u01..12` keeps its zeros, `a,b` are two. Several
 * ranges in one word are all their combinations. Each name once, in order.
 */
export function expandNames(words: readonly string[]): readonly string[] {
  const names = words
    .flatMap((word) => word.split(','))
    .filter((word) => word !== '')
    .flatMap((word) => expand(word));
  if (names.length > MAX_NAMES) throw badInput(`that is ${names.length} names, want at most ${MAX_NAMES}`);
  return [...new Set(names)];
}

function expand(word: string): readonly string[] {
  const match = /^(.*?)(\d+)\.\.(\d+)(.*)$/.exec(word);
  if (!match) {
    if (word.includes('..')) throw badInput(`${word}: got "..", want numbers around it, such as r1-u1..12`);
    return [word];
  }
  const [, before = '', first = '', last = '', after = ''] = match;
  const [from, to] = [Number(first), Number(last)];
  if (to < from) throw badInput(`${word}: got ${first}..${last}, want the lower number first`);
  if (to - from >= MAX_NAMES) throw badInput(`${word}: that is ${to - from + 1} names, want at most ${MAX_NAMES}`);
  // Zeros in front say how wide all of them are.
  const width = first.startsWith('0') ? first.length : 0;
  const rest = expand(after);
  return Array.from(
    { length: to - from + 1 },
    (_, index) => before + String(from + index).padStart(width, '0'),
  ).flatMap((head) => rest.map((tail) => head + tail));
}
