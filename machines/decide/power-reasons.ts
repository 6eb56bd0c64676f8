import type { Job } from '../contract/job.ts';
import type { Service } from '../contract/machine.ts';

/**
 * Who counts on a machine that is about to lose its power, in plain words; empty where nobody does. A person is asked by
 * its name then: the table of actions refuses what must not be at all, and this is what somebody may really want.
 */
export function countedOn({
  service,
  job,
  cluster,
}: {
  readonly service: Service;
  /** The one that is worked on. */
  readonly job: Pick<Job, 'kind' | 'state' | 'steps'> | undefined;
  /** The name of the one that it is a member of. */
  readonly cluster: string | undefined;
}): readonly string[] {
  const step = job?.steps.findLast(({ state }) => state === 'running')?.name;
  return [
    ...(job?.state === 'running'
      ? [`its ${job.kind} is under way${step === undefined ? '' : `, at ${step}`}, and fails without power`]
      : []),
    ...(service === 'adopted' ? ['it is in service'] : []),
    ...(service === 'maintenance' ? ['it is in maintenance'] : []),
    ...(cluster === undefined ? [] : [`it is a member of the cluster ${cluster}`]),
  ];
}
