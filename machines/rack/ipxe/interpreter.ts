import { type Command, parseLine } from './command-line.ts';

/** What the interpreter can do to its machine. Nothing in it rejects but for a lost power supply (the signal). */
export type IpxeMachine = {
  /** All bytes, or why not. */
  fetch(url: string, into: 'script' | 'kernel' | 'initrd'): Promise<Fetched>;
  /** Configures the network again; true if it got an address. */
  dhcp(): Promise<boolean>;
  sleep(seconds: number): Promise<void>;
  print(text: string): void;
};

export type Fetched =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly status: number };

/** How a script left iPXE. */
export type IpxeOutcome =
  | {
      readonly kind: 'kernel';
      readonly arguments: string;
      /** In the order of the script, as far as the machine has kept them. */
      readonly initrds: readonly Uint8Array[];
    }
  | { readonly kind: 'own-disk' }
  | { readonly kind: 'exit'; readonly status: number }
  | { readonly kind: 'shell' }
  | { readonly kind: 'reboot' }
  | { readonly kind: 'poweroff' }
  | { readonly kind: 'failed'; readonly because: string };

type State = {
  readonly machine: IpxeMachine;
  readonly settings: Map<string, string>;
  readonly signal: AbortSignal;
  /** The script's own address, for relative ones. */
  readonly base: string;
  kernel: string | undefined;
  initrds: readonly Uint8Array[];
};

/** Either the script goes on (`ok` tells how the command went), jumps, or is over. */
type Step = { readonly ok: boolean } | { readonly goto: string } | { readonly outcome: IpxeOutcome };

/** A script that loops without ever waiting would take the whole processor. */
const MAX_COMMANDS = 100_000;
const MAX_DEPTH = 16;

/**
 * Runs a script as iPXE does: line by line, a failing line ends it unless `||` follows. Knows the commands that boot
 * scripts use; another one fails like a command that was not built in.
 */
export async function runScript(script: {
  readonly text: string;
  readonly url: string;
  readonly machine: IpxeMachine;
  readonly settings: Map<string, string>;
  readonly signal: AbortSignal;
  readonly depth?: number;
}): Promise<IpxeOutcome> {
  const { text, url, machine, settings, signal, depth = 0 } = script;
  const lines = text.split(/\r?\n/);
  if (lines[0]?.trimEnd() !== '#!ipxe') return { kind: 'failed', because: 'not an iPXE script' };
  if (depth > MAX_DEPTH) return { kind: 'failed', because: 'scripts chained too deep' };
  const state: State = { machine, settings, signal, base: url, kernel: undefined, initrds: [] };
  let commands = 0;
  for (let index = 1; index < lines.length; index++) {
    signal.throwIfAborted();
    const line = lines[index]?.trim() ?? '';
    if (line === '' || line.startsWith('#') || line.startsWith(':')) continue;
    if (++commands > MAX_COMMANDS) return { kind: 'failed', because: 'the script never ends' };
    const step = await runLine(parseLine(line, settings), state, depth);
    if ('outcome' in step) return step.outcome;
    if ('goto' in step) {
      const target = lines.findIndex((one) => one.trim() === `:${step.goto}`);
      if (target < 0) return { kind: 'failed', because: `no label ${step.goto}` };
      index = target;
    } else if (!step.ok) return { kind: 'failed', because: line };
  }
  return { kind: 'exit', status: 0 };
}

async function runLine(commands: readonly Command[], state: State, depth: number): Promise<Step> {
  let ok = true;
  for (const { join, words } of commands) {
    if ((join === 'and' && !ok) || (join === 'or' && ok)) continue;
    const [name, ...rest] = words;
    // `command ||` at the end of a line: an empty command succeeds.
    const step = name === undefined ? { ok: true } : await runCommand(name, rest, state, depth);
    if (!('ok' in step)) return step;
    ok = step.ok;
  }
  return { ok };
}

const DONE: Step = { ok: true };
const FAILED: Step = { ok: false };

async function runCommand(name: string, words: readonly string[], state: State, depth: number): Promise<Step> {
  const { options, plain } = splitOptions(words);
  const [first = ''] = plain;
  const { machine, settings } = state;
  switch (name) {
    case 'echo':
      machine.print(words.join(' '));
      return DONE;
    case 'set':
      settings.set(first, plain.slice(1).join(' '));
      return DONE;
    case 'clear':
      settings.delete(first);
      return DONE;
    case 'isset':
      return { ok: first !== '' };
    case 'iseq':
      return { ok: first === (plain[1] ?? '') };
    case 'inc':
      settings.set(first, String(Number(settings.get(first) ?? 0) + Number(plain[1] ?? 1)));
      return DONE;
    case 'goto':
      return { goto: first };
    case 'sleep':
      await machine.sleep(Number(first));
      return DONE;
    case 'prompt':
      await machine.sleep(Number(options.get('timeout') ?? 0) / 1000);
      // Nobody stands before a rack of software: no key is pressed.
      return FAILED;
    case 'menu':
    case 'item':
    case 'console':
    case 'cpair':
    case 'colour':
    case 'ifstat':
    case 'ifopen':
      return DONE;
    case 'choose':
      await machine.sleep(Number(options.get('timeout') ?? 0) / 1000);
      settings.set(plain.at(-1) ?? '', options.get('default') ?? '');
      return { ok: options.has('default') };
    case 'dhcp':
    case 'ifconf':
      return { ok: await machine.dhcp() };
    case 'imgfree':
      state.kernel = undefined;
      state.initrds = [];
      return DONE;
    case 'imgstat':
      return DONE;
    case 'kernel':
    case 'imgselect':
      return await load('kernel', first, plain.slice(1).join(' '), state);
    case 'initrd':
    case 'module':
      return await load('initrd', first, '', state);
    case 'imgargs':
      state.kernel = plain.slice(1).join(' ');
      return DONE;
    case 'imgfetch':
      return { ok: (await machine.fetch(resolve(first, state.base), 'script')).ok };
    case 'boot':
      return state.kernel === undefined
        ? FAILED
        : { outcome: { kind: 'kernel', arguments: state.kernel, initrds: state.initrds } };
    case 'chain':
      return await chain(resolve(first, state.base), options.has('replace'), state, depth);
    case 'sanboot':
      return { outcome: { kind: 'own-disk' } };
    case 'exit':
      return { outcome: { kind: 'exit', status: Number(first || 0) } };
    case 'shell':
      return { outcome: { kind: 'shell' } };
    case 'reboot':
      return { outcome: { kind: 'reboot' } };
    case 'poweroff':
      return { outcome: { kind: 'poweroff' } };
    default:
      return FAILED;
  }
}

async function load(into: 'kernel' | 'initrd', address: string, kernelArguments: string, state: State): Promise<Step> {
  const fetched = await state.machine.fetch(resolve(address, state.base), into);
  if (!fetched.ok || fetched.bytes.length === 0) return FAILED;
  if (into === 'kernel') state.kernel = kernelArguments;
  else state.initrds = [...state.initrds, fetched.bytes];
  return DONE;
}

async function chain(url: string, replace: boolean, state: State, depth: number): Promise<Step> {
  const fetched = await state.machine.fetch(url, 'script');
  if (!fetched.ok) return FAILED;
  const outcome = await runScript({
    text: new TextDecoder().decode(fetched.bytes),
    url,
    machine: state.machine,
    settings: state.settings,
    signal: state.signal,
    // A replaced script is gone from memory: a retry loop of chains may go on for ever.
    depth: replace ? depth : depth + 1,
  });
  if (replace || outcome.kind === 'kernel' || outcome.kind === 'own-disk') return { outcome };
  return { ok: outcome.kind === 'exit' && outcome.status === 0 };
}

/** `--name value`, `--name=value`, and switches; iPXE's own options all come before the plain words. */
const SWITCHES = new Set(['replace', 'autofree', 'no-describe', 'keep', 'poweroff']);

function splitOptions(words: readonly string[]): { options: ReadonlyMap<string, string>; plain: readonly string[] } {
  const options = new Map<string, string>();
  let index = 0;
  for (; words[index]?.startsWith('--'); index++) {
    const [key = '', value] = (words[index] ?? '').slice(2).split('=');
    if (value !== undefined) options.set(key, value);
    else if (SWITCHES.has(key)) options.set(key, '');
    else options.set(key, words[++index] ?? '');
  }
  return { options, plain: words.slice(index) };
}

function resolve(address: string, base: string): string {
  return URL.canParse(address, base) ? new URL(address, base).href : address;
}
