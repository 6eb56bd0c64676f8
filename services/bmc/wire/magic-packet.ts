import type { MacAddress } from '#machines/values/mac-address.ts';

/** AMD's Magic Packet: six times FF, then the address sixteen times, anywhere in a frame. 102 bytes. */
export function encodeMagicPacket(mac: MacAddress): Uint8Array {
  const address = mac.split(':').map((octet) => Number.parseInt(octet, 16));
  const packet = new Uint8Array(6 + 16 * address.length).fill(0xff, 0, 6);
  for (let copy = 0; copy < 16; copy += 1) packet.set(address, 6 + copy * address.length);
  return packet;
}
