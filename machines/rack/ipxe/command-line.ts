/** One command of an iPXE script line, and how it is joined to the one before it. */
export type Command = { readonly join: 'first' | 'and' | 'or'; readonly words: readonly string[] };

/** Settings such as `net0/mac`; names are looked up without their type. */
export type Settings = ReadonlyMap<string, string>;

/**
 * Splits a script line at `&&` and `||`, then at blanks: iPXE has no quoting. Expansion comes first, so a value with a
 * blank in it becomes two words, as on a real machine.
 */
export function parseLine(line: string, settings: Settings): readonly Command[] {
  const commands: Command[] = [];
  let join: Command['join'] = 'first';
  let words: string[] = [];
  for (const word of expand(line, settings).trim().split(/\s+/)) {
    if (word === '&&' || word === '||') {
      commands.push({ join, words });
      join = word === '&&' ? 'and' : 'or';
      words = [];
    } else if (word !== '') words.push(word);
  }
  commands.push({ join, words });
  return commands;
}

/** `${name}`, `${name:type}`, innermost first; an unknown setting is empty. */
export function expand(text: string, settings: Settings): string {
  let expanded = text;
  // Bounded: a value that holds its own reference would expand for ever.
  for (let round = 0; round < 32; round++) {
    const next = expanded.replace(/\$\{([^${}]*)\}/g, (_, reference: string) => valueOf(reference, settings));
    if (next === expanded) return next;
    expanded = next;
  }
  return expanded;
}

function valueOf(reference: string, settings: Settings): string {
  const [name, type] = splitType(reference);
  const value = settings.get(name) ?? '';
  switch (type) {
    case 'hexhyp':
      return value.replaceAll(':', '-');
    case 'hexraw':
      return value.replaceAll(':', '');
    case 'uristring':
      return encodeURIComponent(value);
    default:
      return value;
  }
}

/** `net0/mac:hexhyp`; a bare MAC address is no type. */
function splitType(reference: string): readonly [string, string | undefined] {
  const match = /^(.*):(string|uristring|ipv4|ipv6|u?int(?:8|16|32)|hex|hexhyp|hexraw|base64|uuid|guid)$/.exec(
    reference,
  );
  return match ? [match[1] ?? '', match[2]] : [reference, undefined];
}
