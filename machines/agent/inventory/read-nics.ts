import type { InventoryNic } from '../../contract/inventory.ts';
import type { MacAddress } from '../../values/mac-address.ts';
import type { Link } from './read-links.ts';
import { readNeighbour } from './read-neighbours.ts';
import type { Pci } from './read-pci.ts';
import type { Source } from './source.ts';
import { known } from './wire/known.ts';

/** The NICs with what their links say. `lldpMs` 0 does not listen for neighbours. */
export async function readNics(
  source: Source,
  parts: {
    readonly links: readonly Link[];
    readonly pci: Pick<Pci, 'named'>;
    readonly bootMac: MacAddress;
    readonly lldpMs: number;
  },
): Promise<readonly InventoryNic[]> {
  const { links, pci, bootMac, lldpMs } = parts;
  if (links.length > 0 && lldpMs === 0) source.gap('LLDP: this reading did not listen for switches');
  return Promise.all(
    links.slice(0, 1024).map(async ({ name, mac, permanentMac, driver, pci: address }): Promise<InventoryNic> => {
      const at = `/sys/class/net/${name}`;
      // A link that was never brought up does not know; the kernel then refuses the read.
      const [carrier, speed] = await Promise.all([source.number(`${at}/carrier`), source.number(`${at}/speed`)]);
      const neighbour = lldpMs > 0 && carrier === 1 ? await readNeighbour(source, name, lldpMs) : undefined;
      return {
        name,
        mac,
        ...known({
          permanentMac,
          driver,
          // -1 and its unsigned twin are said for unknown.
          speedMbit: speed !== undefined && speed > 0 && speed <= 1_000_000 ? speed : undefined,
          linkUp: carrier === undefined ? undefined : carrier === 1,
          pci: address,
          ...(address === undefined ? {} : pci.named(address)),
          neighbour,
          booted: mac === bootMac || permanentMac === bootMac ? true : undefined,
        }),
      };
    }),
  );
}
