import type { DhcpClient, SilenceCode, TraceEvent } from '../../contract/trace.ts';
import type { Ipv4 } from '../../values/ip-address.ts';
import type { Evidence } from './evidence.ts';

type Of<K extends TraceEvent['kind']> = Extract<TraceEvent, { kind: K }>;

/** What DHCP shows. `offer`, `ack`, `took`, `silence` and `declined` are open questions: a request for a file ends them. */
export type DhcpEvidence = {
  /** The newest netboot client, and the newest that is firmware: not iPXE. */
  readonly client: DhcpClient | undefined;
  readonly firmware: DhcpClient | undefined;
  /** Kinds that were heard, each once. */
  readonly kinds: readonly DhcpClient['kind'][];
  readonly xid: number | undefined;
  readonly xidAt: number;
  /** The packet in hand is an operating system's. */
  readonly osXid: number | undefined;
  /** The first packet of some kind of client said that it had been trying for so long. */
  readonly late: { readonly secs: number; readonly kind: DhcpClient['kind']; readonly at: number } | undefined;
  readonly giaddr: Ipv4 | undefined;
  readonly interface: string | undefined;
  /** Our own server identifiers, and boot files that were offered. */
  readonly servers: readonly Ipv4[];
  readonly bootFiles: readonly string[];
  /** Why a boot file was offered or not: the last answer's reason. */
  readonly because: string | undefined;
  /** Our OFFERs that were not taken yet. */
  readonly offer: Offered | undefined;
  /** A boot file was given for good, and not asked for yet. */
  readonly ack: Acknowledged | undefined;
  readonly took: { readonly at: number; readonly serverId: Ipv4; readonly over: Ipv4 } | undefined;
  readonly silence: Silence | undefined;
  readonly declined: { readonly at: number; readonly address: Ipv4 | undefined; readonly count: number } | undefined;
};

export type Offered = {
  readonly firstAt: number;
  readonly at: number;
  readonly count: number;
  readonly bootFile: string | undefined;
  readonly serverId: Ipv4;
  readonly proxy: boolean;
  readonly yiaddr: Ipv4 | undefined;
};

export type Acknowledged = {
  readonly firstAt: number;
  readonly bootFile: string;
  readonly serverId: Ipv4;
  readonly kind: DhcpClient['kind'];
  readonly address: Ipv4 | undefined;
  /** The other server that gave the address, while we are the proxy. */
  readonly leasedBy: Ipv4 | undefined;
};

export type Silence = {
  readonly at: number;
  readonly code: SilenceCode;
  readonly because: string;
  readonly count: number;
};

export const NO_DHCP: DhcpEvidence = {
  client: undefined,
  firmware: undefined,
  kinds: [],
  xid: undefined,
  xidAt: Number.NaN,
  osXid: undefined,
  late: undefined,
  giaddr: undefined,
  interface: undefined,
  servers: [],
  bootFiles: [],
  because: undefined,
  offer: undefined,
  ack: undefined,
  took: undefined,
  silence: undefined,
  declined: undefined,
};

const NO_QUESTIONS = {
  offer: undefined,
  ack: undefined,
  took: undefined,
  silence: undefined,
  declined: undefined,
} as const;

/** The machine asked for a file: it has an address and knows whom to ask. */
export const dhcpDone = (dhcp: DhcpEvidence): DhcpEvidence => ({ ...dhcp, ...NO_QUESTIONS });

/** Silence that says nothing about the boot: the RFC wants none, or another client was meant. */
const MEANINGLESS: ReadonlySet<SilenceCode> = new Set(['ignored', 'limit', 'not-a-netboot-client', 'other-server']);

/** A first packet that has been on its way for so long was not the first. */
export const LATE_SECS = 10;

export function foldDhcp(
  evidence: Evidence,
  event: Of<'dhcp-received'> | Of<'dhcp-answered'> | Of<'dhcp-silent'> | Of<'other-dhcp'>,
): Evidence {
  const { dhcp } = evidence;
  switch (event.kind) {
    case 'dhcp-received':
      return received(evidence, event);
    case 'dhcp-answered':
      return event.xid === dhcp.osXid ? evidence : { ...evidence, dhcp: answered(dhcp, event) };
    case 'dhcp-silent': {
      if (event.xid === dhcp.osXid || MEANINGLESS.has(event.code)) return evidence;
      const count = dhcp.silence?.code === event.code ? dhcp.silence.count + 1 : 1;
      const silence = { at: event.at, code: event.code, because: event.because, count };
      return { ...evidence, dhcp: { ...dhcp, silence } };
    }
    case 'other-dhcp':
      return { ...evidence, dhcp: tookOther(dhcp, event.serverId, event.at) };
    default:
      return event satisfies never;
  }
}

function received(evidence: Evidence, event: Of<'dhcp-received'>): Evidence {
  const { client, message, xid, at } = event;
  if (client.kind === 'os') return { ...evidence, dhcp: { ...evidence.dhcp, osXid: xid } };
  const dhcp = heard(evidence.dhcp, event);
  const next = { ...evidence, dhcp, loader: heardAfterLoader(evidence, event) };
  switch (message) {
    case 'REQUEST': {
      const { serverId } = event;
      if (serverId !== undefined && !dhcp.servers.includes(serverId)) {
        return { ...next, dhcp: tookOther(dhcp, serverId, at) };
      }
      return { ...next, dhcp: { ...dhcp, offer: undefined } };
    }
    case 'DECLINE': {
      const declined = { at, address: event.requestedAddress, count: (dhcp.declined?.count ?? 0) + 1 };
      return { ...next, dhcp: { ...dhcp, offer: undefined, ack: undefined, declined } };
    }
    case 'DISCOVER':
    case 'RELEASE':
    case 'INFORM':
      return next;
    default:
      return message satisfies never;
  }
}

function heard(dhcp: DhcpEvidence, event: Of<'dhcp-received'>): DhcpEvidence {
  const { client, at, xid } = event;
  const { kind } = client;
  const isNew = !dhcp.kinds.includes(kind);
  // Another kind of client tries another way: what its predecessor was told does not bind it.
  const open = dhcp.client && dhcp.client.kind !== kind ? dhcpDone(dhcp) : dhcp;
  const secs = secondsOf(event.secs);
  return {
    ...open,
    client,
    firmware: kind === 'ipxe' ? dhcp.firmware : client,
    kinds: isNew ? [...dhcp.kinds, kind] : dhcp.kinds,
    xid,
    xidAt: at,
    osXid: dhcp.osXid === xid ? undefined : dhcp.osXid,
    late: isNew && event.message === 'DISCOVER' && secs >= LATE_SECS ? { secs, kind, at } : dhcp.late,
    giaddr: event.relay?.giaddr ?? dhcp.giaddr,
    interface: event.interface ?? dhcp.interface,
  };
}

/** Some clients write `secs` with its bytes swapped: 4 seconds come as 1024. */
const secondsOf = (secs: number): number => (secs >= 256 && secs % 256 === 0 ? secs / 256 : secs);

/** A loader that was sent whole: is it iPXE that speaks now, or the firmware again? */
function heardAfterLoader({ loader }: Evidence, { client, at }: Of<'dhcp-received'>): Evidence['loader'] {
  const { whole } = loader;
  if (!whole || loader.alive !== undefined) return loader;
  if (client.kind === 'ipxe') return { ...loader, alive: at, returned: undefined };
  // One return for each delivery, however often the firmware then repeats its DISCOVER.
  if (loader.returned?.delivery === whole.times) return loader;
  const count = (loader.returned?.count ?? 0) + 1;
  return { ...loader, returned: { at, count, afterMs: at - whole.at, delivery: whole.times } };
}

/** In proxy mode another server's address is what we want the client to take. */
function tookOther(dhcp: DhcpEvidence, serverId: Ipv4, at: number): DhcpEvidence {
  const { offer, client } = dhcp;
  if (!offer || dhcp.servers.includes(serverId)) return dhcp;
  if (!offer.proxy) return { ...dhcp, took: dhcp.took ?? { at, serverId, over: offer.serverId } };
  if (offer.bootFile === undefined || !client) return { ...dhcp, offer: undefined };
  const ack: Acknowledged = {
    firstAt: dhcp.ack?.firstAt ?? at,
    bootFile: offer.bootFile,
    serverId: offer.serverId,
    kind: client.kind,
    address: undefined,
    leasedBy: serverId,
  };
  return { ...dhcp, offer: undefined, ack };
}

function answered(dhcp: DhcpEvidence, event: Of<'dhcp-answered'>): DhcpEvidence {
  const { message, serverId, bootFile, at } = event;
  // RFC 2131 §3.1: after a NAK the client begins again; the answer to that tells more.
  if (message === 'NAK') return { ...dhcp, offer: undefined, silence: undefined };
  const known = {
    ...dhcp,
    silence: undefined,
    because: event.because,
    servers: withOne(dhcp.servers, serverId),
    bootFiles: bootFile === undefined ? dhcp.bootFiles : withOne(dhcp.bootFiles, bootFile),
  };
  const kind = dhcp.client?.kind ?? 'pxe';
  const gives = (): Acknowledged | undefined =>
    bootFile === undefined
      ? undefined
      : {
          firstAt: dhcp.ack?.kind === kind ? dhcp.ack.firstAt : at,
          bootFile,
          serverId,
          kind,
          address: event.yiaddr,
          leasedBy: dhcp.ack?.leasedBy,
        };
  if (message === 'ACK') return { ...known, offer: undefined, took: undefined, ack: gives() };
  const offer: Offered = {
    firstAt: dhcp.offer?.firstAt ?? at,
    at,
    count: (dhcp.offer?.count ?? 0) + 1,
    bootFile,
    serverId,
    proxy: event.proxy,
    yiaddr: event.yiaddr,
  };
  // The ROM of the Raspberry Pi 3 never sends a REQUEST: it goes from the OFFER straight to TFTP.
  if (kind === 'raspberry-pi') return { ...known, ack: gives() };
  return { ...known, offer };
}

/** Few are ever needed; a hostile client cannot make it grow. */
const MAX_KNOWN = 16;
const withOne = <T>(list: readonly T[], one: T): readonly T[] =>
  list.includes(one) ? list : [...list.slice(1 - MAX_KNOWN), one];
