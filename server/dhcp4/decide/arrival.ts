import type { Discovery } from '#machines/decide/boot-plan.ts';
import type { Cidr4 } from '#machines/values/cidr.ts';
import type { Ipv4 } from '#machines/values/ip-address.ts';

/** An address of ours on an interface, and the prefix that is on its link. */
export type OwnAddress = { readonly address: Ipv4; readonly prefix: Cidr4 };

/** A network interface that DHCP is answered on. */
export type InterfaceLink = {
  readonly name: string;
  readonly mode: 'server' | 'proxy';
  readonly discovery: Discovery;
  /** As of now; the first is the one that is given where no other fits better. */
  readonly addresses: readonly OwnAddress[];
};

/** How a datagram came in: what the socket knows, and the packet does not. */
export type Arrival = {
  /** Absent on a socket for relayed packets only. */
  readonly link: InterfaceLink | undefined;
  /** `boot-server` is port 4011 (Intel PXE 2.1 §2.2.4). */
  readonly plane: 'dhcp' | 'boot-server';
  readonly port: number;
  /** The address of ours that was asked; for a broadcast, the first of the interface. */
  readonly local: Ipv4;
  /** A broadcast reaches only the socket that is bound to the device, a unicast only the one bound to the address. */
  readonly cast: 'unicast' | 'broadcast' | 'unknown';
  readonly source: { readonly address: Ipv4; readonly port: number };
};
