import { existsSync } from 'node:fs';
import { ANY_IPV4, type Ipv4, isIpv6 } from '#machines/values/ip-address.ts';
import type { Config, InterfaceConfig, Listen } from '../config/config.ts';
import type { DeviceSocketsResult } from '../sockets/device-socket.ts';
import type { InheritedSocket } from '../sockets/inherited-sockets.ts';
import { allAddresses, type InterfaceAddress, interfaceAddresses } from '../sockets/interface-addresses.ts';
import { openUdp4, type Udp4Endpoint, type Udp4Socket, type Udp4Source } from '../sockets/udp4-socket.ts';
import type { Dhcp4Listening } from './contract.ts';
import type { Arrival, InterfaceLink } from './decide/arrival.ts';

/** A datagram that came, and the way back. */
export type Incoming = {
  readonly arrival: Arrival;
  readonly bytes: Uint8Array;
  reply(bytes: Uint8Array, to: Udp4Endpoint): void;
};

export type ListenerEvents = {
  readonly received: (incoming: Incoming) => void;
  readonly failed: (where: string, error: Error) => void;
  readonly changed: (text: string) => void;
};

type ServedInterface = InterfaceConfig & { readonly mode: 'server' | 'proxy' };

/**
 * The sockets of the DHCP server. An interface has one that is bound to the device: dgram tells neither the interface nor
 * the destination of a datagram, and only a wildcard socket hears broadcasts. Each of its addresses has another: it gets
 * what is sent to that address, from relays and renewing clients, on whatever interface it comes in, and what leaves by
 * it has the right source. Then there are the boot servers' port 4011, and sockets for relayed packets only.
 */
export function dhcpListeners({
  config,
  device,
  inherited,
  events,
}: {
  readonly config: Pick<Config, 'interfaces' | 'dhcp'>;
  readonly device: DeviceSocketsResult;
  readonly inherited: readonly InheritedSocket[];
  readonly events: ListenerEvents;
}) {
  const { serverPort, proxyPort, relayListen } = config.dhcp;
  const served = config.interfaces.filter((one): one is ServedInterface => one.mode !== 'off');
  const links = new Map<string, InterfaceLink>();
  const sockets = new Map<string, Udp4Socket>();
  const refused = new Map<string, string>();
  const relay: Udp4Endpoint[] = [];
  const bootServer: Udp4Endpoint[] = [];

  type Station = {
    readonly link: () => InterfaceLink | undefined;
    readonly plane: Arrival['plane'];
    readonly cast: () => Arrival['cast'];
    readonly local: (socket: Udp4Socket) => Ipv4 | undefined;
    readonly where: string;
  };

  async function open(key: string, source: Udp4Source, station: Station): Promise<Udp4Socket> {
    const socket = await openUdp4({
      source,
      received(bytes, from) {
        const local = station.local(socket);
        // An interface without an address can tell no client where to turn to.
        if (local === undefined) return;
        const link = station.link();
        const arrival: Arrival = {
          link,
          plane: station.plane,
          port: socket.local.port,
          local,
          cast: station.cast(),
          source: from,
        };
        events.received({
          arrival,
          bytes,
          reply: (answer, to) => (sockets.get(addressKey(station.plane, local)) ?? socket).send(answer, to),
        });
      },
      failed: (error) => events.failed(station.where, error),
    });
    sockets.set(key, socket);
    return socket;
  }

  /** Bound to the device if that can be had; else there may be no other interface whose packets it would hear too. */
  async function openDevice({ name }: ServedInterface): Promise<void> {
    const given = inherited.find((one) => one.name === name);
    const station: Station = {
      link: () => links.get(name),
      plane: 'dhcp',
      // Without a socket for each address, unicasts come here too.
      cast: () =>
        links.get(name)?.addresses.every(({ address }) => sockets.has(addressKey('dhcp', address)))
          ? 'broadcast'
          : 'unknown',
      local: () => links.get(name)?.addresses[0]?.address,
      where: name,
    };
    await open(deviceKey(name), deviceSource(name, given), station);
  }

  function deviceSource(name: string, given: InheritedSocket | undefined): Udp4Source {
    // Its own stays open: whoever listens again after this needs it.
    if (given)
      return { kind: 'descriptor', fd: device.kind === 'available' ? device.sockets.duplicate(given.fd) : given.fd };
    if (device.kind === 'available') {
      return { kind: 'descriptor', fd: device.sockets.open({ interface: name, address: ANY_IPV4, port: serverPort }) };
    }
    const others = allAddresses().filter(
      (address) => !address.startsWith('127.') && !interfaceAddresses(name).some((own) => own.address === address),
    );
    if (served.length > 1 || others.length > 0) {
      throw new Error(
        `cannot tell ${name} from the other interfaces of this machine (${device.because}): ` +
          'give a socket for each by systemd (BindToDevice=, FileDescriptorName=), or leave one interface only',
      );
    }
    return { kind: 'bind', address: ANY_IPV4, port: serverPort };
  }

  function addressSource(address: Ipv4, port: number): Udp4Source {
    if (device.kind === 'unavailable') return { kind: 'bind', address, port };
    return { kind: 'descriptor', fd: device.sockets.open({ address, port }) };
  }

  async function openAddress(name: string, { address }: InterfaceAddress, plane: Arrival['plane']): Promise<void> {
    const port = plane === 'dhcp' ? serverPort : proxyPort;
    const socket = await open(addressKey(plane, address), addressSource(address, port), {
      link: () => links.get(name),
      plane,
      cast: () => 'unicast',
      local: () => address,
      where: `${address}:${port}`,
    });
    if (plane === 'boot-server') bootServer.push(socket.local);
  }

  async function openRelay(listen: Listen, index: number): Promise<void> {
    const { address } = listen;
    if (isIpv6(address) || address === ANY_IPV4) {
      throw new Error(`dhcp.relayListen: got ${address}, want one IPv4 address of this machine: clients are told it`);
    }
    // An interface that is served has this one already.
    if (listen.port === serverPort && sockets.has(addressKey('dhcp', address))) return;
    const socket = await open(`relay ${index}`, addressSource(address, listen.port), {
      link: () => undefined,
      plane: 'dhcp',
      cast: () => 'unicast',
      local: () => address,
      where: `${address}:${listen.port}`,
    });
    relay.push(socket.local);
    // A relay at the usual port stands for clients that ask at the other usual port.
    if (listen.port !== serverPort || sockets.has(addressKey('boot-server', address))) return;
    const second = await open(addressKey('boot-server', address), addressSource(address, proxyPort), {
      link: () => undefined,
      plane: 'boot-server',
      cast: () => 'unicast',
      local: () => address,
      where: `${address}:${proxyPort}`,
    });
    bootServer.push(second.local);
  }

  async function shut(key: string): Promise<void> {
    const socket = sockets.get(key);
    sockets.delete(key);
    await socket?.close();
  }

  /** Opens what an interface lacks, and closes what it has lost. */
  async function attend(one: ServedInterface, must: boolean): Promise<void> {
    const { name, mode, discovery } = one;
    const before = links.get(name)?.addresses ?? [];
    const addresses = interfaceAddresses(name);
    links.set(name, { name, mode, discovery, addresses });
    for (const { address } of before.filter((old) => !addresses.some((now) => now.address === old.address))) {
      await shut(addressKey('dhcp', address));
      await shut(addressKey('boot-server', address));
      events.changed(`${name} has lost ${address}`);
    }
    if (!isInterface(name)) {
      if (sockets.has(deviceKey(name))) {
        await shut(deviceKey(name));
        events.changed(`${name} is gone`);
      }
      return;
    }
    if (!sockets.has(deviceKey(name))) await attempt(deviceKey(name), must, () => openDevice(one));
    for (const address of addresses) {
      for (const plane of ['dhcp', 'boot-server'] as const) {
        const key = addressKey(plane, address.address);
        if (sockets.has(key)) continue;
        // With a socket from systemd there may be no right to port 67; that one then hears and sends everything.
        const optional = inherited.some((given) => given.name === name) && plane === 'dhcp';
        await attempt(key, must && !optional, async () => {
          await openAddress(name, address, plane);
          if (!must) events.changed(`${name} has ${address.address} now`);
        });
      }
    }
  }

  /** At the start a failure ends everything; later it is told once and tried again. */
  async function attempt(key: string, must: boolean, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      refused.delete(key);
    } catch (error) {
      if (must) throw error;
      const text = error instanceof Error ? error.message : String(error);
      if (refused.get(key) !== text) events.failed(key, error instanceof Error ? error : new Error(text));
      refused.set(key, text);
    }
  }

  return {
    links: (): readonly InterfaceLink[] => [...links.values()],

    /** Rejects if an interface does not exist or a socket cannot be had. */
    async open(): Promise<Dhcp4Listening> {
      for (const one of served) {
        if (!isInterface(one.name)) throw new Error(`there is no interface ${one.name} on this machine`);
        await attend(one, true);
      }
      for (const [index, listen] of relayListen.entries()) await openRelay(listen, index);
      return {
        interfaces: served.map(({ name }) => ({
          name,
          addresses: (links.get(name)?.addresses ?? []).map(({ address }) => address),
        })),
        relay,
        bootServer,
      };
    },

    async follow(): Promise<void> {
      for (const one of served) await attend(one, false);
    },

    async close(): Promise<void> {
      await Promise.all([...sockets.values()].map((socket) => socket.close()));
      sockets.clear();
    },
  };
}

const deviceKey = (name: string): string => `device ${name}`;
const addressKey = (plane: Arrival['plane'], address: Ipv4): string => `${plane} ${address}`;

/** An interface that is down, or has no address, is there all the same. */
const isInterface = (name: string): boolean =>
  existsSync(`/sys/class/net/${name}`) || interfaceAddresses(name).length > 0;
