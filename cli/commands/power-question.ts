import type { Job } from '#machines/contract/job.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import type { PowerAction } from '#machines/contract/power.ts';
import { countedOn } from '#machines/decide/power-reasons.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { confirm, confirmWord } from '../ask.ts';
import type { Daemon } from '../daemon.ts';
import { CommandFailure } from '../failure.ts';
import { count } from '../machine-names.ts';
import { note, type Terminal } from '../terminal.ts';

const VERBS: Readonly<Partial<Record<PowerAction, string>>> = {
  off: 'Turn off',
  'force-off': 'Take the power away from',
  soft: 'Shut down',
  cycle: 'Turn off and on',
  reset: 'Reset',
};

/**
 * Asks before machines lose their power: one by its name where somebody counts on it, several always. `--yes` has said so
 * before; where nobody can be asked, the line to type is the answer. Nothing where the action ends nothing.
 */
export async function askForPower(
  term: Terminal,
  daemon: Daemon,
  action: PowerAction,
  names: readonly string[],
  { yes, typed }: { readonly yes: boolean | undefined; readonly typed: readonly string[] },
): Promise<void> {
  const verb = VERBS[action];
  if (verb === undefined || yes === true) return;
  const reasons = await reasonsFor(daemon, names);
  const [name = ''] = names;
  if (names.length === 1 && reasons.size === 0) return;
  for (const [machine, because] of reasons) note(term, `${escaped(machine)}: ${escaped(because)}`);
  const question = `${verb} ${names.length === 1 ? escaped(name) : count(names.length)}?`;
  if (!term.interactive) {
    const word = action === 'force-off' ? 'off --force' : action;
    throw new CommandFailure(
      EXIT.badInput,
      `${question} Nobody can be asked here`,
      `  next: ingot power ${word} ${typed.join(' ')} --yes`,
    );
  }
  if (names.length === 1) await confirmWord(term, question, 'its name', name);
  else await confirm(term, question, yes);
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
