import type { Inventory } from '../../contract/inventory.ts';
import { nameOf } from './decide/clean-text.ts';
import { isGpu, isWorthALine, pciVendor, plainPciName } from './decide/pci-names.ts';
import { readText } from '../read-text.ts';
import type { Source } from './source.ts';
import { known } from './wire/known.ts';
import { decodePciIds, type PciNames } from './wire/pci-ids.ts';

type PciDevice = Inventory['pci'][number];

/** Where distributions keep the list, the usual one first. */
const LISTS = ['/usr/share/misc/pci.ids', '/usr/share/hwdata/pci.ids'] as const;
const MAX_DEVICES = 4096;

export type Pci = {
  readonly pci: readonly PciDevice[];
  readonly gpus: readonly string[];
  /** Vendor and product of the device at an address, whatever its class. */
  readonly named: (address: string) => { readonly vendor?: string; readonly product?: string };
};

/** The PCI devices of this machine that are worth a line, named from `pci.ids` where the image has one. */
export async function readPci(source: Source): Promise<Pci> {
  const addresses = (await source.names('/sys/bus/pci/devices')).slice(0, MAX_DEVICES);
  const found = await Promise.all(addresses.map((address) => readDevice(source, address)));
  const devices = found.flatMap((device) => device ?? []);
  const names = await readNames(source, new Set(devices.map(({ vendorId }) => vendorId)));
  const named = devices.map((device) => ({ ...device, ...namesOf(device, names) }));
  return {
    pci: named
      .filter((device) => isWorthALine(device.class))
      .map(({ vendor, product, driver, ...device }) => ({
        ...device,
        ...known({
          name:
            product === undefined
              ? plainPciName(device.class, device.vendorId, device.deviceId)
              : nameOf(`${vendor ?? ''} ${product}`),
          driver,
        }),
      })),
    gpus: named
      .filter((device) => isGpu(device.class, device.vendorId))
      .slice(0, 256)
      .map(
        ({ vendor, product, ...device }) =>
          (product === undefined ? undefined : nameOf(`${vendor ?? ''} ${product}`)) ??
          plainPciName(device.class, device.vendorId, device.deviceId),
      ),
    named(address) {
      const device = named.find((one) => one.address === address);
      return known({ vendor: device?.vendor, product: device?.product });
    },
  };
}

type Device = {
  readonly address: string;
  readonly class: string;
  readonly vendorId: string;
  readonly deviceId: string;
  readonly driver?: string | undefined;
};

async function readDevice(source: Source, address: string): Promise<Device | undefined> {
  const at = `/sys/bus/pci/devices/${address}`;
  const [pciClass, vendor, device, driver] = await Promise.all([
    source.line(`${at}/class`),
    source.line(`${at}/vendor`),
    source.line(`${at}/device`),
    source.link(`${at}/driver`),
  ]);
  const digits = (text: string | undefined, count: number): string | undefined =>
    new RegExp(`^0x([0-9a-f]{${count}})`, 'i').exec(text ?? '')?.[1]?.toLowerCase();
  const classIs = digits(pciClass, 4);
  const vendorId = digits(vendor, 4);
  const deviceId = digits(device, 4);
  if (classIs === undefined || vendorId === undefined || deviceId === undefined) return undefined;
  return { address, class: classIs, vendorId, deviceId, driver };
}

async function readNames(source: Source, vendors: ReadonlySet<string>): Promise<PciNames> {
  if (vendors.size === 0) return new Map();
  for (const path of LISTS) {
    const text = await readText(source.host, path);
    if (text !== undefined) return decodePciIds(text, vendors);
  }
  return new Map();
}

function namesOf(
  { vendorId, deviceId }: Device,
  names: PciNames,
): { readonly vendor?: string; readonly product?: string } {
  const listed = names.get(vendorId);
  return known({
    vendor: nameOf(listed?.name) ?? pciVendor(vendorId),
    product: nameOf(listed?.devices.get(deviceId)),
  });
}
