import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { Job } from '#machines/contract/job.ts';
import { STAGES, type Stage, type VerdictCode } from '#machines/contract/trace.ts';
import { words } from './format.ts';

/** What a colour says, everywhere on the page. */
export type Tone = 'good' | 'busy' | 'bad' | 'wait' | 'quiet';

export const STATES = ['running', 'booting', 'working', 'attention', 'waiting', 'quiet'] as const;
export type State = (typeof STATES)[number];

/** How one machine stands, in words for a row. */
export type Standing = { readonly state: State; readonly tone: Tone; readonly label: string; readonly cause: string };

export const TONES: Readonly<Record<State, Tone>> = {
  running: 'good',
  booting: 'busy',
  working: 'busy',
  attention: 'bad',
  waiting: 'wait',
  quiet: 'quiet',
};

export const STATE_NAMES: Readonly<Record<State, string>> = {
  running: 'running',
  booting: 'booting',
  working: 'being worked on',
  attention: 'need attention',
  waiting: 'waiting for you',
  quiet: 'quiet',
};

const SERVICES = {
  adopted: { label: 'in service', cause: 'Adopted: it boots its own disk and is never netbooted.' },
  maintenance: { label: 'maintenance', cause: 'It is left alone until maintenance ends.' },
  retired: { label: 'retired', cause: 'It is out of use.' },
} as const;

const JOBS: Readonly<Record<Job['kind'], string>> = {
  inspect: 'inspecting',
  install: 'installing',
  wipe: 'wiping',
  reset: 'resetting',
  reprovision: 'reprovisioning',
  upgrade: 'upgrading',
  rollback: 'rolling back',
  rescue: 'rescue',
  retire: 'retiring',
};

export function standingOf({ status }: MachineResource, job: Job | undefined): Standing {
  const { attempt, acceptance, service, facts } = status;
  const as = (state: State, label: string, cause: string): Standing => ({ state, tone: TONES[state], label, cause });
  if (job && job.state === 'running') {
    const step = job.steps.findLast((one) => one.state === 'running');
    return as(
      'working',
      JOBS[job.kind],
      step ? `${words(step.name)}${step.text ? `: ${step.text}` : ''}` : 'under way',
    );
  }
  if (job) return as('working', `${job.kind} queued`, 'It begins when its turn comes.');
  if (acceptance === 'rejected') return as('quiet', 'rejected', 'Nothing is served to it.');
  if (service !== 'none') return as('quiet', SERVICES[service].label, SERVICES[service].cause);
  if (acceptance === 'seen') {
    return as(
      'waiting',
      'not accepted',
      attempt?.verdict.cause ?? 'It asked for something to boot, and nobody has said anything about it yet.',
    );
  }
  if (!attempt) return as('quiet', 'not seen yet', 'Nothing has been heard from it. It is served when it netboots.');
  const { code, cause } = attempt.verdict;
  const power = facts['power'];
  if (power?.value === 'off' && power.at > attempt.lastAt) {
    return as('quiet', 'off', `Its power is off. Before that: ${cause}`);
  }
  if (code === 'booted') return as('running', 'running', cause);
  if (code === 'in-progress') return as('booting', 'booting', cause);
  if (code === 'not-accepted') return as('waiting', 'not accepted', cause);
  return as('attention', VERDICT_NAMES[code], cause);
}

/** Verdicts in so few words that they fit beside a machine. */
export const VERDICT_NAMES: Readonly<Record<VerdictCode, string>> = {
  'other-dhcp-won': 'other DHCP won',
  'offer-ignored': 'offer ignored',
  'no-tftp': 'no TFTP',
  'tftp-stalled': 'TFTP stalled',
  'wrong-arch': 'wrong architecture',
  'loader-missing': 'loader missing',
  'loader-no-return': 'loader went silent',
  'no-script': 'no script',
  'not-accepted': 'not accepted',
  'kernel-missing': 'kernel missing',
  'no-initrd': 'no initrd',
  'silent-after-kernel': 'silent after kernel',
  'boot-loop': 'boot loop',
  'token-abused': 'token abused',
  'pool-exhausted': 'no address left',
  'address-conflict': 'address conflict',
  'relay-82-lost': 'relay lost option 82',
  'wrong-subnet': 'wrong subnet',
  'http-boot-refused': 'HTTP Boot refused',
  'secure-boot': 'Secure Boot',
  'stp-delay': 'switch port delay',
  'in-progress': 'booting',
  booted: 'booted',
};

export const STAGE_NAMES: Readonly<Record<Stage, string>> = {
  dhcp: 'address',
  loader: 'loader',
  script: 'script',
  kernel: 'kernel',
  initrd: 'initrd',
  running: 'system',
};

/** How far its newest boot came: which parts are done, where it is, where it is stuck. */
export function trackOf({ status: { attempt } }: MachineResource, { state }: Standing) {
  const at = attempt ? STAGES.indexOf(attempt.stage) : -1;
  return STAGES.map((_, index): 'done' | 'here' | 'stuck' | '' => {
    if (index < at) return 'done';
    if (index > at) return '';
    return state === 'attention' ? 'stuck' : attempt?.verdict.code === 'booted' ? 'done' : 'here';
  });
}
