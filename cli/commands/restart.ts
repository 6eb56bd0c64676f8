import type { Problem } from '#machines/contract/api/problem.ts';
import type { Daemon } from '../daemon.ts';
import { resolveMachines, type Selection } from '../machine-names.ts';
import type { Terminal } from '../terminal.ts';
import { each } from './machine-act.ts';
import { askToInterrupt } from './power-question.ts';
import { untilBooted, untilOff, type Waited } from './wait-restart.ts';

export type RestartOptions = Selection & { readonly yes?: boolean; readonly wait?: boolean };

/** By the system that runs on them: `ingot power` is the way where none does. */
export async function restartBySystem(
  term: Terminal,
  daemon: Daemon,
  how: 'reboot' | 'shutdown',
  words: readonly string[],
  options: RestartOptions,
): Promise<number> {
  const names = await resolveMachines(term, daemon, words, options);
  const interruption = { verb: how === 'reboot' ? 'Restart' : 'Turn off', command: how };
  await askToInterrupt(term, daemon, interruption, names, { ...options, words });
  async function begin(name: string): Promise<Problem | undefined> {
    const answer = await daemon.attempt(how === 'reboot' ? 'rebootMachine' : 'shutdownMachine', { params: { name } });
    return 'problem' in answer ? answer.problem : undefined;
  }
  async function one(name: string): Promise<Waited> {
    if (how === 'reboot' && options.wait === true) {
      return await untilBooted(daemon, name, term.signal, () => begin(name));
    }
    const problem = await begin(name);
    if (problem) return { problem };
    if (options.wait === true) return await untilOff(daemon, name, term.signal);
    return how === 'reboot' ? 'restarts' : 'turns itself off';
  }
  // Those that are waited for restart together; what became of each is told in order.
  const begun = options.wait === true ? new Map(names.map((name) => [name, one(name)])) : undefined;
  if (begun) await Promise.allSettled([...begun.values()]);
  return await each(term, names, (name) => begun?.get(name) ?? one(name));
}
