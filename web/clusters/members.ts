import type { ClusterDocument } from '#machines/contract/cluster.ts';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';

export type ClusterRole = 'controlplane' | 'worker';
export const ROLE_NAMES: Readonly<Record<ClusterRole, string>> = { controlplane: 'control plane', worker: 'worker' };

type Members = Pick<ClusterDocument, 'controlPlane' | 'workers'>;

export const membersOf = ({ controlPlane, workers }: Members): readonly { name: string; role: ClusterRole }[] => [
  ...controlPlane.map((name) => ({ name, role: 'controlplane' as const })),
  ...workers.map((name) => ({ name, role: 'worker' as const })),
];

/** Why a machine cannot be made a member now; nothing where it can. */
export function whyNotMember(
  machine: MachineResource,
  clusters: readonly (Members & { name: string })[],
): string | undefined {
  const of = clusters.find((one) => membersOf(one).some(({ name }) => name === machine.name));
  if (of) return `is of ${of.name}`;
  if (!machine.status.actions.includes('write-disks')) {
    const { acceptance, service, locked } = machine.status;
    return locked ? 'is locked' : acceptance === 'accepted' ? `is in ${service}` : 'is not accepted';
  }
  if (machine.status.standing !== 'ready') return 'is not inspected yet';
  return undefined;
}

/** Workers first: what is learned from them is learned before a control plane goes down. */
export const upkeepOrder = (cluster: Members): readonly string[] => [...cluster.workers, ...cluster.controlPlane];

/** Where Kubernetes is reached, if nothing better is said: the first control plane itself. */
export function endpointOf(first: MachineResource | undefined): string {
  const address = first?.address ?? first?.status.attempt?.address;
  if (address === undefined) return '';
  return `https://${address.includes(':') ? `[${address}]` : address}:6443`;
}

/** An odd number bears a loss; an even one bears no more than one less. */
export function quorumText(controlPlanes: number): string {
  if (controlPlanes === 0) return 'Choose at least one control plane.';
  if (controlPlanes === 1) return 'One control plane: enough to try, and the cluster is down while it is.';
  const borne = Math.floor((controlPlanes - 1) / 2);
  const even = controlPlanes % 2 === 0 ? ` An odd number bears as much with one machine less.` : '';
  return `${controlPlanes} control planes bear the loss of ${borne}.${even}`;
}
