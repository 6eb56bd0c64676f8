import type { Inventory } from '../../contract/inventory.ts';
import type { MacAddress } from '../../values/mac-address.ts';
import type { Host } from '../host.ts';
import { readBmc } from './read-bmc.ts';
import { readDisks } from './read-disks.ts';
import { readFirmware } from './read-firmware.ts';
import { readLinks } from './read-links.ts';
import { readNics } from './read-nics.ts';
import { readPci } from './read-pci.ts';
import { readMemory, readProcessors } from './read-processors.ts';
import { readSmbios, readSystem } from './read-system.ts';
import { openSource } from './source.ts';

/** Switches send every 30 s by default (802.1AB-2016 §9.2.5.7). */
export const LLDP_MS = 32_000;

/**
 * Everything that this machine is made of, as far as it lets itself be read. What could not be read is a line in `gaps`;
 * it rejects only when `signal` aborts. Each tool has a time of its own, so that a broken drive or BMC costs seconds.
 * Disks are opened for reading only.
 *
 * Listening for the switches at the other ends takes up to `lldpMs`; 0, the default, does not listen: whoever wants
 * both the rest soon and the neighbours later reads twice.
 */
export async function readInventory(parts: {
  readonly host: Host;
  readonly bootMac: MacAddress;
  readonly signal: AbortSignal;
  readonly lldpMs?: number;
}): Promise<Inventory> {
  const { host, bootMac, signal, lldpMs = 0 } = parts;
  const source = openSource({ host, signal });
  const smbios = await readSmbios(source);
  const [links, devices] = await Promise.all([readLinks(source), readPci(source)]);
  const [system, firmware, processors, memory, disks, nics, bmc] = await Promise.all([
    readSystem(source, smbios),
    readFirmware(source),
    readProcessors(source, smbios),
    readMemory(source, smbios),
    readDisks(source, smbios?.places),
    readNics(source, { links, pci: devices, bootMac, lldpMs }),
    readBmc(source, smbios),
  ]);
  signal.throwIfAborted();
  const health = worstOf(disks.map((disk) => disk.health));
  return {
    source: 'agent',
    at: host.now(),
    ...system,
    ...firmware,
    ...(bmc === undefined ? {} : { bmc }),
    processors: [...processors],
    ...(memory === undefined ? {} : { memory }),
    disks: [...disks],
    nics: [...nics],
    pci: [...devices.pci],
    gpus: [...devices.gpus],
    ...(health === undefined ? {} : { health }),
    // Sources are read side by side: the same machine tells the same all the same.
    gaps: source.gaps.toSorted(),
  };
}

type Health = NonNullable<Inventory['health']>;

function worstOf(healths: readonly (Health | undefined)[]): Health | undefined {
  return (['critical', 'warning', 'ok'] as const).find((one) => healths.includes(one));
}
