import type { Inventory } from '../contract/inventory.ts';
import type { MacAddress } from '../values/mac-address.ts';
import { HARDWARE_TYPES, hardwareResources } from './decide/hardware-resources.ts';
import type { Hardware } from './hardware.ts';
import type { Host } from './host.ts';
import type { Resources } from './resources.ts';

/** Reads all of the hardware; takes seconds, opens nothing for writing. */
export type ReadInventory = (parts: {
  readonly host: Host;
  readonly bootMac: MacAddress;
  readonly signal: AbortSignal;
}) => Promise<Inventory>;

/** What tells machines apart, read in a moment. */
export type ReadIdentity = (host: Host) => Promise<{
  /** Permanent addresses of all physical NICs. */
  readonly macs: readonly string[];
  readonly uuid?: string | undefined;
  readonly serial?: string | undefined;
}>;

/** Reads the hardware anew for whoever asks; those who ask meanwhile get the same reading. */
export type HardwareReader = { read(): Promise<Inventory> };

export function openHardwareReader(parts: {
  readonly host: Host;
  readonly bootMac: MacAddress;
  readonly hardware: Hardware;
  readonly resources: Resources;
  readonly readInventory: ReadInventory;
  readonly signal: AbortSignal;
}): HardwareReader {
  const { host, bootMac, hardware, resources, signal } = parts;
  let reading: Promise<Inventory> | undefined;
  async function read(): Promise<Inventory> {
    const inventory = await parts.readInventory({ host, bootMac, signal });
    hardware.take(inventory);
    resources.replace(HARDWARE_TYPES, hardwareResources(inventory));
    return inventory;
  }
  return {
    read() {
      reading ??= read().finally(() => {
        reading = undefined;
      });
      return reading;
    },
  };
}
