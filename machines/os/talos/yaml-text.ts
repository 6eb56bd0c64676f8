/** What can be written as YAML; members that are undefined are left out. */
export type YamlValue =
  | string
  | number
  | boolean
  | null
  | readonly YamlValue[]
  | { readonly [key: string]: YamlValue | undefined };

/** Columns of one level. */
const STEP = 4;

/**
 * A document in the exact form that Go's yaml package (v3 and v4, their defaults) gives it: four columns a level,
 * sequences indented below their key, no line folded, quotes only where a reader would take the text for something else.
 * An Image Factory hashes this form, so a byte more is another schematic; machine configs are written in it too, so
 * that they compare with what the stock tools print.
 *
 * Texts that only YAML 1.1 reads as something else (`yes`, `1:30`) have double quotes up to v4.0.0-rc.4 of that package,
 * as in Talos up to 1.13, and single ones from rc.6 on, as in Image Factory 1.5.
 */
export function yamlText(value: YamlValue, oldWords: OldWords = 'double'): string {
  return `${node(value, 0, false, oldWords).slice(1)}\n`;
}

/** Several documents as one stream. */
export const yamlStream = (documents: readonly YamlValue[]): string =>
  documents.map((one) => yamlText(one)).join('---\n');

type OldWords = 'double' | 'single';

/** What stands behind `key:` or `-`: with its leading blank or line break, without one at its end. */
function node(value: YamlValue, indent: number, inSequence: boolean, oldWords: OldWords): string {
  if (isList(value)) return value.length === 0 ? ' []' : sequence(value, indent, inSequence, oldWords);
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter((entry): entry is [string, YamlValue] => entry[1] !== undefined);
    return entries.length === 0 ? ' {}' : mapping(entries, indent, inSequence, oldWords);
  }
  return ` ${typeof value === 'string' ? text(value, inSequence ? indent + 2 : level(indent), oldWords) : String(value)}`;
}

const isList = (value: YamlValue): value is readonly YamlValue[] => Array.isArray(value);

/** The next level; what stands in a sequence stands two columns in, so the level after it is less than four away. */
const level = (indent: number): number => STEP * Math.floor((indent + STEP) / STEP);

function mapping(
  entries: readonly [string, YamlValue][],
  indent: number,
  inSequence: boolean,
  oldWords: OldWords,
): string {
  const lines = entries.map(([key, value]) => {
    const nested = isNested(value) ? level(indent) : indent;
    const written = text(key, level(indent), oldWords);
    return isSimpleKey(key)
      ? `${written}:${node(value, nested, false, oldWords)}`
      : `? ${written}${newLine(indent)}:${node(value, nested, false, oldWords)}`;
  });
  return inSequence ? ` ${lines.join(newLine(indent))}` : lines.map((line) => newLine(indent) + line).join('');
}

/** Others stand behind a question mark. */
const isSimpleKey = (key: string): boolean =>
  !/[\n\r\u0085\u2028\u2029]/.test(key) && new TextEncoder().encode(key).length <= 128;

function sequence(items: readonly YamlValue[], indent: number, inSequence: boolean, oldWords: OldWords): string {
  const lines = items.map((item) => `-${node(item, isNested(item) ? indent + 2 : indent, true, oldWords)}`);
  return inSequence ? ` ${lines.join(newLine(indent))}` : lines.map((line) => newLine(indent) + line).join('');
}

const isNested = (value: YamlValue): boolean => typeof value === 'object' && value !== null;
const newLine = (indent: number): string => `\n${' '.repeat(indent)}`;

/** A string as plain, literal, single- or double-quoted text: the first of them that reads back as the same string. */
function text(value: string, indent: number, oldWords: OldWords): string {
  const has = featuresOf(value);
  if (value.includes('\n')) return isLiteral(value, has) ? literal(value, indent) : doubleQuoted(value);
  if (readsAsOther(value) || has.special) return doubleQuoted(value);
  if (isOldWord(value) && oldWords === 'double') return doubleQuoted(value);
  const isPlain = !isOldWord(value) && !has.indicators && !has.edgeSpace;
  return isPlain ? value : `'${value.replaceAll("'", "''")}'`;
}

type Features = {
  /** Something in it means a collection, a comment, an anchor or a quoted text. */
  readonly indicators: boolean;
  readonly edgeSpace: boolean;
  readonly trailingSpace: boolean;
  /** A blank that a line break follows. */
  readonly spaceBreak: boolean;
  readonly tabs: boolean;
  readonly special: boolean;
};

function featuresOf(value: string): Features {
  // Go's emitter escapes what is beyond the Basic Multilingual Plane too.
  const unprintable = /[^\n\t\x20-\x7e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/u.test(value);
  const tabs = value.includes('\t');
  return {
    indicators:
      /^(?:---|\.\.\.)/.test(value) ||
      /^[#,[\]{}&*!|>'"%@`]/.test(value) ||
      /^[?:-](?:\s|$)/.test(value) ||
      /:(?:\s|$)|\s#/.test(value),
    edgeSpace: /^ | $/.test(value),
    trailingSpace: value.endsWith(' '),
    spaceBreak: / \n/.test(value),
    tabs,
    special: unprintable || tabs,
  };
}

const isLiteral = (value: string, has: Features): boolean =>
  value.length > 1 &&
  /\S/.test(value) &&
  !has.trailingSpace &&
  !has.spaceBreak &&
  // Tabs may stand in a literal text.
  !(has.special && !(has.tabs && !featuresOf(value.replaceAll('\t', '')).special));

function literal(value: string, indent: number): string {
  const hint = value.startsWith(' ') ? String(STEP) : '';
  const chomp = value.endsWith('\n') ? (/(?:^|\n)\n$/.test(value) ? '+' : '') : '-';
  const body = value.endsWith('\n') ? value.slice(0, -1) : value;
  const lines = body.split('\n').map((line) => (line === '' ? '' : ' '.repeat(indent) + line));
  return `|${hint}${chomp}\n${lines.join('\n')}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\u0085': '\\N',
  '\u2028': '\\L',
  '\u2029': '\\P',
};

function doubleQuoted(value: string): string {
  const body = Array.from(value, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const escape = ESCAPES[character];
    if (escape !== undefined) return escape;
    const isPrintable = (code >= 0x20 && code <= 0x7e) || (code >= 0xa0 && code <= 0xfffd && code !== 0xfeff);
    if (isPrintable) return character;
    const hex = code.toString(16).toUpperCase();
    if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
    return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
  });
  return `"${body.join('')}"`;
}

const WORDS = new Set(['', '~', 'null', 'Null', 'NULL', 'true', 'True', 'TRUE', 'false', 'False', 'FALSE']);
/** YAML 1.1's further booleans, which Go reads as text and quotes for other readers. */
const OLD_BOOLEANS = new Set(
  ['y', 'yes', 'on', 'n', 'no', 'off'].flatMap((word) => [
    word,
    word.toUpperCase(),
    word[0]?.toUpperCase() + word.slice(1),
  ]),
);

/** Would a reader of YAML 1.1 take it for a boolean, a merge or a number of base 60? Go reads it as text. */
const isOldWord = (value: string): boolean =>
  OLD_BOOLEANS.has(value) || value === '<<' || /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/.test(value);

/** Would a reader take the plain text for null, a boolean, a number or a time? */
function readsAsOther(value: string): boolean {
  if (WORDS.has(value)) return true;
  if (/^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/.test(value)) return true;
  if (isTime(value)) return true;
  if (value.startsWith('.')) return /^\.[0-9]+(?:[eE][-+]?[0-9]+)?$/.test(value);
  if (!/^[-+0-9]/.test(value)) return false;
  const digits = value.replaceAll('_', '');
  return (
    /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(digits) ||
    /^[-+]?0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)$/.test(digits)
  );
}

function isTime(value: string): boolean {
  const found =
    /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)| \d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?)?$/.exec(
      value,
    );
  if (!found) return false;
  const [, year, month, day] = found.map(Number);
  if (year === undefined || month === undefined || day === undefined) return false;
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  return day >= 1 && day <= days;
}
