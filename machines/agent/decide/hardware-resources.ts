import type { Inventory, InventoryDisk, InventoryNic } from '../../contract/inventory.ts';

/** A resource before it is written down: where it belongs, and what it says. */
export type ResourceContent = {
  readonly namespace: string;
  readonly type: string;
  readonly id: string;
  readonly spec: Readonly<Record<string, unknown>>;
};

/** Types that `hardwareResources` gives all resources of. */
export const HARDWARE_TYPES = [
  'Disks.block.talos.dev',
  'LinkStatuses.net.talos.dev',
  'MemoryModules.hardware.talos.dev',
  'PCIDevices.hardware.talos.dev',
  'Processors.hardware.talos.dev',
  'SystemInformations.hardware.talos.dev',
] as const;

/** The hardware as the machine API's resources have it (names and keys are Talos'). */
export function hardwareResources(inventory: Inventory): readonly ResourceContent[] {
  return [
    ...inventory.disks.filter((disk) => disk.name !== undefined).map(diskResource),
    systemResource(inventory),
    ...inventory.processors.map((processor, index) => ({
      namespace: 'hardware',
      type: 'Processors.hardware.talos.dev',
      id: idOf(processor.socket ?? `CPU-${index}`),
      spec: known({
        socket: processor.socket,
        manufacturer: processor.vendor,
        productName: processor.model,
        maxSpeedMhz: processor.maxMhz,
        coreCount: processor.cores,
        coreEnabled: processor.cores,
        threadCount: processor.threads,
      }),
    })),
    ...(inventory.memory?.modules ?? []).map((module, index) => ({
      namespace: 'hardware',
      type: 'MemoryModules.hardware.talos.dev',
      id: idOf(module.slot ?? `DIMM-${index}`),
      spec: known({
        sizeMiB: Math.round(module.bytes / 2 ** 20),
        deviceLocator: module.slot,
        speed: module.mhz,
        manufacturer: module.manufacturer,
        serialNumber: module.serial,
        productName: module.part,
      }),
    })),
    ...inventory.pci.map((device) => ({
      namespace: 'hardware',
      type: 'PCIDevices.hardware.talos.dev',
      id: device.address,
      spec: known({
        product: device.name,
        class_id: device.class === undefined ? undefined : `0x${device.class.slice(0, 2)}`,
        subclass_id: device.class === undefined ? undefined : `0x${device.class.slice(2, 4)}`,
        vendor_id: device.vendorId,
        product_id: device.deviceId,
        driver: device.driver,
      }),
    })),
    ...inventory.nics.filter((nic) => nic.name !== undefined).map(linkResource),
  ];
}

function diskResource(disk: InventoryDisk): ResourceContent {
  return {
    namespace: 'runtime',
    type: 'Disks.block.talos.dev',
    id: disk.name ?? '',
    spec: known({
      dev_path: `/dev/${disk.name}`,
      size: disk.bytes,
      pretty_size: prettySize(disk.bytes),
      sector_size: disk.sectorBytes,
      io_size: disk.sectorBytes,
      readonly: disk.readonly,
      cdrom: /^sr\d/.test(disk.name ?? ''),
      model: disk.model,
      firmware_version: disk.firmware,
      serial: disk.serial,
      wwid: disk.wwn,
      bus_path: disk.location,
      transport: disk.transport,
      rotational: disk.rotational,
    }),
  };
}

function systemResource(inventory: Inventory): ResourceContent {
  const { system } = inventory;
  return {
    namespace: 'hardware',
    type: 'SystemInformations.hardware.talos.dev',
    id: 'systeminformation',
    spec: known({
      manufacturer: system.manufacturer,
      productName: system.product,
      version: system.version,
      biosVersion: inventory.bios?.version,
      serialnumber: system.serial,
      uuid: system.uuid,
      skuNumber: system.sku,
    }),
  };
}

function linkResource(nic: InventoryNic): ResourceContent {
  return {
    namespace: 'network',
    type: 'LinkStatuses.net.talos.dev',
    id: nic.name ?? '',
    spec: known({
      type: 'ether',
      // Empty: a physical one.
      kind: '',
      hardwareAddr: nic.mac,
      permanentAddr: nic.permanentMac ?? nic.mac,
      operationalState: nic.linkUp === undefined ? 'unknown' : nic.linkUp ? 'up' : 'down',
      linkState: nic.linkUp,
      busPath: nic.pci,
      driver: nic.driver,
      vendor: nic.vendor,
      product: nic.product,
      speedMbit: nic.speedMbit,
      // Left out they would be read as twisted pair and half duplex.
      port: 'Other',
      duplex: 'Unknown',
    }),
  };
}

/** Blanks in a slot's name become dashes. */
const idOf = (text: string): string => text.trim().replaceAll(/\s+/g, '-');

/** Decimal units, as drives are sold: `480 GB`, `1.9 TB`. */
export function prettySize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const known = (spec: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined));
