import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Ipv4 } from '../values/ip-address.ts';
import { BMC_PORTS, type BmcPorts } from './bmc/start-bmc.ts';
import { freePort } from './free-port.ts';

const FILE = 'bmc-ports.json';
const ports = z.object({ redfish: z.number(), ipmi: z.number() });

/**
 * The ports of a rack's BMCs, all alike: those that are usual, or others that are free at `address` where another rack
 * has these. Whatever documents were made with them has to be right when the rack is run, so they are kept in
 * `directory`.
 */
export async function chooseBmcPorts(directory: string, address: Ipv4): Promise<BmcPorts> {
  const isFree = (await freePort(address, BMC_PORTS.redfish)) !== undefined;
  const chosen = isFree
    ? BMC_PORTS
    : { redfish: (await freePort(address, 0)) ?? 0, ipmi: (await freePort(address, 0)) ?? 0 };
  await writeFile(join(directory, FILE), `${JSON.stringify(chosen)}\n`);
  return chosen;
}

/** Those that were chosen for a directory, or the usual ones. */
export async function bmcPortsOf(directory: string): Promise<BmcPorts> {
  try {
    return ports.parse(JSON.parse(await readFile(join(directory, FILE), 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return BMC_PORTS;
    throw error;
  }
}
