import type { Inventory } from '../contract/inventory.ts';
import type { MacAddress } from '../values/mac-address.ts';
import { HARDWARE_TYPES, hardwareResources } from './decide/hardware-resources.ts';
import { type Neighbours, neighboursOf, withNeighbours } from './decide/neighbours.ts';
import type { Hardware } from './hardware.ts';
import type { Host } from './host.ts';
import { LLDP_MS } from './inventory/read-inventory.ts';
import type { Resources } from './resources.ts';

/** Reads all of the hardware, in seconds but for the time that it listens for switches; opens nothing for writing. */
export type ReadInventory = (parts: {
  readonly host: Host;
  readonly bootMac: MacAddress;
  readonly signal: AbortSignal;
  readonly lldpMs?: number;
}) => Promise<Inventory>;

/** What tells machines apart, read in a moment. */
export type ReadIdentity = (host: Host) => Promise<{
  /** Permanent addresses of all physical NICs. */
  readonly macs: readonly string[];
  readonly uuid?: string | undefined;
  readonly serial?: string | undefined;
}>;

/** Reads the hardware anew for whoever asks; those who ask meanwhile get the same reading. */
export type HardwareReader = {
  read(): Promise<Inventory>;
  /**
   * Listens for the switches at the other ends, once in a boot, beside everything else; readings from then on have them.
   * False where that has been done. Rejects where it could not be done, and may then be tried again.
   */
  listen(): Promise<boolean>;
};

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
  let listening: Promise<boolean> | undefined;
  let heard: Neighbours | undefined;

  function take(inventory: Inventory): Inventory {
    hardware.take(inventory);
    resources.replace(HARDWARE_TYPES, hardwareResources(inventory));
    return inventory;
  }
  async function read(): Promise<Inventory> {
    const inventory = await parts.readInventory({ host, bootMac, signal });
    return take(heard ? withNeighbours(inventory, heard) : inventory);
  }
  async function listen(): Promise<boolean> {
    const inventory = await parts.readInventory({ host, bootMac, signal, lldpMs: LLDP_MS });
    heard = neighboursOf(inventory);
    // What was read meanwhile is newer in all else.
    take(withNeighbours(hardware.current() ?? inventory, heard));
    return true;
  }
  return {
    read() {
      reading ??= read().finally(() => {
        reading = undefined;
      });
      return reading;
    },
    listen() {
      if (heard) return Promise.resolve(false);
      listening ??= listen().finally(() => {
        listening = undefined;
      });
      return listening;
    },
  };
}
