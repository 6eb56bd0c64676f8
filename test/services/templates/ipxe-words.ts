/**
 * A script as iPXE takes it apart, written from core/exec.c and image/script.c of iPXE for the tests alone: lines joined
 * by a backslash, labels, words between blanks, and the operators that make several commands of one line.
 */
export type ScriptLine = { readonly label: string | undefined; readonly commands: readonly (readonly string[])[] };

export function takeApart(script: string): readonly ScriptLine[] {
  return script
    .replace(/\\\r?\n/g, '')
    .split('\n')
    .map((line) => line.replace(/\r$/, '').trimStart())
    .map((line) => {
      const label = /^:(\S*)/.exec(line);
      return { label: label?.[1], commands: commandsOf(label ? line.slice(label[0].length) : line) };
    });
}

function commandsOf(line: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]];
  for (const word of line.split(/[ \t\v\f]+/).filter((one) => one !== '')) {
    if (word.startsWith('#')) break;
    if (word === '||' || word === '&&' || word === ';') commands.push([]);
    else commands.at(-1)?.push(word);
  }
  return commands;
}

/** What a script does, without what it says: the names of its commands, line by line. */
export const skeleton = (script: string): readonly string[] =>
  takeApart(script).map(
    ({ label, commands }) =>
      `${label === undefined ? '' : `:${label} `}${commands.map(([name]) => name ?? '').join(' ')}`,
  );
