import type { ResourceContent } from './hardware-resources.ts';

/** What a machine is besides its hardware. */
export type AgentState = {
  readonly hostname: string;
  readonly addresses: readonly {
    readonly link: string;
    readonly address: string;
    readonly prefixLength: number;
    readonly family: 'inet4' | 'inet6';
  }[];
  readonly version: string;
  readonly commandLine: string;
  readonly secureBoot: boolean;
  readonly stage: 'booting' | 'maintenance' | 'rebooting' | 'shuttingDown';
  readonly ready: boolean;
};

/** Types that `stateResources` gives all resources of. */
export const STATE_TYPES = [
  'AddressStatuses.net.talos.dev',
  'HostnameStatuses.net.talos.dev',
  'MachineStatuses.runtime.talos.dev',
  'Versions.runtime.talos.dev',
  'KernelCmdlines.runtime.talos.dev',
  'SecurityStates.talos.dev',
] as const;

/** The same as resources. */
export function stateResources(state: AgentState): readonly ResourceContent[] {
  return [
    ...state.addresses.map(({ link, address, prefixLength, family }) => ({
      namespace: 'network',
      type: 'AddressStatuses.net.talos.dev',
      id: `${link}/${address}/${prefixLength}`,
      spec: { address: `${address}/${prefixLength}`, linkName: link, family },
    })),
    {
      namespace: 'network',
      type: 'HostnameStatuses.net.talos.dev',
      id: 'hostname',
      spec: { hostname: state.hostname, domainname: '' },
    },
    {
      namespace: 'runtime',
      type: 'MachineStatuses.runtime.talos.dev',
      id: 'machine',
      spec: { stage: state.stage, status: { ready: state.ready, unmetConditions: [] } },
    },
    {
      namespace: 'runtime',
      type: 'Versions.runtime.talos.dev',
      id: 'version',
      spec: { name: 'Ingot agent', version: state.version },
    },
    {
      namespace: 'runtime',
      type: 'KernelCmdlines.runtime.talos.dev',
      id: 'cmdline',
      spec: { cmdline: state.commandLine },
    },
    {
      namespace: 'runtime',
      type: 'SecurityStates.talos.dev',
      id: 'securitystate',
      spec: { secureBoot: state.secureBoot, bootedWithUKI: false },
    },
  ];
}
