import type { Inventory, InventoryDisk, InventoryNic } from '#machines/contract/inventory.ts';
import { isPlaceholderSerial } from '#machines/decide/identity.ts';
import { isMachineMac, parseMacAddress } from '#machines/values/mac-address.ts';
import type { z } from 'zod';
import type {
  Chassis,
  drive,
  ethernetInterface,
  Manager,
  memoryModule,
  networkAdapter,
  networkDeviceFunction,
  pcieDevice,
  pcieFunction,
  port,
  processor,
  ServiceRoot,
  simpleStorage,
  System,
  volume,
} from './resources.ts';
import { healthOf } from './state.ts';

/** What was read of a machine's parts, each as its BMC tells it. */
export type Parts = {
  readonly root: ServiceRoot;
  readonly system: System;
  readonly chassis?: Chassis | undefined;
  readonly manager?: Manager | undefined;
  readonly managerMacs: readonly string[];
  readonly secureBoot?: string | undefined;
  readonly processors: readonly z.output<typeof processor>[];
  readonly memory: readonly z.output<typeof memoryModule>[];
  readonly drives: readonly z.output<typeof drive>[];
  readonly volumes: readonly z.output<typeof volume>[];
  readonly simple: readonly z.output<typeof simpleStorage>[];
  readonly interfaces: readonly z.output<typeof ethernetInterface>[];
  readonly adapters: readonly AdapterParts[];
  readonly pci: readonly {
    readonly device: z.output<typeof pcieDevice>;
    readonly functions: readonly z.output<typeof pcieFunction>[];
  }[];
};

export type AdapterParts = {
  readonly adapter: z.output<typeof networkAdapter>;
  readonly functions: readonly z.output<typeof networkDeviceFunction>[];
  readonly ports: readonly z.output<typeof port>[];
};

const MIB = 1 << 20;
const GIB = 1024 * MIB;

/** Out of band: slots and serial numbers of a machine that may be off; nothing of what its kernel would say. */
export function inventoryOf(
  parts: Parts,
  at: {
    readonly at: number;
    readonly address: string;
    readonly powerWatts: number | undefined;
    readonly gaps: readonly string[];
  },
): Inventory {
  const { root, system, chassis, manager } = parts;
  const isDell = (root.Vendor ?? system.Manufacturer ?? '').toLowerCase().startsWith('dell');
  const [bmcMac] = parts.managerMacs.flatMap((mac) => macOf(mac) ?? []);
  const boardSerial = isDell ? system.SerialNumber : chassis?.Oem?.Supermicro?.BoardSerialNumber;
  return {
    source: 'bmc',
    at: at.at,
    system: {
      manufacturer: printed(system.Manufacturer),
      product: printed(system.Model),
      // Dell's service tag, which its SMBIOS calls the serial number, stands in SKU; SerialNumber is the board's.
      serial: printed(isDell ? (system.SKU ?? system.SerialNumber) : system.SerialNumber),
      sku: printed(system.SKU),
      assetTag: printed(system.AssetTag),
      uuid: system.UUID?.toLowerCase(),
    },
    ...(printed(boardSerial) === undefined ? {} : { board: { serial: printed(boardSerial) } }),
    ...(system.BiosVersion === undefined ? {} : { bios: { version: system.BiosVersion } }),
    bmc: { address: at.address, mac: bmcMac, model: manager?.Model, version: manager?.FirmwareVersion },
    ...(parts.secureBoot === undefined ? {} : { secureBoot: parts.secureBoot === 'Enabled' }),
    ...tpmOf(system),
    processors: parts.processors.filter(isFitted).filter(isCpu).slice(0, 1024).map(processorOf),
    ...memoryOf(parts),
    disks: [...disksOf(parts), ...volumesOf(parts.volumes)].slice(0, 4096),
    nics: nicsOf(parts).slice(0, 1024),
    pci: parts.pci.flatMap(pciOf).slice(0, 4096),
    gpus: gpusOf(parts).slice(0, 256),
    health: healthOf(system.Status),
    powerWatts: at.powerWatts,
    gaps: at.gaps.slice(0, 256).map((gap) => gap.slice(0, 255)),
  };
}

type Fitted = { readonly Status?: System['Status'] };
const isFitted = ({ Status }: Fitted): boolean => Status?.State !== 'Absent';
const isCpu = ({ ProcessorType: type }: { readonly ProcessorType?: string | undefined }): boolean =>
  type === undefined || type === 'CPU';

/** Numbers that no part can have are how some firmware says that it does not know. */
function count(value: number | undefined): number | undefined {
  const whole = Math.round(value ?? Number.NaN);
  return Number.isSafeInteger(whole) && whole >= 0 && whole <= 1_000_000 ? whole : undefined;
}

function bytesOf(value: number | undefined, unit = 1): number | undefined {
  const whole = Math.round((value ?? Number.NaN) * unit);
  return Number.isSafeInteger(whole) && whole > 0 ? whole : undefined;
}

/** What is printed on a part, and not what stands there when nothing was. */
export const printed = (text: string | undefined): string | undefined =>
  text === undefined || isPlaceholderSerial(text) ? undefined : text;

function processorOf(one: Parts['processors'][number]): Inventory['processors'][number] {
  return {
    socket: one.Socket,
    model: one.Model,
    vendor: one.Manufacturer,
    cores: count(one.TotalCores),
    threads: count(one.TotalThreads),
    maxMhz: count(one.MaxSpeedMHz),
  };
}

function memoryOf({ memory, system }: Parts): Pick<Inventory, 'memory'> {
  const modules = memory.filter(isFitted).flatMap((one) => {
    const bytes = bytesOf(one.CapacityMiB, MIB);
    if (bytes === undefined) return [];
    return [
      {
        slot: one.DeviceLocator ?? one.Name,
        bytes,
        type: one.MemoryDeviceType,
        mhz: count(one.OperatingSpeedMhz),
        manufacturer: printed(one.Manufacturer),
        serial: printed(one.SerialNumber),
        part: printed(one.PartNumber),
      },
    ];
  });
  const sum = modules.reduce((total, { bytes }) => total + bytes, 0);
  const totalBytes = sum > 0 ? sum : bytesOf(system.MemorySummary?.TotalSystemMemoryGiB, GIB);
  return totalBytes === undefined ? {} : { memory: { totalBytes, modules: modules.slice(0, 1024) } };
}

function disksOf({ drives, simple }: Parts): readonly InventoryDisk[] {
  const whole = drives.filter(isFitted).flatMap((one): readonly InventoryDisk[] => {
    const bytes = bytesOf(one.CapacityBytes);
    if (bytes === undefined) return [];
    return [
      {
        model: one.Model ?? one.Name,
        serial: printed(one.SerialNumber),
        wwn: wwnOf(one.Identifiers),
        bytes,
        sectorBytes: count(one.BlockSizeBytes),
        rotational: rotationalOf(one.MediaType),
        transport: transportOf(one.Protocol),
        removable: false,
        readonly: false,
        firmware: one.FirmwareVersion ?? one.Revision,
        location: one.PhysicalLocation?.PartLocation?.ServiceLabel ?? one.Name,
        health: one.FailurePredicted === true ? 'critical' : healthOf(one.Status),
        healthText: wearOf(one),
        signatures: [],
      },
    ];
  });
  if (whole.length > 0) return whole;
  // SimpleStorage is what there was before Storage; a service that has both tells of the same disks twice.
  return simple.flatMap(({ Devices }) =>
    Devices.filter(isFitted).flatMap((one): readonly InventoryDisk[] => {
      const bytes = bytesOf(one.CapacityBytes);
      if (bytes === undefined) return [];
      const model = one.Model ?? one.Name;
      return [{ model, bytes, removable: false, readonly: false, health: healthOf(one.Status), signatures: [] }];
    }),
  );
}

/** What a RAID controller shows to the system instead of its drives. A volume of one raw drive is that drive. */
function volumesOf(volumes: Parts['volumes']): readonly InventoryDisk[] {
  return volumes.flatMap((one): readonly InventoryDisk[] => {
    const bytes = bytesOf(one.CapacityBytes);
    const level = one.RAIDType ?? one.VolumeType;
    if (bytes === undefined || level === undefined || /^(?:None|RawDevice)$/.test(level)) return [];
    const drives = one.Links?.Drives.length ?? 0;
    return [
      {
        model: `Volume ${level}`,
        wwn: wwnOf(one.Identifiers),
        bytes,
        sectorBytes: count(one.BlockSizeBytes),
        removable: false,
        readonly: false,
        location: one.Name,
        health: healthOf(one.Status),
        healthText: drives > 0 ? `of ${drives} drives` : undefined,
        signatures: [],
      },
    ];
  });
}

function wwnOf(identifiers: Parts['drives'][number]['Identifiers']): string | undefined {
  for (const { DurableNameFormat: format, DurableName: name } of identifiers) {
    if (name === undefined || isPlaceholderSerial(name)) continue;
    const plain = name.replace(/^0x/i, '');
    const hex = plain.replace(/^(?:naa|eui)\.|[-:]/gi, '').toLowerCase();
    if (!/^(?:[\da-f]{16}|[\da-f]{32})$/.test(hex)) return name;
    if (format === 'NAA' || /^naa\./i.test(plain)) return `naa.${hex}`;
    return format === 'EUI' || /^eui\./i.test(plain) ? `eui.${hex}` : name;
  }
  return undefined;
}

function rotationalOf(media: string | undefined): boolean | undefined {
  if (media === 'HDD' || media === 'SMR') return true;
  return media === 'SSD' ? false : undefined;
}

/** By the kernel's word. NVMe drives say PCIe on some services. */
function transportOf(protocol: string | undefined): string | undefined {
  switch (protocol) {
    case 'PCIe':
    case 'NVMeOverFabrics':
      return 'nvme';
    case 'FCP':
    case 'FC':
      return 'fc';
    default:
      return protocol?.toLowerCase();
  }
}

function wearOf(one: Parts['drives'][number]): string | undefined {
  const left = one.PredictedMediaLifeLeftPercent;
  const said = [
    ...(one.FailurePredicted === true ? ['failure predicted'] : []),
    ...(left === undefined ? [] : [`${Math.round(left)} % of its life left`]),
  ];
  return said.length > 0 ? said.join(', ') : undefined;
}

const macOf = (text: string | undefined): string | undefined => {
  const mac = parseMacAddress(text ?? '');
  return mac.ok && isMachineMac(mac.value) ? mac.value : undefined;
};

/** EthernetInterfaces, which Cisco's blades have none of, and the functions and ports of the adapters, by address. */
export function nicsOf({ interfaces, adapters }: Pick<Parts, 'interfaces' | 'adapters'>): readonly InventoryNic[] {
  const nics = new Map<string, InventoryNic>();
  const put = (mac: string | undefined, nic: Omit<InventoryNic, 'mac'>): void => {
    if (mac === undefined) return;
    const known = nics.get(mac);
    const given = Object.fromEntries(Object.entries(nic).filter(([, value]) => value !== undefined));
    nics.set(mac, { ...given, ...known, mac });
  };
  for (const one of interfaces.filter(isFitted)) {
    const permanent = macOf(one.PermanentMACAddress);
    const mac = macOf(one.MACAddress) ?? permanent;
    put(mac, {
      name: one.Id !== undefined && !/^\d+$/.test(one.Id) ? one.Id : (one.Description ?? one.Name),
      permanentMac: permanent === mac ? undefined : permanent,
      speedMbit: positive(count(one.SpeedMbps)),
      linkUp: linkOf(one.LinkStatus),
    });
  }
  for (const { adapter, functions, ports } of adapters) {
    const card = { vendor: printed(adapter.Manufacturer), product: printed(adapter.Model ?? adapter.Name) };
    // Ids such as "1" are each card's own, so the card's name goes before them.
    const label = (id: string | undefined): string | undefined =>
      [adapter.Name, id]
        .filter((word) => word !== undefined)
        .join(' ')
        .slice(0, 255) || undefined;
    for (const one of functions) {
      const permanent = macOf(one.Ethernet?.PermanentMACAddress);
      const mac = macOf(one.Ethernet?.MACAddress) ?? permanent;
      put(mac, { ...card, name: label(one.Id), permanentMac: permanent === mac ? undefined : permanent });
    }
    for (const one of ports) {
      const addresses = one.Ethernet?.AssociatedMACAddresses ?? one.AssociatedNetworkAddresses ?? [];
      const gbps = one.CurrentSpeedGbps === undefined ? undefined : one.CurrentSpeedGbps * 1000;
      const speedMbit = positive(count(one.CurrentLinkSpeedMbps ?? gbps));
      for (const address of addresses.slice(0, 64)) {
        put(macOf(address), { ...card, name: label(one.Id), speedMbit, linkUp: linkOf(one.LinkStatus) });
      }
    }
  }
  return [...nics.values()];
}

const positive = (value: number | undefined): number | undefined => (value === 0 ? undefined : value);

function linkOf(status: string | undefined): boolean | undefined {
  if (status === 'LinkUp' || status === 'Up') return true;
  return status === 'LinkDown' || status === 'Down' || status === 'NoLink' ? false : undefined;
}

const CLASSES: Readonly<Record<string, string>> = {
  MassStorageController: '01',
  NetworkController: '02',
  DisplayController: '03',
  MultimediaController: '04',
  Bridge: '06',
  ProcessingAccelerators: '12',
};

/** By device and function as the BMC counts them: the kernel's addresses are not known out of band. */
function pciOf({ device, functions }: Parts['pci'][number]): Inventory['pci'] {
  const name = printed(device.Model) ?? device.Name;
  const id = device.Id ?? device.Name;
  if (id === undefined) return [];
  if (functions.length === 0) return [{ address: id, name }];
  return functions.map((one, index) => ({
    address: `${id.slice(0, 240)}.${count(one.FunctionId) ?? index}`,
    class: hex(one.ClassCode)?.slice(0, 6) ?? CLASSES[one.DeviceClass ?? ''],
    vendorId: hex(one.VendorId),
    deviceId: hex(one.DeviceId),
    name,
  }));
}

const hex = (text: string | undefined): string | undefined =>
  /^(?:0x)?(?<digits>[\da-f]{2,8})$/i.exec(text ?? '')?.groups?.['digits']?.toLowerCase();

/** The picture of the BMC itself is a display controller as well: ASPEED, Matrox. */
const BMC_DISPLAYS = new Set(['1a03', '102b']);

function gpusOf({ processors, pci }: Parts): readonly string[] {
  const asProcessors = processors
    .filter(isFitted)
    .filter(({ ProcessorType: type }) => type === 'GPU' || type === 'Accelerator')
    .map((one) => one.Model ?? one.Manufacturer ?? 'GPU');
  if (asProcessors.length > 0) return asProcessors;
  return pci
    .filter(({ functions }) =>
      functions.some(
        (one) =>
          /^(?:DisplayController|ProcessingAccelerators)$/.test(one.DeviceClass ?? '') &&
          !BMC_DISPLAYS.has(hex(one.VendorId) ?? ''),
      ),
    )
    .map(({ device }) => printed(device.Model) ?? device.Name ?? 'GPU');
}

function tpmOf({ TrustedModules: modules }: System): Pick<Inventory, 'tpm'> {
  if (!modules) return {};
  const found = modules.find((one) => isFitted(one) && one.Status?.State !== 'Disabled');
  if (!found) return { tpm: { present: false } };
  const version = /^T[PC]M(?<major>\d)_(?<minor>\d)$/.exec(found.InterfaceType ?? '')?.groups;
  return {
    tpm: { present: true, version: version ? `${version['major']}.${version['minor']}` : found.InterfaceType },
  };
}
