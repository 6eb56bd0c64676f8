import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { nearest } from '#services/yaml/known-keys.ts';
import type { InterfaceConfig } from '../config/config.ts';
import { type Check, failure, type Finding, fine, warning } from './finding.ts';

/** Ethernet's own; PXE ROMs and TFTP's 1468-byte blocks count on it. */
const ETHERNET_MTU = 1500;

/** Do the interfaces exist, have an address and a link, and carry full frames? */
export function interfacesCheck(
  interfaces: readonly InterfaceConfig[],
  where: (index: number) => string | undefined,
): Check {
  return {
    name: 'interfaces',
    async run() {
      const findings: Finding[] = [];
      for (const [index, one] of interfaces.entries()) findings.push(...(await lookAt(one.name, where(index))));
      return findings;
    },
  };
}

async function lookAt(name: string, where: string | undefined): Promise<readonly Finding[]> {
  const state = await sysfs(name, 'operstate');
  if (state === undefined) return [missingInterface(name, where)];
  const findings: Finding[] = [];
  const address = os.networkInterfaces()[name]?.find(({ family }) => family === 'IPv4')?.address;
  if (address === undefined) {
    findings.push(
      failure(
        'interfaces',
        `${name} has no IPv4 address`,
        `ip address add ADDRESS/PREFIX dev ${name}, and make it permanent`,
        where,
      ),
    );
  }
  if (state !== 'up' && state !== 'unknown') {
    findings.push(
      warning(
        'interfaces',
        `${name} is ${state}: no cable, or not brought up`,
        `ip link set ${name} up; check the cable and the switch port`,
        where,
      ),
    );
  }
  const mtu = Number(await sysfs(name, 'mtu'));
  if (mtu < ETHERNET_MTU) {
    findings.push(
      warning(
        'interfaces',
        `${name} has MTU ${mtu}: firmware drops fragments of larger blocks`,
        `ip link set ${name} mtu ${ETHERNET_MTU}, if the path allows it`,
        where,
      ),
    );
  }
  if (findings.length === 0) findings.push(fine('interfaces', `${name} is up with ${address}, MTU ${mtu}`));
  return findings;
}

export function missingInterface(name: string, where: string | undefined): Finding {
  const known = Object.keys(os.networkInterfaces()).filter((one) => one !== 'lo');
  const close = nearest(name, known);
  const hint = close ? `did you mean ${close}? ` : '';
  return failure(
    'interfaces',
    `this machine has no interface ${name}`,
    `${hint}write one of: ${known.join(', ') || 'none is there'}`,
    where,
  );
}

async function sysfs(name: string, attribute: string): Promise<string | undefined> {
  try {
    return (await readFile(`/sys/class/net/${name}/${attribute}`, 'utf8')).trim();
  } catch {
    return undefined;
  }
}
