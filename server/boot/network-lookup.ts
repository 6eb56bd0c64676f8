import os from 'node:os';
import { cidrContains, parseCidr4 } from '#machines/values/cidr.ts';
import { type IpAddress, isIpv6 } from '#machines/values/ip-address.ts';
import type { Config } from '../config/config.ts';
import type { NetworkLookup } from '../http/contract.ts';

/** What is configured for a client's network, with who leases addresses there. */
export type AddressLookup = (
  client: IpAddress,
) => ReturnType<NetworkLookup> & { readonly mode: 'server' | 'proxy' | 'off' };

/**
 * What is configured for the network that a client's address is on: the interface whose own prefix holds it, as DHCP has
 * it for direct packets, else a subnet that holds it, else nothing at all, and then nobody is discovered.
 */
export function networkLookup(config: Pick<Config, 'subnets' | 'interfaces' | 'boot'>): AddressLookup {
  return (client) => {
    const subnet = isIpv6(client) ? undefined : config.subnets.find(({ cidr }) => cidrContains(cidr, client));
    const link = config.interfaces.find(({ name, mode }) => mode !== 'off' && isOnInterface(client, name));
    const { mode, discovery } = link ?? subnet ?? { mode: 'off', discovery: 'off' };
    return { mode, discovery, advertise: subnet?.advertise ?? config.boot.advertise };
  };
}

/** Asked anew each time: interfaces get and lose addresses while the daemon runs. */
function isOnInterface(client: IpAddress, name: string): boolean {
  if (isIpv6(client)) return false;
  return (os.networkInterfaces()[name] ?? []).some(({ family, address, cidr }) => {
    if (family !== 'IPv4' || cidr === null) return false;
    const bits = Number(cidr.split('/')[1]);
    const prefix = parseCidr4(networkOf(address, bits));
    return prefix.ok && cidrContains(prefix.value, client);
  });
}

/** `192.168.77.9` and 24 give `192.168.77.0/24`. */
function networkOf(address: string, bits: number): string {
  const number = address.split('.').reduce((sum, quad) => sum * 256 + Number(quad), 0);
  const base = number - (number % 2 ** (32 - bits));
  return `${[24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256).join('.')}/${bits}`;
}
