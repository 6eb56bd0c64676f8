import { type Ipv4Range, rangeContains, rangeSize } from '#machines/values/cidr.ts';
import { type IpAddress, parseIpv4 } from '#machines/values/ip-address.ts';

/** How many addresses of the pools there are, and how many of them are held. */
export function poolUse(
  pools: readonly Ipv4Range[],
  leases: readonly { readonly address: IpAddress }[],
): { readonly size: number; readonly used: number } {
  const size = pools.reduce((sum, pool) => sum + rangeSize(pool), 0);
  const used = leases.filter(({ address }) => {
    const read = parseIpv4(address);
    return read.ok && pools.some((pool) => rangeContains(pool, read.value));
  }).length;
  return { size, used };
}
