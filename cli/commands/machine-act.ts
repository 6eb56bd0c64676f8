import type { SettingAction } from '#machines/decide/actions.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import { confirm } from '../ask.ts';
import type { Daemon } from '../daemon.ts';
import { failureOf } from '../failure.ts';
import { count, resolveMachines, type Selection } from '../machine-names.ts';
import { note, say, type Terminal } from '../terminal.ts';

export type Action = SettingAction;

const DONE: Readonly<Record<Action, string>> = {
  accept: 'accepted: it may netboot what its profile says; no disk is touched by this',
  reject: 'rejected: nothing is served to it until a person accepts it',
  adopt: 'adopted: in service, never netbooted',
  lock: 'locked: destructive jobs, power-off, prune and removal are refused',
  unlock: 'unlocked',
  'maintenance-on': 'in maintenance: left alone until that ends',
  'maintenance-off': 'out of maintenance',
  retire: 'retired',
};

export type ActOptions = Selection & { readonly yes?: boolean };

/** Does one thing to each machine; what is refused for one stops none of the others. */
export async function act(
  term: Terminal,
  daemon: Daemon,
  action: Action,
  words: readonly string[],
  options: ActOptions,
): Promise<number> {
  const names = await resolveMachines(term, daemon, words, options);
  if (action === 'retire' && names.length > 1) await confirm(term, `Retire ${count(names.length)}?`, options.yes);
  return await each(term, names, async (name) => {
    const answer = await daemon.attempt('actOnMachine', { params: { name, action } });
    return 'problem' in answer ? answer : DONE[action];
  });
}

export async function removeMachines(
  term: Terminal,
  daemon: Daemon,
  words: readonly string[],
  options: ActOptions,
): Promise<number> {
  const names = await resolveMachines(term, daemon, words, options);
  if (names.length > 1)
    await confirm(term, `Forget ${count(names.length)} and all that is known of them?`, options.yes);
  return await each(term, names, async (name) => {
    const answer = await daemon.attempt('removeMachine', { params: { name } });
    return 'problem' in answer ? answer : 'removed: its disks are untouched, and it may be seen again';
  });
}

/** The exit status is that of the first failure. */
export async function each(
  term: Terminal,
  names: readonly string[],
  work: (name: string) => Promise<string | { readonly problem: Parameters<typeof failureOf>[0] }>,
): Promise<number> {
  let status: number = EXIT.done;
  for (const name of names) {
    const result = await work(name);
    if (typeof result === 'string') {
      say(term, `${name} ${result}`);
      continue;
    }
    const failure = failureOf(result.problem);
    note(term, failure.message.startsWith(name) ? failure.message : `${name}: ${failure.message}`);
    if (status === EXIT.done) ({ status } = failure);
  }
  return status;
}
