import { EXIT } from '#machines/contract/exit-status.ts';
import { parseSelector } from '#machines/contract/api/selector.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { Asked } from '#machines/contract/api/client.ts';
import type { Daemon } from './daemon.ts';
import { badInput, CommandFailure } from './failure.ts';
import { expandNames } from './ranges.ts';
import { note, type Terminal } from './terminal.ts';

export type Selection = { readonly selector?: string; readonly fact?: string };

const PAGE = 1000;

/** All machines that match, however many pages they take. */
export async function listMachines(
  daemon: Daemon,
  query: Asked<'listMachines'>['query'] = {},
): Promise<readonly MachineResource[]> {
  const machines: MachineResource[] = [];
  for (let after: string | undefined; ; ) {
    const { value } = await daemon.ask('listMachines', {
      query: { limit: PAGE, ...query, ...(after === undefined ? {} : { after }) },
    });
    machines.push(...value.items);
    if (value.next === undefined) return machines;
    after = value.next;
  }
}

/** What the options say, as a query; a wrong condition is told before anything is asked. */
export function queryOf({ selector, fact }: Selection): NonNullable<Asked<'listMachines'>['query']> {
  for (const [option, text] of [
    ['-l', selector],
    ['--fact', fact],
  ] as const) {
    const read = text === undefined ? undefined : parseSelector(text);
    if (read && !read.ok) throw badInput(`${option}: ${read.because}`);
  }
  return { ...(selector === undefined ? {} : { label: selector }), ...(fact === undefined ? {} : { fact }) };
}

/**
 * The machines that words (names, ranges, MACs) or conditions mean. What is not exactly one name that somebody typed is
 * printed with its count, before anything is done to it.
 */
export async function resolveMachines(
  term: Terminal,
  daemon: Daemon,
  words: readonly string[],
  selection: Selection,
): Promise<readonly string[]> {
  const selects = selection.selector !== undefined || selection.fact !== undefined;
  if (selects && words.length > 0) throw badInput('want names or a selector, not both');
  if (!selects && words.length === 0) throw badInput('want names (r1-u1..12), or a selector (-l rack=r1)');
  const names = selects
    ? (await listMachines(daemon, queryOf(selection))).map(({ name }) => name)
    : await Promise.all(expandNames(words).map((word) => nameOf(daemon, word)));
  if (names.length === 0) throw new CommandFailure(EXIT.notFound, 'no machine matches');
  if (selects || names.length > 1 || words[0] !== names[0]) note(term, `${count(names.length)}: ${names.join(', ')}`);
  return names;
}

export const count = (number: number): string => `${number} ${number === 1 ? 'machine' : 'machines'}`;

/** A MAC names the machine that has it. */
export async function nameOf(daemon: Daemon, word: string): Promise<string> {
  const mac = parseMacAddress(word);
  if (!mac.ok) return word;
  const { value } = await daemon.ask('explain', { query: { of: mac.value } });
  if (value.machine === undefined) throw new CommandFailure(EXIT.notFound, `no machine has the MAC ${mac.value}`);
  return value.machine;
}
