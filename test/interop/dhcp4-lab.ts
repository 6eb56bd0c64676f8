import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lab, Place } from '#test/lab/lab.ts';
import type { Program } from '#test/lab/program.ts';
import type { DaemonSettings } from './dhcp4-daemon.ts';

const PROGRAM = fileURLToPath(new URL('dhcp4-daemon.ts', import.meta.url));

/** Starts our DHCP server on the lab's bridge and waits until it listens. */
export async function startDhcp4(lab: Lab, settings: DaemonSettings, place: Place = 'server'): Promise<Program> {
  const file = join(lab.folder, `dhcp4-${process.hrtime.bigint()}.json`);
  writeFileSync(file, JSON.stringify(settings));
  const program = lab.start([process.execPath, PROGRAM, file], { name: 'dhcp4', place });
  await program.waitForOutput(/^ready /m, 20_000);
  return program;
}

export const LEASING: DaemonSettings = {
  interfaces: [{ name: 'br0', mode: 'server' }],
  subnets: [
    {
      cidr: '192.168.77.0/24',
      pools: ['192.168.77.100-192.168.77.200'],
      router: '192.168.77.1',
      dns: ['192.168.77.1'],
      domain: 'lab',
    },
  ],
};
