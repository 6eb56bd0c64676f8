import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ANY_IPV4, BROADCAST_IPV4, type Ipv4 } from '#machines/values/ip-address.ts';
import type { DeviceSockets } from '../sockets/device-socket.ts';
import { loadDeviceSockets } from '../sockets/device-socket.ts';
import { allAddresses } from '../sockets/interface-addresses.ts';
import { openUdp4 } from '../sockets/udp4-socket.ts';
import { PORTS } from './decide/destination.ts';
import { type IngotMarker, MARKER_OPTION, PROBE_CLASS, readMarker, writeMarker } from './decide/ingot-marker.ts';
import { type Dhcp4Message, decodeDhcp4, EMPTY_DHCP4, encodeDhcp4, withBroadcast } from './wire/message.ts';
import { getOption, makeOptions, rawOption, withRawOption } from './wire/options.ts';

/** A DHCP server that answered. `marker`: it is an Ingot. */
export type FoundServer = {
  readonly serverId: Ipv4;
  readonly ingot: boolean;
  readonly marker: IngotMarker | undefined;
};

export type ProbeServers = {
  readonly interface: string;
  /** How long to listen; the question is asked again after a quarter of it, since one may be lost. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Of the daemon that asks, so that it is not found by itself. */
  readonly self?: IngotMarker;
  readonly sockets?: DeviceSockets;
};

/**
 * Servers ping an address before they offer it to somebody new: dnsmasq and the DHCP servers of many home routers for
 * three seconds, udhcpd by ARP for two, dhcpd for one. Who listens for less finds none of them.
 */
export const PROBE_MS = 4500;

/**
 * Which DHCP servers answer on this interface? Asks as a client would, with a made-up MAC address, and takes no offer:
 * servers hold an address for it for a minute. Rejects if it could not ask; servers of this machine do not count.
 */
export async function probeDhcpServers(query: ProbeServers): Promise<readonly FoundServer[]> {
  const { timeoutMs = PROBE_MS, self } = query;
  const signal = AbortSignal.any([query.signal ?? [], AbortSignal.timeout(timeoutMs)].flat());
  const sockets = query.sockets ?? (await deviceSockets());
  const fd = sockets.open({ interface: query.interface, address: ANY_IPV4, port: PORTS.client });
  const message = probeMessage(self);
  const own = new Set(allAddresses());
  const found = new Map<Ipv4, FoundServer>();
  let failure: Error | undefined;
  const socket = await openUdp4({
    source: { kind: 'descriptor', fd },
    received(bytes) {
      const decoded = decodeDhcp4(bytes);
      if (decoded.kind !== 'message' || decoded.message.op !== 2 || decoded.message.xid !== message.xid) return;
      const server = serverOf(decoded.message);
      if (server && !own.has(server.serverId)) found.set(server.serverId, server);
    },
    failed: (error) => {
      failure = error;
    },
  });
  try {
    for (const waitMs of [timeoutMs / 4, timeoutMs]) {
      socket.send(encodeDhcp4(message), { address: BROADCAST_IPV4, port: PORTS.relay });
      await sleep(waitMs, undefined, { signal }).catch(() => {});
    }
  } finally {
    await socket.close();
  }
  query.signal?.throwIfAborted();
  if (failure && found.size === 0) throw new Error(`cannot ask on ${query.interface}`, { cause: failure });
  return [...found.values()];
}

async function deviceSockets(): Promise<DeviceSockets> {
  const loaded = await loadDeviceSockets();
  if (loaded.kind === 'available') return loaded.sockets;
  throw new Error(`cannot ask on one interface only: ${loaded.because}`);
}

function probeMessage(self: IngotMarker | undefined): Dhcp4Message {
  const chaddr = new Uint8Array(16);
  // Locally administered, unicast.
  chaddr.set([0x02, ...randomBytes(5)]);
  const options = makeOptions({
    messageType: 'DISCOVER',
    vendorClass: PROBE_CLASS,
    parameterRequestList: Uint8Array.of(1, 3, 6, 51, 54, MARKER_OPTION),
  });
  return withBroadcast({
    ...EMPTY_DHCP4,
    xid: randomInt(1, 2 ** 32),
    chaddr,
    options: self ? withRawOption(options, MARKER_OPTION, writeMarker(self)) : options,
  });
}

function serverOf({ options }: Dhcp4Message): FoundServer | undefined {
  const serverId = getOption(options, 'serverId');
  const marker = readMarker(rawOption(options, MARKER_OPTION));
  return serverId === undefined ? undefined : { serverId, ingot: marker !== undefined, marker };
}
