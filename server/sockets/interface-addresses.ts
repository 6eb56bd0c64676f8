import { networkInterfaces } from 'node:os';
import type { Cidr4 } from '#machines/values/cidr.ts';
import { type Ipv4, ipv4FromNumber, ipv4ToNumber, parseIpv4 } from '#machines/values/ip-address.ts';

export type InterfaceAddress = { readonly address: Ipv4; readonly prefix: Cidr4 };

/** The IPv4 addresses of an interface, in the system's order. Nothing if it is down, has none, or does not exist. */
export function interfaceAddresses(name: string): readonly InterfaceAddress[] {
  return Object.entries(networkInterfaces())
    .filter(([found]) => found === name || found.startsWith(`${name}:`))
    .flatMap(([, infos = []]) =>
      infos.flatMap(({ family, address, cidr }) => {
        const parsed = parseIpv4(address);
        if (family !== 'IPv4' || !parsed.ok) return [];
        return [{ address: parsed.value, prefix: prefixOf(parsed.value, Number(cidr?.split('/')[1] ?? 32)) }];
      }),
    );
}

/** Every IPv4 address of this machine. */
export const allAddresses = (): readonly Ipv4[] =>
  Object.keys(networkInterfaces()).flatMap((name) => interfaceAddresses(name).map(({ address }) => address));

function prefixOf(address: Ipv4, bits: number): Cidr4 {
  const size = 2 ** (32 - bits);
  const number = ipv4ToNumber(address);
  return { base: ipv4FromNumber(number - (number % size)), bits };
}
