import { type Ipv4, ipv4FromNumber, ipv4ToNumber, parseIpv4 } from './ip-address.ts';
import { type Parsed, parsed, refused } from './parsed.ts';

/** An IPv4 prefix. `base` is the network address: host bits are refused on input, not masked away. */
export type Cidr4 = { readonly base: Ipv4; readonly bits: number };

/** Both ends belong to the range. */
export type Ipv4Range = { readonly first: Ipv4; readonly last: Ipv4 };

export function parseCidr4(text: string): Parsed<Cidr4> {
  const [address = '', prefix, rest] = text.split('/');
  const base = parseIpv4(address);
  if (!base.ok || prefix === undefined || rest !== undefined || !/^\d{1,2}$/.test(prefix) || Number(prefix) > 32) {
    return refused(text, 'a prefix such as 192.168.77.0/24');
  }
  const bits = Number(prefix);
  const cidr = { base: ipv4FromNumber(ipv4ToNumber(base.value) - (ipv4ToNumber(base.value) % sizeOf(bits))), bits };
  if (cidr.base !== base.value) return refused(text, `the network address: ${formatCidr4(cidr)}`);
  return parsed(cidr);
}

export const formatCidr4 = ({ base, bits }: Cidr4): string => `${base}/${bits}`;

const sizeOf = (bits: number): number => 2 ** (32 - bits);

export function cidrContains({ base, bits }: Cidr4, ip: Ipv4): boolean {
  const offset = ipv4ToNumber(ip) - ipv4ToNumber(base);
  return offset >= 0 && offset < sizeOf(bits);
}

export const netmaskOf = ({ bits }: Cidr4): Ipv4 => ipv4FromNumber(2 ** 32 - sizeOf(bits));

export const broadcastOf = ({ base, bits }: Cidr4): Ipv4 => ipv4FromNumber(ipv4ToNumber(base) + sizeOf(bits) - 1);

export const cidrsOverlap = (one: Cidr4, other: Cidr4): boolean =>
  cidrContains(one, other.base) || cidrContains(other, one.base);

export function parseIpv4Range(text: string): Parsed<Ipv4Range> {
  const [first = '', last, rest] = text.split('-').map((end) => end.trim());
  const from = parseIpv4(first);
  const to = parseIpv4(last ?? '');
  if (!from.ok || !to.ok || rest !== undefined) return refused(text, 'a range such as 192.168.77.100-192.168.77.200');
  if (ipv4ToNumber(from.value) > ipv4ToNumber(to.value)) return refused(text, 'the lower address first');
  return parsed({ first: from.value, last: to.value });
}

export const formatIpv4Range = ({ first, last }: Ipv4Range): string => `${first}-${last}`;

export const rangeSize = ({ first, last }: Ipv4Range): number => ipv4ToNumber(last) - ipv4ToNumber(first) + 1;

export function rangeContains({ first, last }: Ipv4Range, ip: Ipv4): boolean {
  const number = ipv4ToNumber(ip);
  return number >= ipv4ToNumber(first) && number <= ipv4ToNumber(last);
}

export const rangesOverlap = (one: Ipv4Range, other: Ipv4Range): boolean =>
  rangeContains(one, other.first) || rangeContains(other, one.first);
