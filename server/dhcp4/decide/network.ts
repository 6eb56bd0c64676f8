import type { SubnetDocument } from '#machines/contract/documents.ts';
import { broadcastOf, formatCidr4, netmaskOf } from '#machines/values/cidr.ts';
import { type Ipv4, ipv4ToNumber } from '#machines/values/ip-address.ts';
import { type Dhcp4Options, makeOptions } from '../wire/options.ts';

/** A configured subnet, with what every packet asks of it worked out once. */
export type Network = {
  readonly document: SubnetDocument;
  /** Its prefix as text: how leases name it. */
  readonly name: string;
  readonly first: number;
  readonly last: number;
  readonly netmask: Ipv4;
  readonly broadcast: Ipv4;
  /** What a client of this network is told about it, encoded once: the same for all. */
  readonly options: Dhcp4Options;
  readonly leaseOption: Dhcp4Options;
};

export type Networks = {
  readonly all: readonly Network[];
  /** Networks that a relay was configured for, by its address. */
  readonly byRelay: ReadonlyMap<Ipv4, readonly Network[]>;
};

export function networksOf(subnets: readonly SubnetDocument[]): Networks {
  const all = subnets.map((document): Network => {
    const { cidr, router, dns, ntp, domain, leaseSeconds } = document;
    const broadcast = broadcastOf(cidr);
    const netmask = netmaskOf(cidr);
    return {
      document,
      name: formatCidr4(cidr),
      first: ipv4ToNumber(cidr.base),
      last: ipv4ToNumber(broadcast),
      netmask,
      broadcast,
      options: makeOptions({
        subnetMask: netmask,
        router: router === undefined ? undefined : [router],
        domainNameServers: dns,
        domainName: domain,
        broadcastAddress: broadcast,
        ntpServers: ntp,
      }),
      leaseOption: makeOptions({ leaseSeconds }),
    };
  });
  const relays = new Set(all.flatMap(({ document }) => document.relays));
  const byRelay = new Map(
    [...relays].map((relay) => [relay, all.filter(({ document }) => document.relays.includes(relay))]),
  );
  return { all, byRelay };
}

export const contains = ({ first, last }: Network, number: number): boolean => number >= first && number <= last;

export function networkOf({ all }: Networks, ip: Ipv4): Network | undefined {
  const number = ipv4ToNumber(ip);
  return all.find((network) => contains(network, number));
}
