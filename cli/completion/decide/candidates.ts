import { COLLECTIONS } from '#machines/contract/api/document-form.ts';
import { type CommandTree, hasName, type TreeOption } from '../../decide/command-tree.ts';

/** One word that may stand there, and what it means. */
export type Candidate = { readonly word: string; readonly about: string };

/** Names that only the daemon knows. */
export const NAME_SOURCES = [
  'machine',
  'profile',
  'image',
  'class',
  'network',
  'subnet',
  'job',
  'credential',
  'cluster',
  'user',
  'label',
  'fact',
] as const;
export type NameSource = (typeof NAME_SOURCES)[number];

/** What may follow; words are all that may, whether they begin with what is typed or not. `before` is what stands in the word already and stays: `--output=` of `--output=js`. */
export type Completion = {
  readonly before: string;
  readonly typed: string;
  readonly from:
    | { readonly kind: 'words'; readonly words: readonly Candidate[] }
    | { readonly kind: 'names'; readonly of: NameSource }
    | { readonly kind: 'files' }
    | { readonly kind: 'nothing' };
};

/** Options that every command takes, as they were given: they say which daemon to ask. */
export type GivenGlobals = { readonly url?: string; readonly data?: string; readonly config?: string };

/** What may stand where the last word is being typed. `words` begin after `ingot`; the last one may be empty. */
export function completionOf(program: CommandTree, words: readonly string[]): Completion {
  const typed = words.at(-1) ?? '';
  const { command, path, position, awaits, onlyArguments } = walk(program, words.slice(0, -1));
  if (awaits) return inList(valuesOf(awaits, command), '', typed);
  const assigned = onlyArguments ? undefined : /^(--[\w-]+=)(.*)$/.exec(typed);
  if (assigned) {
    const [, before = '', value = ''] = assigned;
    const option = optionsOf(program, command).find(({ long }) => `${long}=` === before);
    const from = option?.value ? valuesOf(option, command) : ({ kind: 'nothing' } as const);
    return inList(from, before, value);
  }
  if (typed.startsWith('-') && !onlyArguments)
    return { before: '', typed, from: listed(optionWords(program, command)) };
  if (command.commands.length > 0 && position === 0) {
    return { before: '', typed, from: listed(commandWords(command)) };
  }
  const from = argumentFrom(command, path, position, words);
  return inList(from, '', typed);
}

/** Several machines, or conditions, may stand in one word: what comes after the last comma is being typed. */
function inList(from: Completion['from'], before: string, typed: string): Completion {
  const isList = from.kind === 'names' && ['machine', 'label', 'fact'].includes(from.of);
  const comma = isList ? typed.lastIndexOf(',') + 1 : 0;
  return { before: before + typed.slice(0, comma), typed: typed.slice(comma), from };
}

export function givenGlobals(words: readonly string[]): GivenGlobals {
  const value = (...flags: readonly string[]): string | undefined => {
    for (const [at, word] of words.slice(0, -1).entries()) {
      const next = words[at + 1];
      if (flags.includes(word) && at + 1 < words.length - 1) return next;
      const flag = flags.find((one) => word.startsWith(`${one}=`));
      if (flag !== undefined) return word.slice(flag.length + 1);
    }
    return undefined;
  };
  const [url, data, config] = [value('--url'), value('--data'), value('--config', '-c')];
  return {
    ...(url === undefined ? {} : { url }),
    ...(data === undefined ? {} : { data }),
    ...(config === undefined ? {} : { config }),
  };
}

type Walked = {
  readonly command: CommandTree;
  /** Names from the program down. */
  readonly path: readonly string[];
  /** How many arguments stand before. */
  readonly position: number;
  /** The option whose value comes next. */
  readonly awaits: TreeOption | undefined;
  /** After `--` nothing is an option. */
  readonly onlyArguments: boolean;
};

function walk(program: CommandTree, words: readonly string[]): Walked {
  let walked: Walked = { command: program, path: [], position: 0, awaits: undefined, onlyArguments: false };
  for (const word of words) walked = after(program, walked, word);
  return walked;
}

function after(program: CommandTree, walked: Walked, word: string): Walked {
  const { command, path, position, awaits, onlyArguments } = walked;
  if (awaits) return { ...walked, awaits: undefined };
  if (!onlyArguments && word === '--') return { ...walked, onlyArguments: true };
  if (!onlyArguments && word.startsWith('-') && word !== '-') {
    if (word.includes('=')) return walked;
    const option = optionsOf(program, command).find(({ short, long }) => short === word || long === word);
    return option?.value?.required === true ? { ...walked, awaits: option } : walked;
  }
  const inner = position === 0 ? command.commands.find((one) => hasName(one, word)) : undefined;
  if (inner) return { ...walked, command: inner, path: [...path, inner.name] };
  return { ...walked, position: position + 1 };
}

const optionsOf = (program: CommandTree, command: CommandTree): readonly TreeOption[] =>
  program === command ? command.options : [...command.options, ...program.options];

const listed = (words: readonly Candidate[]): Completion['from'] => ({ kind: 'words', words });

const commandWords = ({ commands }: CommandTree): readonly Candidate[] =>
  commands.map(({ name, summary }) => ({ word: name, about: summary }));

const optionWords = (program: CommandTree, command: CommandTree): readonly Candidate[] => {
  const words = optionsOf(program, command).flatMap(({ long, short, about }) => {
    const word = long ?? short;
    return word === undefined ? [] : [{ word, about }];
  });
  return words.filter(({ word }, at) => words.findIndex((one) => one.word === word) === at);
};

const asWords = (words: readonly string[]): Completion['from'] => listed(words.map((word) => ({ word, about: '' })));

const FORMATS = ['table', 'yaml', 'json'];
const FILES = /^(file|path|dir)$/;

/** Options that stand for the same thing wherever they are. */
const BY_OPTION: Readonly<Record<string, Completion['from']>> = {
  '--profile': { kind: 'names', of: 'profile' },
  '--selector': { kind: 'names', of: 'label' },
  '--scope': { kind: 'names', of: 'label' },
  '--fact': { kind: 'names', of: 'fact' },
  '--machine': { kind: 'names', of: 'machine' },
  '--control-plane': { kind: 'names', of: 'machine' },
  '--worker': { kind: 'names', of: 'machine' },
  '--credential': { kind: 'names', of: 'credential' },
  '--output': asWords(FORMATS),
  '--boot': asWords(['network', 'http', 'disk', 'media', 'setup']),
  '--arch': asWords(['x86_64', 'arm64']),
  '--type': asWords(['redfish', 'ipmi', 'wol', 'webhook', 'manual']),
  '--role': asWords(['viewer', 'operator', 'approver', 'admin']),
};

function valuesOf(option: TreeOption, command: CommandTree): Completion['from'] {
  if (option.choices.length > 0) return asWords(option.choices);
  if (FILES.test(option.value?.name ?? '')) return { kind: 'files' };
  if (option.long === '--output' && option.about.startsWith('text or json')) return asWords(['text', 'json']);
  if (option.long === '--role' && command.name === 'add') return asWords(['disk', 'kernel', 'initrd', 'efi']);
  return BY_OPTION[option.long ?? ''] ?? { kind: 'nothing' };
}

/** Documents, by the kinds that `get`, `edit` and `delete` take. */
const KINDS: Readonly<Record<string, NameSource>> = {
  machine: 'machine',
  profile: 'profile',
  class: 'class',
  image: 'image',
  network: 'network',
  subnet: 'subnet',
  credential: 'credential',
  cluster: 'cluster',
};

/** What the names of a group's commands are names of. */
const BY_GROUP: Readonly<Record<string, NameSource>> = {
  image: 'image',
  job: 'job',
  credentials: 'credential',
  cluster: 'cluster',
  user: 'user',
};

/** Commands whose name is a new one. */
const NEW_NAMES = [
  ['machine', 'add'],
  ['image', 'add'],
  ['token', 'create'],
  ['user', 'create'],
  ['cluster', 'create'],
  ['bmc', 'credentials', 'set'],
].map((path) => path.join(' '));

function argumentFrom(
  command: CommandTree,
  path: readonly string[],
  position: number,
  words: readonly string[],
): Completion['from'] {
  const last = command.arguments.at(-1);
  const argument = command.arguments[position] ?? (last?.variadic === true ? last : undefined);
  if (!argument) return { kind: 'nothing' };
  if (argument.choices.length > 0) return asWords(argument.choices);
  if (FILES.test(argument.name)) return { kind: 'files' };
  if (/^machines?$/.test(argument.name) || path.join(' ') === 'machine replace')
    return { kind: 'names', of: 'machine' };
  if (argument.name === 'job') return { kind: 'names', of: 'machine' };
  if (argument.name === 'kind') return asWords([...Object.values(COLLECTIONS), 'leases', 'credentials']);
  if (['get', 'edit', 'delete'].includes(path[0] ?? '')) return ofKind(words, path[0] ?? '');
  if (NEW_NAMES.includes(path.join(' '))) return position === 0 ? { kind: 'nothing' } : { kind: 'files' };
  const of = path.map((name) => BY_GROUP[name]).findLast((one) => one !== undefined);
  return of === undefined ? { kind: 'nothing' } : { kind: 'names', of };
}

function ofKind(words: readonly string[], command: string): Completion['from'] {
  const kind = words[words.indexOf(command) + 1]?.toLowerCase() ?? '';
  const of = Object.entries(KINDS).find(([name]) => kind === name || kind === `${name}s` || kind === `${name}es`)?.[1];
  return of === undefined ? { kind: 'nothing' } : { kind: 'names', of };
}
