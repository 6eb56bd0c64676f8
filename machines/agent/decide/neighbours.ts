import type { Inventory, InventoryNic } from '../../contract/inventory.ts';

/** The switch ports at the other ends, by the MACs of the NICs. */
export type Neighbours = ReadonlyMap<string, NonNullable<InventoryNic['neighbour']>>;

export const neighboursOf = ({ nics }: Inventory): Neighbours =>
  new Map(nics.flatMap(({ mac, neighbour }) => (neighbour === undefined ? [] : [[mac, neighbour]])));

/** A reading that did not listen, with what was heard before: a cable is not moved by reading the hardware again. */
export const withNeighbours = (inventory: Inventory, heard: Neighbours): Inventory => ({
  ...inventory,
  nics: inventory.nics.map((nic) => {
    const neighbour = nic.neighbour ?? heard.get(nic.mac);
    return neighbour === undefined || nic.linkUp === false ? nic : { ...nic, neighbour };
  }),
  gaps: inventory.gaps.filter((gap) => !gap.startsWith('LLDP: this reading did not listen')),
});
