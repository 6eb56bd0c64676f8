import type { RemoteInfo } from 'node:dgram';
import { ANY_IPV4, type IpAddress, parseIpAddress } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import type { InheritedSocket } from '../sockets/inherited-sockets.ts';
import { interfaceAddresses } from '../sockets/interface-addresses.ts';
import type { Endpoint } from './contract.ts';
import { type LocalAddress, localAddresses } from './local-addresses.ts';
import { closeUdp, openUdp } from './udp-socket.ts';

/** A socket that requests come to, and what is known about its address. */
export type Listener = {
  readonly local: Endpoint;
  /** As a socket binds it, with the scope of a link-local address. */
  readonly bindAddress: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly mtu: number | undefined;
  /** Nothing is sent once the address is gone. */
  send(packet: Uint8Array, to: { readonly address: string; readonly port: number }): void;
  sendsPending(): number;
};

/** A rack that is powered on at once asks at once, and who is not heard waits for seconds before asking again. */
const RECEIVE_BUFFER_BYTES = 4 << 20;

type Place = LocalAddress & { readonly entry: number; readonly wildcard: boolean };

/**
 * The listening sockets. A wildcard means one socket for each address of this machine, as a socket on the wildcard
 * itself would answer from whatever address the route prefers, and clients check where the answer comes from.
 *
 * `follow` looks for addresses that came or went; `open` rejects if a listed address cannot be had.
 */
export function tftpListeners({
  listen,
  inherited,
  received,
  failed,
  changed,
}: {
  readonly listen: readonly { readonly address: IpAddress; readonly port: number }[];
  /** Of a supervisor, which gives them back at each start: bound to a device, and as good as its first address. */
  readonly inherited: readonly InheritedSocket[];
  readonly received: (listener: Listener, bytes: Uint8Array, from: RemoteInfo) => void;
  readonly failed: (listener: Listener, error: Error) => void;
  readonly changed: (kind: 'listening' | 'not-listening', local: Endpoint, because: string) => void;
}) {
  const sockets = new Map<string, { readonly listener: Listener; readonly close: () => Promise<void> }>();
  /** The port of each entry; one that was 0 is known once its first socket is bound, and then holds for all. */
  const ports = listen.map((entry) => entry.port);
  const refusals = new Map<string, string>();
  const givenSockets: { readonly listener: Listener; readonly close: () => Promise<void> }[] = [];

  function places(): readonly Place[] {
    const given = inherited.flatMap(({ name }) => interfaceAddresses(name).map(({ address }) => address));
    const mine = localAddresses().filter(({ address }) => !given.some((one) => one === address));
    return listen.flatMap(({ address }, entry): readonly Place[] => {
      if (address === '0.0.0.0' || address === '::') {
        const family = address === '::' ? 'IPv6' : 'IPv4';
        return mine.filter((one) => one.family === family).map((one) => ({ ...one, entry, wildcard: true }));
      }
      const family = address.includes(':') ? 'IPv6' : 'IPv4';
      return [{ address, family, mtu: mine.find((one) => one.address === address)?.mtu, entry, wildcard: false }];
    });
  }

  const keyOf = (place: Place) => `${place.entry} ${place.address}`;

  /** It stays open when its interface has no address; then nothing comes to it either. */
  async function openInherited({ fd, name }: InheritedSocket): Promise<Endpoint> {
    const address = (): IpAddress => interfaceAddresses(name)[0]?.address ?? ANY_IPV4;
    const socket = await openUdp({
      address: ANY_IPV4,
      port: 0,
      fd,
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
      received: (bytes, from) => received(listener, bytes, from),
      failed: (error) => failed(listener, error),
    });
    const { port } = socket.address();
    let open = true;
    const listener: Listener = {
      get local() {
        return { address: address(), port };
      },
      get bindAddress() {
        return address();
      },
      family: 'IPv4',
      get mtu() {
        return localAddresses().find((one) => one.address === address())?.mtu;
      },
      send: (packet, to) => {
        if (open) socket.send(packet, to.port, to.address);
      },
      sendsPending: () => (open ? socket.getSendQueueCount() : 0),
    };
    givenSockets.push({
      listener,
      async close() {
        open = false;
        await closeUdp(socket);
      },
    });
    return listener.local;
  }

  async function openOne(place: Place): Promise<Endpoint> {
    const socket = await openUdp({
      address: place.address,
      port: ports[place.entry] ?? 0,
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
      received: (bytes, from) => received(listener, bytes, from),
      failed: (error) => failed(listener, error),
    });
    const { port } = socket.address();
    ports[place.entry] = port;
    const listener: Listener = {
      local: { address: unscoped(place.address), port },
      bindAddress: place.address,
      family: place.family,
      mtu: place.mtu,
      // A closed socket throws, and a request or a timer of a transfer may outlive the address it came to.
      send: (packet, to) => {
        if (open) socket.send(packet, to.port, to.address);
      },
      sendsPending: () => (open ? socket.getSendQueueCount() : 0),
    };
    let open = true;
    const close = async () => {
      open = false;
      await closeUdp(socket);
    };
    sockets.set(keyOf(place), { listener, close });
    return listener.local;
  }

  /** Told once for each reason, not at every look. */
  function refused(place: Place, error: unknown): void {
    const because = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    const key = keyOf(place);
    if (refusals.get(key) === because) return;
    refusals.set(key, because);
    changed('not-listening', { address: unscoped(place.address), port: ports[place.entry] ?? 0 }, because);
  }

  return {
    async open(): Promise<readonly Endpoint[]> {
      for (const one of inherited) await openInherited(one);
      for (const place of places()) {
        try {
          await openOne(place);
        } catch (error) {
          // A fresh IPv6 address is tentative for a second or two; `follow` finds it usable.
          // Who is given sockets may have no right to open this port on other addresses.
          const optional = inherited.length > 0 && codeOf(error) === 'EACCES';
          if (!place.wildcard || (codeOf(error) !== 'EADDRNOTAVAIL' && !optional)) throw error;
          refused(place, error);
        }
      }
      return [...givenSockets, ...sockets.values()].map(({ listener }) => listener.local);
    },

    async follow(): Promise<void> {
      const now = places();
      const wanted = new Set(now.map(keyOf));
      for (const [key, { listener, close }] of sockets) {
        if (wanted.has(key)) continue;
        sockets.delete(key);
        await close();
        changed('not-listening', listener.local, 'the address is gone');
      }
      for (const place of now.filter((one) => !sockets.has(keyOf(one)))) {
        const key = keyOf(place);
        try {
          changed('listening', await openOne(place), 'a new address');
          refusals.delete(key);
        } catch (error) {
          refused(place, error);
        }
      }
    },

    async close(): Promise<void> {
      await Promise.all([...givenSockets, ...sockets.values()].map(({ close }) => close()));
      sockets.clear();
    },
  };
}

function codeOf(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}

/** Addresses from the system are well formed; only their scope is no part of our value type. */
export const unscoped = (address: string): IpAddress => sure(parseIpAddress(address.replace(/%.*$/, '')));
