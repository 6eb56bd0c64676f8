import { isPlaceholderSerial } from '#machines/decide/identity.ts';
import type { Inventory, InventorySensor } from '#machines/contract/inventory.ts';
import type { BmcIdentity, BmcStatus } from '#machines/contract/power.ts';
import type { ChassisStatus } from '../wire/chassis.ts';
import type { DeviceId } from '../wire/device.ts';
import type { Fru } from '../wire/fru.ts';
import { guidUuid } from './guid.ts';
import { vendorName } from './vendor.ts';

/** One line of at most 255 characters; undefined for what nobody filled in. */
export function plainText(text: string | undefined): string | undefined {
  const plain = (text ?? '')
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 255)
    .toWellFormed();
  return plain === '' || isPlaceholderSerial(plain) ? undefined : plain;
}

/** Without what is undefined: an absent fact is no fact. */
function known<K extends string, T>(facts: { readonly [_ in K]: T | undefined }): { [_ in K]?: T } {
  const kept: { [_ in K]?: T } = {};
  for (const key in facts) {
    const value = facts[key];
    if (value !== undefined) kept[key] = value;
  }
  return kept;
}

/** Chassis status tells faults, and nothing of all that is well: health stays open where it names none. */
export function statusOf(chassis: ChassisStatus): BmcStatus {
  const isCritical = chassis.hasOverload || chassis.hasPowerFault;
  const isWarning = chassis.hasDriveFault || chassis.hasFanFault;
  return {
    power: chassis.isOn ? 'on' : 'off',
    ...(isCritical ? { health: 'critical' as const } : isWarning ? { health: 'warning' as const } : {}),
    ...(chassis.isIdentifying === undefined ? {} : { identifying: chassis.isIdentifying }),
  };
}

export type HardwareFacts = {
  readonly device?: DeviceId | undefined;
  readonly guid?: Uint8Array | undefined;
  readonly fru?: Fru | undefined;
  readonly address?: string | undefined;
  readonly mac?: string | undefined;
  readonly watts?: number | undefined;
  readonly sensors?: readonly InventorySensor[] | undefined;
  readonly health?: BmcStatus['health'] | undefined;
  readonly gaps: readonly string[];
};

/** Who the machine is. The MAC that a BMC tells is its own, and joins it to no machine. */
export function identityOf({ device, guid, fru }: HardwareFacts): BmcIdentity {
  const { manufacturer, product, serial } = systemOf(fru);
  return {
    ...known({ manufacturer, product, serial, uuid: guid && guidUuid(guid) }),
    ...known({ bmcVendor: device && vendorName(device.manufacturer), bmcVersion: device?.firmware }),
    macs: [],
  };
}

/** The product area names the machine, where it is filled; the board is what else there is. */
function systemOf(fru: Fru | undefined) {
  const { chassis, board, product } = fru ?? {};
  return {
    manufacturer: plainText(product?.manufacturer) ?? plainText(board?.manufacturer),
    product: plainText(product?.name) ?? plainText(board?.product),
    version: plainText(product?.version),
    serial: plainText(product?.serial) ?? plainText(chassis?.serial),
    assetTag: plainText(product?.assetTag),
  };
}

/** `at`: milliseconds since the epoch. */
export function inventoryOf(facts: HardwareFacts, at: number): Inventory {
  const { device, guid, fru, address, mac, watts, sensors = [], health } = facts;
  const board = known({
    manufacturer: plainText(fru?.board?.manufacturer),
    product: plainText(fru?.board?.product),
    serial: plainText(fru?.board?.serial),
  });
  const maker = device && vendorName(device.manufacturer);
  const model = maker && `${maker} ${device.product.toString(16).padStart(4, '0')}`;
  const gaps = [...facts.gaps, ...(fru?.broken ?? []), 'IPMI tells no processors, memory, disks or network cards'];
  return {
    source: 'bmc',
    at,
    system: known({ ...systemOf(fru), uuid: guid && guidUuid(guid) }),
    ...(Object.keys(board).length > 0 ? { board } : {}),
    bmc: known({ address, mac, model, version: device?.firmware }),
    processors: [],
    disks: [],
    nics: [],
    pci: [],
    gpus: [],
    ...(health ? { health } : {}),
    ...(watts === undefined ? {} : { powerWatts: watts }),
    ...(sensors.length > 0 ? { sensors: [...sensors] } : {}),
    gaps: gaps.slice(0, 256).map((gap) => plainText(gap) ?? 'unknown'),
  };
}
