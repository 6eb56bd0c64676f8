import type { ResourceContent } from './hardware-resources.ts';

type Definition = {
  readonly type: string;
  /** The message of its `proto_spec`, in machines/api/proto/resource-specs.proto. */
  readonly spec: string;
  readonly namespace: string;
  readonly aliases: readonly string[];
  readonly columns: Readonly<Record<string, string>>;
};

/** All types that the agent has, with what a table of them shows. */
export const DEFINITIONS: readonly Definition[] = [
  {
    type: 'Disks.block.talos.dev',
    spec: 'Disk',
    namespace: 'runtime',
    aliases: ['disk', 'disks'],
    columns: {
      Size: '{.pretty_size}',
      'Read Only': '{.readonly}',
      Transport: '{.transport}',
      Model: '{.model}',
      Serial: '{.serial}',
    },
  },
  {
    type: 'SystemInformations.hardware.talos.dev',
    spec: 'SystemInformation',
    namespace: 'hardware',
    aliases: ['systeminformation', 'systeminformations'],
    columns: {
      Manufacturer: '{.manufacturer}',
      ProductName: '{.productName}',
      Serial: '{.serialnumber}',
      UUID: '{.uuid}',
    },
  },
  {
    type: 'Processors.hardware.talos.dev',
    spec: 'Processor',
    namespace: 'hardware',
    aliases: ['processor', 'processors', 'cpus', 'cpu'],
    columns: {
      Manufacturer: '{.manufacturer}',
      Model: '{.productName}',
      Cores: '{.coreCount}',
      Threads: '{.threadCount}',
    },
  },
  {
    type: 'MemoryModules.hardware.talos.dev',
    spec: 'MemoryModule',
    namespace: 'hardware',
    aliases: ['memorymodule', 'memorymodules', 'ram'],
    columns: { Manufacturer: '{.manufacturer}', Model: '{.productName}', SizeMiB: '{.sizeMiB}' },
  },
  {
    type: 'PCIDevices.hardware.talos.dev',
    spec: 'PCIDevice',
    namespace: 'hardware',
    aliases: ['pcidevice', 'pcidevices', 'devices', 'device'],
    columns: { Vendor: '{.vendor_id}', Product: '{.product}', Driver: '{.driver}' },
  },
  {
    type: 'LinkStatuses.net.talos.dev',
    spec: 'LinkStatus',
    namespace: 'network',
    aliases: ['link', 'links', 'linkstatus', 'linkstatuses'],
    columns: { Kind: '{.kind}', 'Hw Addr': '{.hardwareAddr}', 'Link State': '{.linkState}', Driver: '{.driver}' },
  },
  {
    type: 'AddressStatuses.net.talos.dev',
    spec: 'AddressStatus',
    namespace: 'network',
    aliases: ['address', 'addresses', 'addressstatus', 'addressstatuses'],
    columns: { Address: '{.address}', Link: '{.linkName}' },
  },
  {
    type: 'HostnameStatuses.net.talos.dev',
    spec: 'HostnameStatus',
    namespace: 'network',
    aliases: ['hostname', 'hostnamestatus', 'hostnamestatuses'],
    columns: { Hostname: '{.hostname}' },
  },
  {
    type: 'MachineStatuses.runtime.talos.dev',
    spec: 'MachineStatus',
    namespace: 'runtime',
    aliases: ['machinestatus', 'machinestatuses'],
    columns: { Stage: '{.stage}', Ready: '{.status.ready}' },
  },
  {
    type: 'Versions.runtime.talos.dev',
    spec: 'Version',
    namespace: 'runtime',
    aliases: ['version', 'versions'],
    columns: { Version: '{.version}' },
  },
  {
    type: 'KernelCmdlines.runtime.talos.dev',
    spec: 'KernelCmdline',
    namespace: 'runtime',
    aliases: ['cmdline', 'kernelcmdline', 'kernelcmdlines'],
    columns: { Cmdline: '{.cmdline}' },
  },
  {
    type: 'SecurityStates.talos.dev',
    spec: 'SecurityState',
    namespace: 'runtime',
    aliases: ['securitystate', 'securitystates'],
    columns: { SecureBoot: '{.secureBoot}' },
  },
];

const META = 'meta';
export const DEFINITION_TYPE = 'ResourceDefinitions.meta.cosi.dev';
export const NAMESPACE_TYPE = 'Namespaces.meta.cosi.dev';

const META_DEFINITIONS: readonly Definition[] = [
  {
    type: DEFINITION_TYPE,
    spec: 'ResourceDefinition',
    namespace: META,
    aliases: ['rd', 'rds', 'resourcedefinition', 'resourcedefinitions'],
    columns: { Aliases: '{.aliases[:]}' },
  },
  { type: NAMESPACE_TYPE, spec: 'Namespace', namespace: META, aliases: ['ns', 'namespace', 'namespaces'], columns: {} },
];

/** The name of the message that a type's `proto_spec` holds. */
export function specMessage(type: string): string | undefined {
  const found = [...DEFINITIONS, ...META_DEFINITIONS].find((definition) => definition.type === type);
  return found && `specs.${found.spec}`;
}

/** What tells a tool which types there are, by which words and in which namespaces. */
export function metaResources(): readonly ResourceContent[] {
  const all = [...DEFINITIONS, ...META_DEFINITIONS];
  const namespaces = new Set(all.map((definition) => definition.namespace));
  return [
    ...all.map((definition) => ({
      namespace: META,
      type: DEFINITION_TYPE,
      id: definition.type.toLowerCase(),
      spec: {
        type: definition.type,
        displayType: singular(definition.type.split('.')[0] ?? ''),
        aliases: definition.aliases,
        allAliases: [...new Set([...definition.aliases, ...dottedNames(definition.type.toLowerCase())])],
        printColumns: Object.entries(definition.columns).map(([name, jsonPath]) => ({ name, jsonPath })),
        defaultNamespace: definition.namespace,
      },
    })),
    ...[...namespaces].map((id) => ({ namespace: META, type: NAMESPACE_TYPE, id, spec: { description: '' } })),
  ];
}

/** `disks`, `disks.block`, `disks.block.talos`, `disks.block.talos.dev`. */
const dottedNames = (type: string): string[] =>
  type.split('.').map((_part, index, parts) => parts.slice(0, index + 1).join('.'));

const singular = (word: string): string => word.replace(/(?<=us)es$|s$/, '');
