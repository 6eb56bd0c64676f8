import { ipv4FromBytes, parseIpv6 } from '../../../values/ip-address.ts';
import { macFromBytes } from '../../../values/mac-address.ts';
import { fieldsOf } from './fields.ts';
import { known } from './known.ts';

/** What a switch says of itself and of the port at the other end of the cable, IEEE 802.1AB-2016 §8. */
export type LldpNeighbour = {
  readonly chassis: string;
  readonly port: string;
  readonly portText?: string;
  readonly system?: string;
  /** Port VLAN, 802.1Q Annex D; 0 says that the port has none. */
  readonly vlan?: number;
  readonly managementAddress?: string;
};

export type LldpResult =
  | { readonly ok: true; readonly neighbour: LldpNeighbour }
  | { readonly ok: false; readonly because: string };

const ETHERTYPE = 0x88cc;
const VLAN_TAGS: readonly number[] = [0x8100, 0x88a8];
const malformed = (because: string): LldpResult => ({ ok: false, because });

/** Reads an Ethernet frame, with or without a VLAN tag. A field that is malformed is left out; chassis and port must be there. */
export function decodeLldpFrame(frame: Uint8Array): LldpResult {
  const at = fieldsOf(frame);
  const tagged = VLAN_TAGS.includes(at.be16(12) ?? 0);
  const type = at.be16(tagged ? 16 : 12);
  if (type !== ETHERTYPE) return malformed(`the frame’s type is ${type?.toString(16) ?? 'missing'}, want 88cc`);
  let chassis: string | undefined;
  let port: string | undefined;
  let portText: string | undefined;
  let system: string | undefined;
  let vlan: number | undefined;
  let managementAddress: string | undefined;
  for (let offset = tagged ? 18 : 14; ; ) {
    const head = at.be16(offset);
    if (head === undefined) break;
    const length = head & 0x1ff;
    const value = at.bytes(offset + 2, length);
    if (value === undefined) return malformed(`a field of ${length} bytes passes the end of the frame`);
    offset += 2 + length;
    const kind = head >> 9;
    if (kind === 0) break;
    // The first of each counts: a frame holds one, but for management addresses, of which the first will do.
    if (kind === 1) chassis ??= idOf(value, { mac: 4, address: 5 });
    else if (kind === 2) port ??= idOf(value, { mac: 3, address: 4 });
    else if (kind === 4) portText ??= textOf(value);
    else if (kind === 5) system ??= textOf(value);
    else if (kind === 8) managementAddress ??= addressOf(value.subarray(1, 1 + (value[0] ?? 0)));
    else if (kind === 127 && length === 6 && fieldsOf(value).has(0, [0x00, 0x80, 0xc2, 0x01])) {
      vlan ??= fieldsOf(value).be16(4);
    }
  }
  if (chassis === undefined || port === undefined) return malformed('no chassis or no port in it');
  return { ok: true, neighbour: { chassis, port, ...known({ portText, system, vlan, managementAddress }) } };
}

/** A subtype, then text, a MAC address or a network address. */
function idOf(value: Uint8Array, kinds: { readonly mac: number; readonly address: number }): string | undefined {
  const [subtype] = value;
  const rest = value.subarray(1);
  if (rest.length === 0) return undefined;
  if (subtype === kinds.mac) return rest.length === 6 ? macFromBytes(rest) : undefined;
  if (subtype === kinds.address) return addressOf(rest);
  return textOf(rest);
}

/** IANA address family numbers: 1 is IPv4, 2 IPv6, 6 (all 802) a MAC address. */
function addressOf(bytes: Uint8Array): string | undefined {
  const [family] = bytes;
  const rest = bytes.subarray(1);
  if (family === 1 && rest.length === 4) return ipv4FromBytes(rest);
  if (family === 6 && rest.length === 6) return macFromBytes(rest);
  if (family !== 2 || rest.length !== 16) return undefined;
  const ip = parseIpv6(
    Array.from({ length: 8 }, (_, index) => (fieldsOf(rest).be16(index * 2) ?? 0).toString(16)).join(':'),
  );
  return ip.ok ? ip.value : undefined;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LATIN1 = new TextDecoder('latin1');

function textOf(bytes: Uint8Array): string | undefined {
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  const trimmed = bytes.subarray(0, end);
  if (trimmed.length === 0) return undefined;
  try {
    return UTF8.decode(trimmed);
  } catch {
    return LATIN1.decode(trimmed);
  }
}

/** The bytes of the first packet that `tcpdump -xx` printed: lines of an offset, and groups of four digits. */
export function decodeHexDump(text: string): Uint8Array {
  let digits = '';
  for (const line of text.split('\n')) {
    const match = /^\s+0x([0-9a-f]{4}):\s+((?:[0-9a-f]{2,4} ?)+)/.exec(line);
    if (!match) continue;
    // The next packet begins again at zero.
    if (Number.parseInt(match[1] ?? '', 16) * 2 !== digits.length) break;
    digits += (match[2] ?? '').replaceAll(' ', '');
  }
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
