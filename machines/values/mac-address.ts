import { type Parsed, parsed, refused } from './parsed.ts';

declare const brand: unique symbol;

/** An Ethernet hardware address: six bytes, lower case, colons (`52:54:00:00:00:01`). */
export type MacAddress = string & { readonly [brand]: 'MacAddress' };

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const NOTATIONS = [
  /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/,
  /^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/,
  /^[0-9a-f]{4}(\.[0-9a-f]{4}){2}$/,
  /^[0-9a-f]{12}$/,
];

/** Reads the usual notations: colons, dashes (iPXE's `hexhyp`), Cisco's dots, bare hex. */
export function parseMacAddress(text: string): Parsed<MacAddress> {
  const lower = text.trim().toLowerCase();
  if (!NOTATIONS.some((notation) => notation.test(lower))) {
    return refused(text, 'a MAC address such as 52:54:00:00:00:01');
  }
  const pairs = lower.replace(/[:.-]/g, '').match(/../g) ?? [];
  return parsed(pairs.join(':') as MacAddress);
}

/** The first six of at least six bytes, as in `chaddr`. */
export function macFromBytes(bytes: Uint8Array): MacAddress {
  if (bytes.length < 6) throw new RangeError(`got ${bytes.length} bytes, want 6`);
  let text = HEX[bytes[0] as number] as string;
  for (let index = 1; index < 6; index++) text += `:${HEX[bytes[index] as number]}`;
  return text as MacAddress;
}

export function macToBytes(mac: MacAddress): Uint8Array {
  return Uint8Array.from(mac.split(':'), (pair) => Number.parseInt(pair, 16));
}

/** `52-54-00-00-00-01`, as PXELINUX, U-Boot and iPXE's `hexhyp` write it. */
export const macWithDashes = (mac: MacAddress): string => mac.replaceAll(':', '-');

/**
 * Can this address name one machine? Multicast, all-zero and all-ones addresses cannot: they come from NICs whose
 * address was never programmed.
 */
export function isMachineMac(mac: MacAddress): boolean {
  const first = Number.parseInt(mac.slice(0, 2), 16);
  return (first & 1) === 0 && mac !== '00:00:00:00:00:00';
}

/** Set by software (bond, bridge, virtual machine) rather than by a vendor: IEEE 802c, the U/L bit. */
export const isLocallyAdministered = (mac: MacAddress): boolean => (Number.parseInt(mac.slice(0, 2), 16) & 2) !== 0;
