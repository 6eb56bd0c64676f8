import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { isOver, type Job } from '#machines/contract/job.ts';
import { type Stage, STAGES } from '#machines/contract/trace.ts';
import type { Tone } from './line.ts';

/** What the head of the screen counts. */
export const STANDS = ['running', 'working', 'booting', 'waiting', 'attention', 'quiet'] as const;
export type Stand = (typeof STANDS)[number];

/** How one machine stands: what it counts as, in a word, and why. */
export type HowItStands = {
  readonly stand: Stand;
  readonly word: string;
  readonly because: string;
  readonly tone: Tone;
};

export const STAND_TONES: Readonly<Record<Stand, Tone>> = {
  running: 'good',
  working: 'busy',
  booting: 'busy',
  waiting: 'waits',
  attention: 'bad',
  quiet: 'dim',
};

const how = (stand: Stand, word: string, because: string): HowItStands => ({
  stand,
  word,
  because,
  tone: STAND_TONES[stand],
});

const IN_SERVICE = {
  adopted: how('quiet', 'in service', 'adopted: it boots its own disk and is never netbooted'),
  maintenance: how('quiet', 'maintenance', 'left alone until maintenance ends'),
  retired: how('quiet', 'retired', 'out of use'),
};

export function howItStands({ status }: MachineResource, job: Job | undefined): HowItStands {
  const { attempt, acceptance, service } = status;
  if (job) return how('working', job.kind, stepText(job));
  if (acceptance === 'rejected') return how('quiet', 'rejected', 'nothing is served to it');
  if (service !== 'none') return IN_SERVICE[service];
  if (acceptance === 'seen')
    return how('waiting', 'waits', 'it asked for something to boot; a accepts it, and touches no disk by that');
  if (!attempt) return how('quiet', 'not seen yet', 'it is served when it netboots');
  const { code, cause } = attempt.verdict;
  if (code === 'booted') return how('running', 'running', cause);
  if (code === 'in-progress') return how('booting', 'booting', cause);
  if (code === 'not-accepted') return how('waiting', 'waits', cause);
  return how('attention', code, cause);
}

/** `write-image 42 %: 1.2 of 3 GB`. */
export function stepText({ steps, state, cancelling }: Job): string {
  const step = steps.find((one) => one.state === 'running') ?? steps.findLast((one) => one.state === 'failed');
  if (!step) return cancelling ? 'ends at its next safe point' : state;
  const part = step.progress === undefined ? '' : ` ${Math.floor(step.progress * 100)} %`;
  return `${step.name}${part}${step.text === '' ? '' : `: ${step.text}`}`;
}

/** The job that is under way on each machine, by machine. */
export function openJobs(jobs: Iterable<Job>): ReadonlyMap<string, Job> {
  const open = new Map<string, Job>();
  for (const job of jobs) if (!isOver(job.state)) open.set(job.machine, job);
  return open;
}

/** How far its newest boot came: cells that are full, where it is now or got stuck. */
export function track(
  machine: MachineResource,
  { stand }: HowItStands,
): { readonly full: number; readonly of: number } {
  const { attempt } = machine.status;
  const at = attempt ? STAGES.indexOf(attempt.stage) + 1 : 0;
  return { full: stand === 'running' ? STAGES.length : at, of: STAGES.length };
}

const STAGE_WORDS: Readonly<Record<Stage, string>> = {
  dhcp: 'asked for an address',
  loader: 'loads its boot loader',
  script: 'got its boot script',
  kernel: 'loads the kernel',
  initrd: 'loads the initrd',
  running: 'its system is up',
};
export const stageWords = (stage: Stage): string => STAGE_WORDS[stage];

/** The power as its BMC told it last. */
export function powerOf({ status }: MachineResource): string | undefined {
  const fact = Object.hasOwn(status.facts, 'power') ? status.facts['power'] : undefined;
  return fact === undefined || fact.value === 'unknown' ? undefined : String(fact.value);
}

export const factText = ({ status }: MachineResource, key: string): string | undefined =>
  Object.hasOwn(status.facts, key) ? String(status.facts[key]?.value) : undefined;
