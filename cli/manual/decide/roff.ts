import type { CommandTree, TreeArgument, TreeOption } from '../../decide/command-tree.ts';

/** One page: its file name and its man(7) source. */
export type Page = { readonly file: string; readonly text: string };

/** What the pages say beside the commands themselves. */
export type About = {
  readonly version: string;
  /** `2026-11-28`. */
  readonly date: string;
  readonly exitStatus: readonly (readonly [status: number, meaning: string])[];
};

/** A page for the program, and one for each of its commands; commands inside a group are sections of its page. */
export function manualPages(program: CommandTree, about: About): readonly Page[] {
  const names = program.commands.map(({ name }) => `${program.name}-${name}`);
  return [
    { file: `${program.name}.1`, text: programPage(program, about, names) },
    ...program.commands.map((command) => ({
      file: `${program.name}-${command.name}.1`,
      text: commandPage(program, command, about),
    })),
  ];
}

/** A paragraph: roff fills lines itself, and its source stays readable. */
function paragraph(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length > SOURCE_LINE) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.map(roff);
}
const SOURCE_LINE = 70;

/** Text as man(7) shows it: nothing in it is a request, and what is typed can be copied. */
export const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\(rs')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('’', '\\(cq')
    .replaceAll('…', '\\&...')
    .replaceAll('"', '\\(dq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('`', '\\(ga')
    .replaceAll('→', '\\(->')
    .replaceAll('×', '\\(mu')
    .replaceAll(/^\./gm, '\\&.');

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [`.SH ${title}`, ...lines];

function head(name: string, { version, date }: About): readonly string[] {
  return [`.TH ${roff(name.toUpperCase())} 1 "${date}" "ingot ${version}" "Ingot"`];
}

function programPage(program: CommandTree, about: About, pages: readonly string[]): string {
  return text([
    ...head(program.name, about),
    ...section('NAME', [`${program.name} \\- ${roff(lowered(program.summary))}`]),
    ...section('SYNOPSIS', synopsis(program.name, program)),
    ...section('DESCRIPTION', [...paragraph(program.description), '.PP', 'Each command has a page of its own.']),
    ...section('OPTIONS', options(program.options)),
    ...section(
      'COMMANDS',
      program.commands.flatMap((one) => [
        '.TP',
        `.BR ${roff(program.name)}\\-${roff(one.name)} (1)`,
        ...paragraph(sentence(one.summary)),
      ]),
    ),
    ...section('EXIT STATUS', exitStatus(about)),
    ...section(
      'ENVIRONMENT',
      ENVIRONMENT.flatMap(([name, does]) => ['.TP', `.B ${name}`, ...paragraph(does)]),
    ),
    ...examples(program.after),
    ...section('SEE ALSO', seeAlso(pages)),
  ]);
}

function commandPage(program: CommandTree, command: CommandTree, about: About): string {
  const name = `${program.name} ${command.name}`;
  return text([
    ...head(`${program.name}-${command.name}`, about),
    ...section('NAME', [`${roff(program.name)}\\-${roff(command.name)} \\- ${roff(lowered(command.summary))}`]),
    ...section('SYNOPSIS', synopsis(name, command)),
    ...section('DESCRIPTION', paragraph(command.description)),
    ...section('ARGUMENTS', argumentLines(command.arguments)),
    ...section('OPTIONS', options(command.options)),
    ...section(
      'COMMANDS',
      command.commands.flatMap((one) => inner(name, one)),
    ),
    ...examples(command.after),
    ...section('EXIT STATUS', exitStatus(about)),
    ...section('SEE ALSO', seeAlso([program.name])),
  ]);
}

/** A command of a group, and those of a group inside it. */
function inner(group: string, command: CommandTree): readonly string[] {
  const name = `${group} ${command.name}`;
  return [
    `.SS ${roff(usage(name, command))}`,
    ...paragraph(command.description),
    ...options(command.options),
    ...command.commands.flatMap((one) => inner(name, one)),
  ];
}

function usage(name: string, { commands, arguments: given, options: own }: CommandTree): string {
  return [
    name,
    ...(own.length > 0 ? ['[options]'] : []),
    ...(commands.length > 0 ? ['<command>'] : []),
    ...given.map(argumentForm),
  ].join(' ');
}

function argumentForm({ name, required, variadic }: TreeArgument): string {
  const inside = variadic ? `${name}...` : name;
  return required ? `<${inside}>` : `[${inside}]`;
}

function synopsis(name: string, command: CommandTree): readonly string[] {
  const [, rest = ''] = usage(name, command).split(name);
  return [`.B ${roff(name)}`, ...(rest.trim() === '' ? [] : [`.RI ${quoted(rest.trim())}`])];
}

const quoted = (word: string): string => `"${roff(word)}"`;

const argumentLines = (given: readonly TreeArgument[]): readonly string[] =>
  given
    .filter(({ about, choices }) => about !== '' || choices.length > 0)
    .flatMap((one) => ['.TP', `.I ${roff(one.name)}`, ...paragraph(withChoices(one.about, one.choices))]);

/** Every command has --help: the program's page says so, once. */
function options(given: readonly TreeOption[]): readonly string[] {
  return given
    .filter(({ long }) => long !== '--help')
    .flatMap(({ short, long, value, about, choices }) => {
      const flags = [short, long].filter((one) => one !== undefined).map((one) => `\\fB${roff(one)}\\fR`);
      const shown =
        value === undefined
          ? ''
          : ` ${value.required ? '' : '['}\\fI${roff(value.name)}\\fR${value.required ? '' : ']'}`;
      return ['.TP', `${flags.join(', ')}${shown}`, ...paragraph(sentence(withChoices(about, choices)))];
    });
}

const withChoices = (about: string, choices: readonly string[]): string =>
  choices.length === 0 ? about : `${about === '' ? 'one of' : `${about}:`} ${choices.join(', ')}`;

const sentence = (words: string): string =>
  `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.!?…]$/.test(words) ? '' : '.'}`;
const lowered = (words: string): string =>
  words.replace(/\.$/, '').replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());

/** As the help has them, columns kept. */
function examples(after: string): readonly string[] {
  if (after === '') return [];
  return section('EXAMPLES AND NOTES', [
    '.nf',
    ...after.split('\n').map((line) => (line.trim() === '' ? '.sp' : roff(line.trimEnd()))),
    '.fi',
  ]);
}

const exitStatus = ({ exitStatus: all }: About): readonly string[] =>
  all.flatMap(([status, meaning]) => ['.TP', `.B ${status}`, ...paragraph(sentence(meaning))]);

const seeAlso = (pages: readonly string[]): readonly string[] =>
  pages.map((page, at) => `.BR ${roff(page)} (1)${at === pages.length - 1 ? '' : ','}`);

const ENVIRONMENT: readonly (readonly [name: string, does: string])[] = [
  ['INGOT_URL', 'The daemon, where --url does not say another.'],
  ['INGOT_TOKEN', 'A token that lets in.'],
  ['INGOT_DATA', 'The data directory, where --data and --config do not say another: its operator.token is the token.'],
  ['NO_COLOR', 'Not empty: nothing is coloured.'],
  ['FORCE_COLOR', 'Not empty and not 0: coloured into pipes, too.'],
  ['VISUAL, EDITOR', 'What ingot edit opens.'],
];

const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`;
