import type { Refusal } from '#services/bmc/power.ts';
import type { Jobs } from '#services/jobs/contract.ts';

/** In these the agent writes; whoever takes the power away leaves half a disk (safety rule 3). */
const AGENT_WRITES: ReadonlySet<string> = new Set(['wipe-disks', 'write-image']);
/** In these an installer, or Talos, writes by itself. */
const SYSTEM_WRITES: Readonly<Record<string, string>> = {
  'await-report': 'its installer',
  'watch-install': 'its Talos',
  'upgrade-talos': 'its Talos',
  'reset-talos': 'its Talos',
};

/**
 * Why a machine must not lose its power now. Where its agent is gone nothing is written any more: then the job itself
 * has to restart it.
 */
export function heldByJobs(jobs: Pick<Jobs, 'unfinishedOf'>, machine: string, hasAgent: boolean): Refusal | undefined {
  for (const { id, kind, steps } of jobs.unfinishedOf(machine)) {
    const step = steps.find(
      ({ name, state }) =>
        state === 'running' && (Object.hasOwn(SYSTEM_WRITES, name) || (hasAgent && AGENT_WRITES.has(name))),
    );
    if (step) {
      const who = SYSTEM_WRITES[step.name] ?? 'its agent';
      return {
        because: `${machine}: ${who} is at ${step.name} of a ${kind}, and must not lose its power`,
        next: `ingot job show ${id}; to end it: ingot job cancel ${id}`,
      };
    }
  }
  return undefined;
}
