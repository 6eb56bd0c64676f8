import type { Ipv4 } from '#machines/values/ip-address.ts';
import type { SilenceCode } from '#machines/contract/trace.ts';
import type { Dhcp4Message } from '../wire/message.ts';
import type { RelayInformation } from '../wire/relay-information.ts';
import type { MessageType } from '../wire/shape.ts';
import type { Arrival } from './arrival.ts';
import type { BootFile } from './boot-file.ts';
import type { Client } from './client.ts';
import type { Ports } from './destination.ts';
import type { LeaseTable } from './lease-table.ts';
import type { Network } from './network.ts';

/** A packet, and everything known that its answer rests on. */
export type Question = {
  readonly message: Dhcp4Message;
  readonly type: MessageType;
  readonly client: Client;
  readonly relay: RelayInformation | undefined;
  readonly arrival: Arrival;
  readonly ports: Ports;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** What this client is told as option 54. */
  readonly serverId: Ipv4;
  /** Is it an address that clients know this server by? */
  readonly isOurs: (serverId: Ipv4) => boolean;
  readonly boot: BootFile;
  /** The machine has the label `ingot/no-option-43`. */
  readonly noOption43: boolean;
};

/** The same in server mode: the network is known, and there is someone to lease to. */
export type LeaseQuestion = Question & {
  readonly network: Network;
  readonly key: string;
  readonly leases: Pick<LeaseTable, 'bindingOf' | 'bindingAt' | 'heldBy' | 'otherHolder' | 'isInPool' | 'choose'>;
  /** The machine's reserved address, if it is in this network. */
  readonly reservation: Ipv4 | undefined;
  /** Does this client's key belong to the machine that asks? Its other network cards do. */
  readonly isSameMachine: (key: string) => boolean;
  /** Whose reservation an address is, if not this machine's. */
  readonly reservedForOther: (ip: Ipv4) => boolean;
  /** Why no new lease may be given: another server leases here. Renewals go on. */
  readonly noNewLeases: { readonly code: SilenceCode; readonly because: string } | undefined;
};
