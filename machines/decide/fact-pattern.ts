/** Longer texts are matched by their beginning; SMBIOS strings are shorter. */
const MAX_TEXT = 256;
const MAX_PATTERN = 200;
/** Of `*`, `+` and `{n,}`. Each one more multiplies the steps that a hostile text can cost by its length. */
const MAX_OPEN_ENDS = 3;

export type FactPattern =
  | { readonly ok: true; readonly test: (text: string) => boolean }
  | { readonly ok: false; readonly because: string };

/**
 * A regular expression over a fact's text, in any case, unanchored. Facts come from strangers (SMBIOS strings, LLDP
 * names), so that patterns which could take exponential time are refused: one open end inside another, back references
 * and looking around.
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

/** Of an expression that is known to be well-formed. */
function tooDear(source: string): string | undefined {
  // A class counts as one character; so does whatever is escaped, but for references to a group.
  if (/\\[1-9k]/.test(source.replaceAll(/\\\\/g, ''))) return 'want no back reference';
  const flat = source.replaceAll(/\\./g, 'x').replaceAll(/\[[^\]]*\]/g, 'x');
  if (/\(\?(?:[=!]|<[=!])/.test(flat)) return 'want no looking ahead or behind';
  const ends: boolean[] = [];
  let openEnds = 0;
  let inGroup = false;
  for (let at = 0; at < flat.length; at += 1) {
    const here = flat[at];
    if (here === '(') {
      ends.push(inGroup);
      inGroup = false;
      continue;
    }
    const repeat = /^(?:[*+]|\{\d*,?\d*\})/.exec(flat.slice(here === ')' ? at + 1 : at))?.[0];
    const open = repeat !== undefined && repeat !== '{}' && (repeat.length === 1 || repeat.includes(','));
    if (here === ')') {
      if (inGroup && repeat !== undefined) return 'want no repetition inside a repeated group';
      inGroup = (ends.pop() ?? false) || inGroup;
    } else if (open) {
      openEnds += 1;
      inGroup = true;
    }
  }
  return openEnds > MAX_OPEN_ENDS
    ? `got ${openEnds} repetitions without an end, want at most ${MAX_OPEN_ENDS}`
    : undefined;
}
