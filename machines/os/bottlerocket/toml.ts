/** What TOML can say; members without a value are left out, as TOML has no word for it. */
export type TomlValue = string | number | boolean | readonly TomlValue[] | null | TomlTable;
export type TomlTable = { readonly [key: string]: TomlValue | undefined };

/** A document of TOML 1.0: plain values of a table first, then its tables, each under its full name. */
export function tomlText(root: TomlTable): string {
  const blocks: string[] = [];
  function table(path: readonly string[], value: TomlTable): void {
    const members = Object.entries(value).flatMap(([key, inner]) =>
      inner === undefined || inner === null ? [] : [[key, inner] as const],
    );
    const plain = members.filter(([, inner]) => !isTable(inner));
    const tables = members.flatMap(([key, inner]) => (isTable(inner) ? [[key, inner] as const] : []));
    if (plain.length > 0 || tables.length === 0) {
      const lines = plain.map(([key, inner]) => `${keyText(key)} = ${inline(inner)}`);
      blocks.push([...(path.length === 0 ? [] : [`[${path.map(keyText).join('.')}]`]), ...lines].join('\n'));
    }
    for (const [key, inner] of tables) table([...path, key], inner);
  }
  table([], root);
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

const isTable = (value: TomlValue): value is TomlTable =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function inline(value: TomlValue): string {
  if (value === null) throw new Error('TOML has no null in a list');
  if (typeof value === 'string') return tomlString(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Error(`TOML has no ${value} here`);
    return Number.isSafeInteger(value) ? `${value}` : tomlFloat(value);
  }
  if (typeof value === 'boolean') return `${value}`;
  if (isTable(value)) {
    const members = Object.entries(value).flatMap(([key, inner]) =>
      inner === undefined || inner === null ? [] : [`${keyText(key)} = ${inline(inner)}`],
    );
    return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
  }
  return `[${value.map(inline).join(', ')}]`;
}

const tomlFloat = (value: number): string => (/[.e]/.test(`${value}`) ? `${value}` : `${value}.0`);

const keyText = (key: string): string => (/^[A-Za-z0-9_-]+$/.test(key) ? key : tomlString(key));

/** A basic string: everything that is no printable character by its number (TOML 1.0, String). */
export function tomlString(text: string): string {
  const escaped = text.toWellFormed().replace(/["\\]|[\p{Cc}\p{Cf}\u2028\u2029]/gu, (one) => {
    if (one === '"' || one === '\\') return `\\${one}`;
    if (one === '\n') return '\\n';
    if (one === '\t') return '\\t';
    const code = one.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}
