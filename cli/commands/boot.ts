import type { Daemon } from '../daemon.ts';
import { resolveMachines, type Selection } from '../machine-names.ts';
import type { Terminal } from '../terminal.ts';
import { each } from './machine-act.ts';

/** Grants one netboot of a profile to each machine. Profiles that may write disks need a plan instead: refused here. */
export async function boot(
  term: Terminal,
  daemon: Daemon,
  words: readonly string[],
  options: Selection & { readonly profile: string },
): Promise<number> {
  const { profile } = options;
  const names = await resolveMachines(term, daemon, words, options);
  return await each(term, names, async (name) => {
    const answer = await daemon.attempt('bootMachine', { params: { name }, body: { profile } });
    return 'problem' in answer
      ? answer
      : `boots ${profile} once, the next time that it netboots. Follow it: ingot trace ${name} --follow`;
  });
}
