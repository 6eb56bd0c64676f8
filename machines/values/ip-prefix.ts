import { type IpAddress, ipv4FromNumber, ipv4ToNumber, isIpv6, parseIpAddress } from './ip-address.ts';
import { type Parsed, parsed, refused } from './parsed.ts';

declare const brand: unique symbol;

/** An address of a host with the length of its network's prefix, canonical: `192.168.77.5/24`, `fd00::5/64`. */
export type InterfaceAddress = string & { readonly [brand]: 'InterfaceAddress' };
/** A network, without host bits, canonical: `10.0.0.0/8`, `fd00::/8`. */
export type IpPrefix = string & { readonly [brand]: 'IpPrefix' };

export const addressOf = (text: InterfaceAddress | IpPrefix): IpAddress =>
  text.slice(0, text.indexOf('/')) as IpAddress;
export const bitsOf = (text: InterfaceAddress | IpPrefix): number => Number(text.slice(text.indexOf('/') + 1));

/** Refuses what no host can have: the network's own address and its broadcast (RFC 3021 excepts /31, RFC 6164 /127). */
export function parseInterfaceAddress(text: string): Parsed<InterfaceAddress> {
  const split = splitPrefix(text);
  const wanted = 'an address with its prefix length, such as 192.168.77.5/24';
  if (!split) return refused(text, wanted);
  const { address, bits } = split;
  const hostBits = BigInt(widthOf(address) - bits);
  const host = numberOf(address) & ((1n << hostBits) - 1n);
  if (hostBits > 1n && host === 0n) return refused(text, `${wanted}; this is the address of the network itself`);
  if (!isIpv6(address) && hostBits > 1n && host === (1n << hostBits) - 1n) {
    return refused(text, `${wanted}; this is the broadcast address of the network`);
  }
  return parsed(`${address}/${bits}` as InterfaceAddress);
}

export function parseIpPrefix(text: string): Parsed<IpPrefix> {
  const split = splitPrefix(text);
  if (!split) return refused(text, 'a prefix such as 10.0.0.0/8');
  const { address, bits } = split;
  const host = numberOf(address) & ((1n << BigInt(widthOf(address) - bits)) - 1n);
  if (host !== 0n) return refused(text, 'a prefix without host bits, such as 10.0.0.0/8');
  return parsed(`${address}/${bits}` as IpPrefix);
}

/** Is the address in the network that the prefix names? Never, between families. */
export function isWithin(prefix: InterfaceAddress | IpPrefix, ip: IpAddress): boolean {
  const own = addressOf(prefix);
  if (isIpv6(own) !== isIpv6(ip)) return false;
  const hostBits = BigInt(widthOf(own) - bitsOf(prefix));
  return numberOf(own) >> hostBits === numberOf(ip) >> hostBits;
}

/** `255.255.255.0`: for what knows no prefix lengths. IPv4 only. */
export const netmaskOf4 = (bits: number): string => ipv4FromNumber(2 ** 32 - 2 ** (32 - bits));

function splitPrefix(text: string): { readonly address: IpAddress; readonly bits: number } | undefined {
  const [, written = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseIpAddress(written);
  if (!address.ok || Number(digits) > widthOf(address.value)) return undefined;
  return { address: address.value, bits: Number(digits) };
}

const widthOf = (ip: IpAddress): number => (isIpv6(ip) ? 128 : 32);

function numberOf(ip: IpAddress): bigint {
  if (!isIpv6(ip)) return BigInt(ipv4ToNumber(ip));
  const [head = '', tail] = ip.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const before = Array.isArray(head) ? head : [];
  const after = tail ?? [];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].reduce((number, group) => (number << 16n) | BigInt(`0x${group}`), 0n);
}
