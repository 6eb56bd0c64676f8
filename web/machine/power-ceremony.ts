import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { Job } from '#machines/contract/job.ts';
import type { PowerAction } from '#machines/contract/power.ts';
import { words } from '../look/format.ts';

/** What a person does before the power of one machine is changed: nothing, say yes, or type its name. */
export type PowerCeremony = { readonly kind: 'none' } | { readonly kind: 'yes' | 'name'; readonly because: string };

/**
 * Whatever ends what runs now is asked for again; by name where somebody else counts on the machine: it is in service, it
 * is being worked on, or it is a member of a cluster.
 */
export function powerCeremony(
  action: PowerAction,
  machine: MachineResource,
  job: Job | undefined,
  cluster: string | undefined,
): PowerCeremony {
  if (action === 'on') return { kind: 'none' };
  const { service, attempt } = machine.status;
  if (job?.state === 'running') {
    const step = job.steps.findLast(({ state }) => state === 'running');
    const at = step ? `, and is at ${words(step.name)}` : '';
    return { kind: 'name', because: `Its ${job.kind} is under way${at}: without power that fails.` };
  }
  if (service === 'adopted') return { kind: 'name', because: 'It is in service: whatever runs on it ends.' };
  if (cluster !== undefined)
    return { kind: 'name', because: `It is a member of the cluster ${cluster}, which loses it.` };
  if (attempt?.verdict.code === 'in-progress') return { kind: 'yes', because: 'It boots just now.' };
  return { kind: 'yes', because: action === 'soft' ? 'Its system is asked to end.' : 'Whatever runs on it ends.' };
}
