import type { Inventory } from '../../contract/inventory.ts';
import type { MacAddress } from '../../values/mac-address.ts';
import type { Host } from '../host.ts';
import { readLinks } from './read-links.ts';
import { readSmbios, readSystem } from './read-system.ts';
import { openSource } from './source.ts';

/**
 * Everything that this machine is made of, as far as it lets itself be read. What could not be read is a line in `gaps`;
 * it rejects only when `signal` aborts. Disks are opened for reading only.
 */
export async function readInventory({
  host,
  bootMac,
  signal,
}: {
  readonly host: Host;
  readonly bootMac: MacAddress;
  readonly signal: AbortSignal;
}): Promise<Inventory> {
  const source = openSource({ host, signal });
  const smbios = await readSmbios(source);
  const [system, links] = await Promise.all([readSystem(source, smbios), readLinks(source)]);
  return {
    source: 'agent',
    at: host.now(),
    ...system,
    processors: [],
    disks: [],
    nics: links.map(({ device: _, ...nic }) => ({ ...nic, booted: nic.mac === bootMac })),
    pci: [],
    gpus: [],
    gaps: [...source.gaps],
  };
}
