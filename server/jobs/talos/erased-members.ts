import type { Job, JobKind } from '#machines/contract/job.ts';
import { NOT_ASKED_FOR } from '#machines/decide/jobs/disk-eligibility.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { ClusterSecrets } from '#services/talos/cluster-secrets.ts';

const ERASING: readonly JobKind[] = ['wipe', 'reset', 'retire'];

/** What an erased control plane had of etcd is gone: told of each job, so that etcd may be begun anew once none has it. */
export function erasedMembers(parts: {
  readonly registry: Pick<Registry, 'clusterOf'>;
  readonly secrets: Pick<ClusterSecrets, 'changeEtcdHolders'>;
  readonly failed: (error: unknown, machine: string) => void;
}): (job: Job) => void {
  return ({ kind, state, machine, plan }) => {
    // A disk that could have been erased, and was not, may be the one that it runs from.
    const isWhole =
      plan?.disks.some(({ act }) => act === 'wipe') === true &&
      plan.disks.every(({ act, because }) => act === 'wipe' || (act === 'leave-alone' && because !== NOT_ASKED_FOR));
    if (state !== 'done' || !ERASING.includes(kind) || !isWhole) return;
    const cluster = parts.registry.clusterOf(machine);
    if (!cluster?.controlPlane.includes(machine)) return;
    parts.secrets
      .changeEtcdHolders(cluster.name, (known) => known.filter((one) => one !== machine))
      .catch((error: unknown) => parts.failed(error, machine));
  };
}
