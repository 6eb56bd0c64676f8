import type { RemoteInfo, Socket } from 'node:dgram';
import { type IpAddress, parseIpAddress } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
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
  send(packet: Uint8Array, to: { readonly address: string; readonly port: number }): void;
  sendsPending(): number;
};

type Place = LocalAddress & { readonly entry: number };

/**
 * The listening sockets. A wildcard means one socket for each address of this machine, as a socket on the wildcard
 * itself would answer from whatever address the route prefers, and clients check where the answer comes from.
 *
 * `follow` looks for addresses that came or went; `open` rejects if a listed address cannot be had.
 */
export function tftpListeners({
  listen,
  received,
  failed,
  changed,
}: {
  readonly listen: readonly { readonly address: IpAddress; readonly port: number }[];
  readonly received: (listener: Listener, bytes: Uint8Array, from: RemoteInfo) => void;
  readonly failed: (listener: Listener, error: Error) => void;
  readonly changed: (kind: 'listening' | 'not-listening', local: Endpoint, because: string) => void;
}) {
  const sockets = new Map<string, { readonly socket: Socket; readonly listener: Listener }>();
  /** The port of each entry; one that was 0 is known once its first socket is bound, and then holds for all. */
  const ports = listen.map((entry) => entry.port);
  const refusals = new Map<string, string>();

  function places(): readonly Place[] {
    const mine = localAddresses();
    return listen.flatMap(({ address }, entry): readonly Place[] => {
      if (address === '0.0.0.0' || address === '::') {
        const family = address === '::' ? 'IPv6' : 'IPv4';
        return mine.filter((one) => one.family === family).map((one) => ({ ...one, entry }));
      }
      const family = address.includes(':') ? 'IPv6' : 'IPv4';
      return [{ address, family, mtu: mine.find((one) => one.address === address)?.mtu, entry }];
    });
  }

  const keyOf = (place: Place) => `${place.entry} ${place.address}`;

  async function openOne(place: Place): Promise<Endpoint> {
    const socket = await openUdp({
      address: place.address,
      port: ports[place.entry] ?? 0,
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
      send: (packet, to) => socket.send(packet, to.port, to.address),
      sendsPending: () => socket.getSendQueueCount(),
    };
    sockets.set(keyOf(place), { socket, listener });
    return listener.local;
  }

  return {
    async open(): Promise<readonly Endpoint[]> {
      for (const place of places()) await openOne(place);
      return [...sockets.values()].map(({ listener }) => listener.local);
    },

    async follow(): Promise<void> {
      const now = places();
      const wanted = new Set(now.map(keyOf));
      for (const [key, { socket, listener }] of sockets) {
        if (wanted.has(key)) continue;
        sockets.delete(key);
        await closeUdp(socket);
        changed('not-listening', listener.local, 'the address is gone');
      }
      for (const place of now.filter((one) => !sockets.has(keyOf(one)))) {
        const key = keyOf(place);
        try {
          changed('listening', await openOne(place), 'a new address');
          refusals.delete(key);
        } catch (error) {
          // A fresh IPv6 address is tentative for a second or two; the next look finds it usable. Told once each.
          const because = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
          const local = { address: unscoped(place.address), port: ports[place.entry] ?? 0 };
          if (refusals.get(key) !== because) changed('not-listening', local, because);
          refusals.set(key, because);
        }
      }
    },

    async close(): Promise<void> {
      await Promise.all([...sockets.values()].map(({ socket }) => closeUdp(socket)));
      sockets.clear();
    },
  };
}

/** Addresses from the system are well formed; only their scope is no part of our value type. */
export const unscoped = (address: string): IpAddress => sure(parseIpAddress(address.replace(/%.*$/, '')));
