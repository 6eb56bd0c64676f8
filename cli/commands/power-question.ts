import type { Job } from '#machines/contract/job.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import type { PowerAction } from '#machines/contract/power.ts';
import { countedOn } from '#machines/decide/power-reasons.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { confirm, confirmWord } from '../ask.ts';
import type { Daemon } from '../daemon.ts';
import { CommandFailure } from '../failure.ts';
import { count, type Selection } from '../machine-names.ts';
import { note, type Terminal } from '../terminal.ts';

/** What ends the work of a machine: as a question begins, and as it is typed. */
export type Interruption = { readonly verb: string; readonly command: string };

/** Undefined where the action ends nothing. */
export const INTERRUPTIONS: Readonly<Partial<Record<PowerAction, Interruption>>> = {
  off: { verb: 'Turn off', command: 'power off' },
  'force-off': { verb: 'Take the power away from', command: 'power off --force' },
  soft: { verb: 'Shut down', command: 'power soft' },
  cycle: { verb: 'Turn off and on', command: 'power cycle' },
  reset: { verb: 'Reset', command: 'power reset' },
};

/**
 * Asks before the work of machines is ended: one by its name where somebody counts on it, several always. `--yes` has said
 * so before; where nobody can be asked, the line to type is the answer.
 */
export async function askToInterrupt(
  term: Terminal,
  daemon: Daemon,
  { verb, command }: Interruption,
  names: readonly string[],
  said: Selection & { readonly words: readonly string[]; readonly yes?: boolean | undefined },
): Promise<void> {
  if (said.yes === true) return;
  const reasons = await reasonsFor(daemon, names);
  const [name = ''] = names;
  if (names.length === 1 && reasons.size === 0) return;
  for (const [machine, because] of reasons) note(term, `${escaped(machine)}: ${escaped(because)}`);
  const question = `${verb} ${names.length === 1 ? escaped(name) : count(names.length)}?`;
  if (!term.interactive) {
    const typed = [
      ...said.words,
      ...(said.selector === undefined ? [] : ['-l', said.selector]),
      ...(said.fact === undefined ? [] : ['--fact', said.fact]),
    ];
    throw new CommandFailure(
      EXIT.badInput,
      `${question} Nobody can be asked here`,
      `  next: ingot ${command} ${typed.join(' ')} --yes`,
    );
  }
  if (names.length === 1) await confirmWord(term, question, 'its name', name);
  else await confirm(term, question, said.yes);
}

/** By machine, why somebody counts on it. */
async function reasonsFor(daemon: Daemon, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const [jobs, clusters] = await Promise.all([
    daemon.ask('listJobs', { query: { state: 'running', limit: 1000 } }),
    // Whoever may see some machines only is told of no cluster.
    daemon.attempt('listClusters', { query: {} }),
  ]);
  const working = new Map<string, Job>(jobs.value.items.map((job) => [job.machine, job]));
  const cluster = new Map<string, string>(
    ('problem' in clusters ? [] : clusters.value.items).flatMap((one) =>
      [...one.controlPlane, ...one.workers].map((machine) => [machine, one.name] as const),
    ),
  );
  const reasons = new Map<string, string>();
  for (const name of names) {
    const machine = await daemon.attempt('getMachine', { params: { name } });
    // What is wrong with it is said by the action itself.
    if ('problem' in machine) continue;
    const { service } = machine.value.status;
    const because = countedOn({ service, job: working.get(name), cluster: cluster.get(name) });
    if (because.length > 0) reasons.set(name, because.join('; '));
  }
  return reasons;
}
