/** Longer texts are matched by their beginning; SMBIOS strings are shorter. */
const MAX_TEXT = 128;
const MAX_PATTERN = 200;
/** Of `*`, `+` and `{n,m}`. */
const MAX_OPEN_ENDS = 3;
/**
 * In how many ways an expression may match one text from one place: three open ends, and some choices beside them. The
 * dearest one allowed takes a tenth of a second.
 */
const MAX_WAYS = 4 * MAX_TEXT ** MAX_OPEN_ENDS;

export type FactPattern =
  | { readonly ok: true; readonly test: (text: string) => boolean }
  | { readonly ok: false; readonly because: string };

/**
 * A regular expression over a fact's text, in any case, unanchored. Facts come from strangers (SMBIOS strings, LLDP
 * names), and a matcher that goes back tries all the ways in which an expression may match before it gives up. They are
 * counted here: expressions with too many of them are refused, and so are back references and looking around.
 */
export function parseFactPattern(source: string): FactPattern {
  const refused = (because: string): FactPattern => ({ ok: false, because });
  if (source === '') return refused('want an expression, such as ~ ^PowerEdge R[67]');
  if (source.length > MAX_PATTERN) return refused(`got ${source.length} characters, want at most ${MAX_PATTERN}`);
  let expression: RegExp;
  try {
    expression = new RegExp(source, 'iu');
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
  const dear = tooDear(source);
  if (dear !== undefined) return refused(dear);
  return { ok: true, test: (text) => expression.test(text.slice(0, MAX_TEXT)) };
}

/** Thrown within this file alone. */
class TooDear extends Error {}

/** Of an expression that is known to be well-formed, with the flag `u`. */
function tooDear(source: string): string | undefined {
  let at = 0;
  let openEnds = 0;
  const take = (pattern: RegExp): string | undefined => {
    const found = new RegExp(pattern.source, 'y');
    found.lastIndex = at;
    const text = found.exec(source)?.[0];
    at += text?.length ?? 0;
    return text;
  };

  /** One of several: their ways add up. */
  function alternatives(): number {
    let ways = sequence();
    while (take(/\|/) !== undefined) ways += sequence();
    return ways;
  }

  /** One after another: any of the first with any of the second. */
  function sequence(): number {
    let ways = 1;
    while (at < source.length && !/[|)]/.test(source.charAt(at))) ways *= repeated();
    return ways;
  }

  function repeated(): number {
    const isGroup = source.charAt(at) === '(';
    const once = atom();
    const quantifier = take(/[*+?]|\{\d+(?:,\d*)?\}/);
    if (quantifier === undefined) return once;
    take(/\?/);
    const [least, most] = timesOf(quantifier);
    if (quantifier !== '?' && least !== most) openEnds += 1;
    if (once === 1) return most - least + 1;
    if (most > 1 && isGroup) throw new TooDear('want neither a choice nor a repetition inside a repeated group');
    return once + (least === 0 ? 1 : 0);
  }

  function atom(): number {
    if (take(/\\[1-9k]/) !== undefined) throw new TooDear('want no back reference');
    // A character, whatever it is called, and a class of them.
    if (take(/\\[upP]\{[^}]*\}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\c[a-zA-Z]|\\./) !== undefined) return 1;
    if (take(/\[(?:\\.|[^\]\\])*\]/) !== undefined) return 1;
    if (take(/\(\?<?[=!]/) !== undefined) throw new TooDear('want no looking ahead or behind');
    if (take(/\((?:\?(?:<[^>]*>|[a-z-]*:))?/) === undefined) {
      // With the flag `u` half of a surrogate pair is no character.
      at += (source.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
      return 1;
    }
    const ways = alternatives();
    take(/\)/);
    return ways;
  }

  try {
    const ways = alternatives();
    if (openEnds > MAX_OPEN_ENDS) {
      return `got ${openEnds} repetitions without an end, want at most ${MAX_OPEN_ENDS}`;
    }
    return ways > MAX_WAYS ? 'it may match in too many ways: want fewer repetitions and choices' : undefined;
  } catch (error) {
    if (error instanceof TooDear) return error.message;
    throw error;
  }
}

/** How often at least and at most, as far as a text goes. */
function timesOf(quantifier: string): readonly [least: number, most: number] {
  if (quantifier === '?') return [0, 1];
  if (quantifier === '*') return [0, MAX_TEXT];
  if (quantifier === '+') return [1, MAX_TEXT];
  const [, least = '0', comma, most = ''] = /^\{(\d+)(,?)(\d*)\}$/.exec(quantifier) ?? [];
  const from = Math.min(MAX_TEXT, Number(least));
  if (comma === '') return [from, from];
  return [from, most === '' ? MAX_TEXT : Math.min(MAX_TEXT, Number(most))];
}
