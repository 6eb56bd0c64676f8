import type { Inventory } from '../contract/inventory.ts';

const GIB = 2 ** 30;

/**
 * What the BMC says and the machine itself does not, or the other way round: drives that the operating system does not
 * see, memory that was disabled. Only what both sides can know is compared. In words, most telling first.
 */
export function inventoryDifferences(agent: Inventory, bmc: Inventory): readonly string[] {
  const found: string[] = [];
  const text = (what: string, own: string | undefined, others: string | undefined): void => {
    if (own === undefined || others === undefined || sameText(own, others)) return;
    found.push(`${what}: ${own} by the agent, ${others} by the BMC`);
  };
  text('serial', agent.system.serial, bmc.system.serial);
  text('UUID', agent.system.uuid, bmc.system.uuid);
  const [own, others] = [agent.memory?.totalBytes, bmc.memory?.totalBytes];
  // Firmware keeps some for itself.
  if (own !== undefined && others !== undefined && Math.abs(own - others) > Math.max(2 * GIB, others / 20)) {
    found.push(`memory: ${gib(own)} by the agent, ${gib(others)} by the BMC`);
  }
  if (agent.processors.length > 0 && bmc.processors.length > 0 && agent.processors.length !== bmc.processors.length) {
    found.push(`processors: ${agent.processors.length} by the agent, ${bmc.processors.length} by the BMC`);
  }
  const serials = (one: Inventory): readonly string[] =>
    one.disks.flatMap(({ serial, removable }) => (serial === undefined || removable ? [] : [serial.trim()]));
  const [seen, told] = [serials(agent), serials(bmc)];
  if (seen.length > 0 && told.length > 0) {
    const hidden = told.filter((serial) => !seen.includes(serial));
    const untold = seen.filter((serial) => !told.includes(serial));
    if (hidden.length > 0) found.push(`disks that only the BMC sees: ${hidden.join(', ')}`);
    if (untold.length > 0) found.push(`disks that only the agent sees: ${untold.join(', ')}`);
  }
  return found;
}

const sameText = (one: string, other: string): boolean => one.trim().toLowerCase() === other.trim().toLowerCase();
const gib = (bytes: number): string => `${Math.round(bytes / GIB)} GiB`;
