import { type Inventory, inventory } from '#machines/contract/inventory.ts';
import { rackHardware } from '../bmc/hardware.ts';
import type { MachineSpec } from '../spec.ts';
import { disksOf, type ThinDisks } from './thin-disks.ts';

/** What the agent reads on a machine of the rack: the hardware that its BMC tells of, and what is on its disks now. */
export async function nodeInventory(parts: {
  readonly spec: MachineSpec;
  readonly disks: ThinDisks;
  readonly now: number;
}): Promise<Inventory> {
  const { spec, disks, now } = parts;
  const hardware = rackHardware(spec);
  const { manufacturer, product, serial, uuid } = hardware;
  return inventory.parse({
    source: 'agent',
    at: now,
    system: { manufacturer, product, serial, uuid },
    board: { manufacturer, serial: hardware.boardSerial },
    bios: { version: hardware.biosVersion },
    firmware: hardware.firmware,
    processors: hardware.processors,
    memory: {
      totalBytes: hardware.memory.reduce((sum, { mib }) => sum + mib * 2 ** 20, 0),
      modules: hardware.memory.map(({ mib, ...module }) => ({ ...module, bytes: mib * 2 ** 20 })),
    },
    disks: await Promise.all(
      disksOf(spec).map(async (disk) => ({ ...disk, signatures: await disks.signatures(disk.name) })),
    ),
    nics: hardware.nics.map(({ mac, mbit }, index) => ({
      name: `eth${index}`,
      mac,
      speedMbit: mbit,
      linkUp: index === 0,
      booted: mac === spec.mac,
    })),
  });
}
