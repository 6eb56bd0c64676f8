import { ANY_IPV4, BROADCAST_IPV4, type Ipv4 } from '#machines/values/ip-address.ts';
import { type Dhcp4Message, withBroadcast } from '../wire/message.ts';
import type { RelayInformation } from '../wire/relay-information.ts';
import type { Arrival } from './arrival.ts';

export type Destination = { readonly address: Ipv4; readonly port: number };

/** RFC 2131 §4.1. Tests without privileges use others. */
export type Ports = { readonly relay: number; readonly client: number };
export const PORTS: Ports = { relay: 67, client: 68 };

type Asked = {
  readonly message: Dhcp4Message;
  readonly relay: RelayInformation | undefined;
  readonly arrival: Arrival;
  readonly ports: Ports;
};

/**
 * Where an answer goes (RFC 2131 §4.1), first match. `kind` is what is answered with.
 *
 * A client that could take a unicast before it has an address gets a broadcast all the same: the kernel would ask by
 * ARP who has the address, and nobody would say so.
 */
export function destinationOf(
  { message, relay, arrival, ports }: Asked,
  kind: 'OFFER' | 'ACK' | 'NAK' | 'INFORM',
): Destination {
  const { giaddr, ciaddr } = message;
  // RFC 2131 §4.3.5: to the client itself, also if a relay stands between.
  if (kind === 'INFORM' && ciaddr !== ANY_IPV4) return { address: ciaddr, port: ports.client };
  if (giaddr !== ANY_IPV4) {
    // RFC 8357 §5.1: to the port the relay sent from, if it says so.
    return { address: giaddr, port: relay?.sourcePort ? arrival.source.port : ports.relay };
  }
  // A PXE client asks a boot server from port 4011 or any other, and listens there (Intel PXE 2.1 §2.2.4).
  if (arrival.plane === 'boot-server') return arrival.source;
  if (kind === 'NAK') return { address: BROADCAST_IPV4, port: ports.client };
  if (ciaddr !== ANY_IPV4) return { address: ciaddr, port: ports.client };
  if (kind === 'INFORM' && arrival.source.address !== ANY_IPV4) {
    return { address: arrival.source.address, port: ports.client };
  }
  return { address: BROADCAST_IPV4, port: ports.client };
}

/** RFC 2131 §4.3.2: a relay must broadcast a NAK, since the client does not know its address any more. */
export const asNak = (message: Dhcp4Message): Dhcp4Message =>
  message.giaddr === ANY_IPV4 ? message : withBroadcast(message);

export function destinationText(to: Destination, message: Pick<Dhcp4Message, 'giaddr'>): string {
  if (message.giaddr !== ANY_IPV4) return `relay ${to.address}:${to.port}`;
  return to.address === BROADCAST_IPV4 ? 'broadcast' : `${to.address}:${to.port}`;
}
