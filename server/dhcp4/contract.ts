import type { Logger } from 'pino';
import type { Ipv4 } from '#machines/values/ip-address.ts';
import type { LoaderCatalog } from '#services/images/contract.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { Lease, LeaseStore } from '#services/store/contract.ts';
import type { Recorder } from '#services/trace/contract.ts';
import type { BootPlanner } from '../http/contract.ts';
import type { Config } from '../config/config.ts';
import type { InheritedSocket } from '../sockets/inherited-sockets.ts';
import type { Udp4Endpoint } from '../sockets/udp4-socket.ts';
import type { Ports } from './decide/destination.ts';
import type { LoopLimits } from './decide/loop-guard.ts';
import type { Restraint } from './rivals.ts';

export type Dhcp4Parts = {
  readonly config: Pick<Config, 'site' | 'interfaces' | 'subnets' | 'dhcp' | 'boot'>;
  readonly leases: LeaseStore;
  readonly registry: Pick<Registry, 'machineByMac' | 'machineByReservation' | 'observe'>;
  readonly recorder: Pick<Recorder, 'record' | 'packet'>;
  readonly planner: BootPlanner;
  readonly loaders: Pick<LoaderCatalog, 'available'>;
  /** Where the boot plane and TFTP really listen, for URLs. Asked with each packet: they may start after us. */
  readonly bootPort: () => number;
  readonly tftpPort: () => number;
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'isLevelEnabled'>;
  readonly now: () => number;
  /** Sockets of a supervisor, named after their interfaces. */
  readonly inherited?: readonly InheritedSocket[];
  /** RFC 2131's unless a test has no right to them. */
  readonly ports?: Ports;
  readonly limits?: Partial<Dhcp4Limits>;
};

export type Dhcp4Limits = {
  /** Packets whose answer waits for the disk or a probe; more are not answered, and come again. */
  readonly pending: number;
  /** Addresses that the link is asked about at once; beyond that, offers go out unprobed. */
  readonly probes: number;
  /** An OFFER is never later than this for a probe's sake: OVMF gathers offers for 3.7 s, iPXE for 2. */
  readonly probeMs: number;
  /** How long other DHCP servers have time to answer at the start. */
  readonly rivalMs: number;
  /** After how long they are looked for again: while all is well, and while we hold back because of one. */
  readonly rivalAgainMs: { readonly calm: number; readonly restrained: number };
  readonly addressPollMs: number;
  readonly loop: LoopLimits;
};

/** Where it listens; a port of 0 in the configuration is the real one here. */
export type Dhcp4Listening = {
  readonly interfaces: readonly { readonly name: string; readonly addresses: readonly Ipv4[] }[];
  /** Sockets for relayed packets. */
  readonly relay: readonly Udp4Endpoint[];
  readonly bootServer: readonly Udp4Endpoint[];
};

/** Since the start. */
export type Dhcp4Counters = {
  /** By message type, `BOOTP` and `malformed`. */
  readonly received: Readonly<Record<string, number>>;
  readonly answered: Readonly<Record<string, number>>;
  /** By reason. */
  readonly silent: Readonly<Record<string, number>>;
  readonly bindingsStored: number;
  readonly bindingsFailed: number;
  readonly conflicts: number;
  /** Packets of firmware that nobody has registered, answered but kept in no trace: there were too many at once. */
  readonly untraced: number;
  readonly pending: number;
};

export type Dhcp4Control = {
  counters(): Dhcp4Counters;
  /** Every lease that is known, also expired ones. */
  leases(): readonly Lease[];
  /** Frees an address that an operator names. Tells whether somebody had it. */
  forget(address: Ipv4): Promise<boolean>;
  /** Why an interface is answered less than its mode says, as of the last look for others; absent: it is not. */
  restraint(name: string): Restraint | undefined;
};
