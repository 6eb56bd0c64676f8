import type { Refusal } from '#services/bmc/power.ts';
import type { Jobs } from '#services/jobs/contract.ts';

/** In these the agent writes; whoever takes the power away leaves half a disk (safety rule 3). */
const WRITING: ReadonlySet<string> = new Set(['wipe-disks', 'write-image']);

export function heldByJobs(jobs: Pick<Jobs, 'unfinishedOf'>, machine: string): Refusal | undefined {
  for (const { id, kind, steps } of jobs.unfinishedOf(machine)) {
    const step = steps.find(({ name, state }) => WRITING.has(name) && state === 'running');
    if (step) {
      return {
        because: `${machine}: its agent is at ${step.name} of a ${kind}, and must not lose its power`,
        next: `ingot job show ${id}; to end it: ingot job cancel ${id}`,
      };
    }
  }
  return undefined;
}
