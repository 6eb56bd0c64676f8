import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { useAsk } from '../api/queries.ts';
import { membersOf } from './members.ts';

/** Of which cluster a machine is a member. Who may not read clusters goes by what the machine told last. */
export function useClusterOf(machine: MachineResource): string | undefined {
  const { data, error } = useAsk('listClusters');
  if (error) {
    const told = machine.status.facts['talos.cluster']?.value;
    return typeof told === 'string' ? told : undefined;
  }
  return data?.items.find((one) => membersOf(one).some(({ name }) => name === machine.name))?.name;
}
