import type { ProfileDocument } from '#machines/contract/documents.ts';
import type { Job } from '#machines/contract/job.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';

/** Who may read configuration now, for which profile, under which job. */
export type Window =
  | { readonly kind: 'open'; readonly profile: ProfileDocument; readonly job: Job | undefined }
  | { readonly kind: 'closed'; readonly because: string };

/**
 * Configuration is read while it is expected: under a job that installs the machine, or while this boot attempt may
 * netboot its profile. After that a running system, or whatever runs on it and can be made to fetch URLs, reads nothing.
 */
export function windowOf(known: {
  readonly machine: Machine;
  /** What this boot attempt may netboot now, its own grant included. */
  readonly plan: BootPlan;
  readonly jobs: readonly Job[];
  readonly profile: (name: string) => ProfileDocument | undefined;
}): Window {
  const { machine, plan, jobs, profile } = known;
  const { name } = machine.document;
  if (machine.acceptance !== 'accepted') return closed(`${name} is ${machine.acceptance}, not accepted`);
  const job = jobs.find((one) => one.state === 'running' && INSTALLING.includes(one.kind));
  if (job) {
    const wanted = job.plan?.profile ?? job.profile;
    const found = wanted === undefined ? undefined : profile(wanted);
    return found ? { kind: 'open', profile: found, job } : closed(`job ${job.id} names no profile that exists`);
  }
  if (plan.kind !== 'netboot') return closed(`no job and no boot of ${name} expects it: ${plan.because}`);
  return { kind: 'open', profile: plan.profile, job: undefined };
}

const INSTALLING: readonly Job['kind'][] = ['install', 'reprovision'];

const closed = (because: string): Window => ({ kind: 'closed', because });
