import type { Inventory } from '../contract/inventory.ts';

/** The newest inventory, for whoever asks between two readings. */
export type Hardware = { current(): Inventory | undefined; take(inventory: Inventory): void };

export function openHardware(): Hardware {
  let newest: Inventory | undefined;
  return {
    current: () => newest,
    take(inventory) {
      newest = inventory;
    },
  };
}
