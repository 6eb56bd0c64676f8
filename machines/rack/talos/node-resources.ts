import { talosVersionText, isAtLeast } from '#machines/os/talos/version.ts';
import { HARDWARE_TYPES, hardwareResources, type ResourceContent } from '#machines/agent/decide/hardware-resources.ts';
import { STATE_TYPES, stateResources } from '#machines/agent/decide/state-resources.ts';
import { hostnameOf, type Machine, PLAIN_TYPES } from './machine.ts';

const LINK = 'eth0';
const PREFIX = 16;

/** Conditions that keep a running machine from being ready, by Talos' names. */
export function unmetConditions({ config, services, domain }: Machine): readonly Condition[] {
  if (!config) return [];
  const isControlPlane = config.role === 'controlplane';
  const required = ['apid', 'machined', 'kubelet', ...(isControlPlane ? ['etcd', 'trustd'] : [])];
  const unwell = required.filter((id) => {
    const service = services.get(id);
    return service?.state !== 'Running' || service.healthy === false;
  });
  const isServed = domain?.isServed() ?? false;
  return [
    ...(unwell.length === 0 ? [] : [{ name: 'services', reason: `${unwell.join(', ')} not healthy` }]),
    ...(isControlPlane && !isServed ? [{ name: 'staticPods', reason: 'kube-apiserver not ready' }] : []),
    ...(isServed && !unwell.includes('kubelet') ? [] : [{ name: 'nodeReady', reason: 'node is not ready' }]),
  ];
}
type Condition = { readonly name: string; readonly reason: string };

export const isReady = (machine: Machine): boolean =>
  machine.stage === 'maintenance' || (machine.stage === 'running' && unmetConditions(machine).length === 0);

/** All resources of the machine as it is now. */
export function replaceResources(machine: Machine): void {
  machine.resources.replace(
    [...HARDWARE_TYPES, ...STATE_TYPES, ...PLAIN_TYPES.map(({ type }) => type)],
    [...hardwareResources(machine.inventory), ...stateOf(machine), ...plainOf(machine)],
  );
}

function stateOf(machine: Machine): readonly ResourceContent[] {
  const { address, commandLine, release } = machine.boot;
  const common = stateResources({
    hostname: hostnameOf(machine),
    addresses: [{ link: LINK, address, prefixLength: PREFIX, family: 'inet4' }],
    version: talosVersionText(release.version),
    commandLine,
    secureBoot: false,
    // Replaced below: a running machine has stages and conditions that an agent has not.
    stage: 'booting',
    ready: false,
  });
  const named: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    'MachineStatuses.runtime.talos.dev': {
      stage: machine.stage,
      status: {
        ready: isReady(machine),
        unmetConditions: machine.stage === 'maintenance' ? [] : unmetConditions(machine),
      },
    },
    'Versions.runtime.talos.dev': { name: 'Talos', version: talosVersionText(release.version) },
  };
  return common.map((content) => ({ ...content, spec: named[content.type] ?? content.spec }));
}

function plainOf(machine: Machine): readonly ResourceContent[] {
  const { boot, system, unattended, config, services } = machine;
  const { release, spec, address } = boot;
  const runtime = (type: string, id: string, content: ResourceContent['spec']): ResourceContent => ({
    namespace: 'runtime',
    type,
    id,
    spec: content,
  });
  const is14 = isAtLeast(release.version, 14);
  return [
    ...(system
      ? [runtime('SystemDisks.block.talos.dev', 'system-disk', { diskID: system.name, devPath: `/dev/${system.name}` })]
      : []),
    ...volumesOf(machine).map((id) =>
      runtime('VolumeStatuses.block.talos.dev', id, {
        phase: 'ready',
        location: `/dev/${system?.name ?? ''}`,
        encryptionProvider: 'none',
      }),
    ),
    ...machine.inventory.disks.flatMap((disk) => {
      const { name = '' } = disk;
      const labels = (disk.signatures ?? []).filter((one) => one.startsWith('gpt:')).map((one) => one.slice(4));
      const type = 'DiscoveredVolumes.block.talos.dev';
      return [
        runtime(type, name, {
          type: 'disk',
          dev_path: `/dev/${name}`,
          size: disk.bytes,
          ...(disk.signatures?.includes('gpt') ? { name: 'gpt' } : {}),
        }),
        ...labels.map((label, index) => {
          const id = /\d$/.test(name) ? `${name}p${index + 1}` : `${name}${index + 1}`;
          const about = { partition_label: label, partition_index: index + 1, parent: name };
          return runtime(type, id, { type: 'partition', dev_path: `/dev/${id}`, ...about });
        }),
      ];
    }),
    ...Object.entries(machine.meta).map(([tag, value]) =>
      runtime('MetaKeys.runtime.talos.dev', `0x${Number(tag).toString(16).padStart(2, '0')}`, { value }),
    ),
    runtime('ExtensionStatuses.runtime.talos.dev', '0', {
      image: 'schematic.sqsh',
      metadata: { name: 'schematic', version: release.schematic, author: 'simulated' },
    }),
    ...(is14
      ? [
          runtime('ImageFactorySchematics.runtime.talos.dev', 'image-factory-schematic', {
            schematicId: release.schematic,
            flavor: '',
            apiUrl: '',
          }),
        ]
      : []),
    ...(is14 && unattended
      ? [runtime('UnattendedInstallStatuses.runtime.talos.dev', 'unattended-install', unattendedSpec(unattended))]
      : []),
    runtime('PlatformMetadatas.runtime.talos.dev', 'platformmetadata', { platform: 'metal', instanceId: spec.uuid }),
    runtime('BootIDs.runtime.talos.dev', 'boot-id', { bootID: machine.bootId }),
    ...services.all().map(({ id, state, healthy }) =>
      runtime('Services.v1alpha1.talos.dev', id, {
        running: state === 'Running',
        healthy: healthy ?? true,
        unknown: healthy === undefined,
      }),
    ),
    ...['default', 'current', 'routed', 'accumulative'].map(
      (id): ResourceContent => ({
        namespace: 'network',
        type: 'NodeAddresses.net.talos.dev',
        id,
        spec: { addresses: [`${address}/${PREFIX}`] },
      }),
    ),
    ...(config
      ? [
          {
            namespace: 'config',
            type: 'MachineTypes.config.talos.dev',
            id: 'machine-type',
            spec: { machineType: config.role },
          },
          {
            namespace: 'cluster',
            type: 'Members.cluster.talos.dev',
            id: hostnameOf(machine),
            spec: {
              addresses: [address],
              hostname: hostnameOf(machine),
              machineType: config.role,
              operatingSystem: `Talos (${talosVersionText(release.version)})`,
            },
          },
        ]
      : []),
  ];
}

/** What is empty is left out, and so is the first of the phases. */
const unattendedSpec = (status: NonNullable<Machine['unattended']>): ResourceContent['spec'] =>
  Object.fromEntries(Object.entries(status).filter(([, value]) => value !== '' && value !== 'pending'));

/** Volumes of the system disk, once it is installed. */
export function volumesOf({ inventory, system }: Machine): readonly string[] {
  const disk = inventory.disks.find(({ name }) => name === system?.name);
  return (disk?.signatures ?? [])
    .filter((one) => /^gpt:(?:META|STATE|EPHEMERAL)$/.test(one))
    .map((one) => one.slice(4));
}
