import { type IpAddress, ipv4ToBytes, isIpv6 } from '#machines/values/ip-address.ts';

/** A UDP datagram of which only payload and ends are known. */
export type Datagram = {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly source: { readonly address: IpAddress; readonly port: number };
  readonly destination: { readonly address: IpAddress; readonly port: number };
  readonly payload: Uint8Array;
};

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const IPV4_HEADER = 20;
const UDP_HEADER = 8;
/** https://www.tcpdump.org/linktypes.html: the packet begins with an IPv4 or IPv6 header. */
const LINKTYPE_RAW = 101;
const UDP = 17;
const MAX_PACKET = 65_535;

/**
 * A capture file (classic pcap, microseconds, little-endian) with the datagrams in it, under IPv4 and UDP headers made
 * for them: what was under them on the wire was never seen. IPv6 datagrams, and such that no IPv4 packet could hold,
 * are left out.
 */
export function encodePcap(datagrams: readonly Datagram[]): Uint8Array {
  const packets = datagrams.flatMap((datagram) => {
    const packet = encodeIpv4(datagram);
    return packet ? [{ at: datagram.at, packet }] : [];
  });
  const size = packets.reduce((sum, { packet }) => sum + RECORD_HEADER + packet.length, FILE_HEADER);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xa1b2_c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, MAX_PACKET, true);
  view.setUint32(20, LINKTYPE_RAW, true);
  let offset = FILE_HEADER;
  for (const { at, packet } of packets) {
    view.setUint32(offset, Math.floor(at / 1000), true);
    view.setUint32(offset + 4, Math.round((at % 1000) * 1000), true);
    view.setUint32(offset + 8, packet.length, true);
    view.setUint32(offset + 12, packet.length, true);
    bytes.set(packet, offset + RECORD_HEADER);
    offset += RECORD_HEADER + packet.length;
  }
  return bytes;
}

/** RFC 791 §3.1 and RFC 768, with both checksums. */
function encodeIpv4({ source, destination, payload }: Datagram): Uint8Array | undefined {
  const length = IPV4_HEADER + UDP_HEADER + payload.length;
  if (isIpv6(source.address) || isIpv6(destination.address) || length > MAX_PACKET) return undefined;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x45);
  view.setUint16(2, length);
  view.setUint8(8, 64);
  view.setUint8(9, UDP);
  bytes.set(ipv4ToBytes(source.address), 12);
  bytes.set(ipv4ToBytes(destination.address), 16);
  view.setUint16(10, onesComplement(sum(bytes.subarray(0, IPV4_HEADER))));
  const udp = IPV4_HEADER;
  view.setUint16(udp, source.port);
  view.setUint16(udp + 2, destination.port);
  view.setUint16(udp + 4, UDP_HEADER + payload.length);
  bytes.set(payload, udp + UDP_HEADER);
  const pseudo = sum(bytes.subarray(12, IPV4_HEADER)) + UDP + UDP_HEADER + payload.length;
  // RFC 768: a sum of zero is sent as all ones, since zero means that there is none.
  view.setUint16(udp + 6, onesComplement(pseudo + sum(bytes.subarray(udp))) || 0xffff);
  return bytes;
}

/** Big-endian words; an odd byte at the end counts as if a zero followed. */
function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let index = 0; index < bytes.length; index += 2) {
    total += ((bytes[index] as number) << 8) + (bytes[index + 1] ?? 0);
  }
  return total;
}

function onesComplement(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x1_0000);
  return ~folded & 0xffff;
}
