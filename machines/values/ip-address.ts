import { type Parsed, parsed, refused } from './parsed.ts';

declare const brand: unique symbol;

/** Dotted quad without leading zeros. */
export type Ipv4 = string & { readonly [brand]: 'Ipv4' };
/** RFC 5952: lower case, longest run of zeros as `::`. */
export type Ipv6 = string & { readonly [brand]: 'Ipv6' };
export type IpAddress = Ipv4 | Ipv6;

export const ANY_IPV4 = '0.0.0.0' as Ipv4;
export const BROADCAST_IPV4 = '255.255.255.255' as Ipv4;

const QUAD = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

/** Strict: four decimal numbers, no leading zeros (some parsers read those as octal), no short forms. */
export function parseIpv4(text: string): Parsed<Ipv4> {
  const quads = QUAD.exec(text);
  if (!quads || quads.slice(1).some((quad) => Number(quad) > 255))
    return refused(text, 'an IPv4 address such as 192.168.77.1');
  return parsed(text as Ipv4);
}

export function parseIpv6(text: string): Parsed<Ipv6> {
  const groups = ipv6Groups(text.toLowerCase());
  return groups ? parsed(formatIpv6(groups)) : refused(text, 'an IPv6 address such as fd00::1');
}

export function parseIpAddress(text: string): Parsed<IpAddress> {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

export const isIpv6 = (ip: IpAddress): ip is Ipv6 => ip.includes(':');

export function ipv4FromBytes(bytes: Uint8Array, offset = 0): Ipv4 {
  if (bytes.length < offset + 4) throw new RangeError(`got ${bytes.length - offset} bytes, want 4`);
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}` as Ipv4;
}

export const ipv4ToBytes = (ip: Ipv4): Uint8Array => Uint8Array.from(ip.split('.'), Number);

/** An unsigned 32-bit number, so that addresses of a pool can be counted through. */
export function ipv4ToNumber(ip: Ipv4): number {
  let number = 0;
  for (const quad of ip.split('.')) number = number * 256 + Number(quad);
  return number;
}

export function ipv4FromNumber(number: number): Ipv4 {
  if (!Number.isInteger(number) || number < 0 || number > 0xffff_ffff)
    throw new RangeError(`got ${number}, want 0 to 2^32-1`);
  return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}` as Ipv4;
}

function ipv6Groups(text: string): readonly number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => groupsOf(half, index === halves.length - 1));
  if (!head || (halves.length === 2 && !tail)) return undefined;
  if (!tail) return head.length === 8 ? head : undefined;
  const missing = 8 - head.length - tail.length;
  return missing >= 1 ? [...head, ...Array.from({ length: missing }, () => 0), ...tail] : undefined;
}

function groupsOf(half: string, mayEndInQuad: boolean): readonly number[] | undefined {
  if (half === '') return [];
  const groups: number[] = [];
  const parts = half.split(':');
  for (const [index, part] of parts.entries()) {
    if (mayEndInQuad && index === parts.length - 1 && part.includes('.')) {
      const quad = parseIpv4(part);
      if (!quad.ok) return undefined;
      const number = ipv4ToNumber(quad.value);
      groups.push(number >>> 16, number & 0xffff);
    } else if (/^[0-9a-f]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function formatIpv6(groups: readonly number[]): Ipv6 {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.length < 2) return hex.join(':') as Ipv6;
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}` as Ipv6;
}
