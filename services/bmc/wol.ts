import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { type BmcDriver, BmcError, type BmcTarget } from './contract.ts';
import { notSupported } from './not-supported.ts';
import { encodeMagicPacket } from './wire/magic-packet.ts';

/** Discard (RFC 863), as everybody uses it: NICs look at the payload alone. */
const PORT = 9;
/** Datagrams get lost, and one more does nothing to a machine that is awake. */
const COPIES = 3;

export type Destination = { readonly address: string; readonly port: number };

/**
 * Wake-on-LAN: `on` and nothing else, without any answer. The target's address is a MAC, or MAC@IP where the broadcast
 * must go elsewhere than to the subnets of this host's interfaces.
 */
export async function openWol(
  target: Pick<BmcTarget, 'address'>,
  destinations: () => readonly Destination[] = broadcasts,
): Promise<BmcDriver> {
  const [macText = '', ip] = target.address.split('@');
  const mac = parseMacAddress(macText);
  if (!mac.ok) throw new BmcError('refused', `Wake-on-LAN: ${mac.because}`);
  const lacks = notSupported('Wake-on-LAN');
  return {
    ...lacks,
    type: 'wol',
    verbs: new Set(['on']),
    async power(action, signal) {
      signal.throwIfAborted();
      if (action !== 'on') return await lacks.power(action, signal);
      const to = ip === undefined ? destinations() : [{ address: ip, port: PORT }];
      if (to.length === 0)
        throw new BmcError('unreachable', 'Wake-on-LAN: no interface has an IPv4 subnet to broadcast to');
      await sendAll(encodeMagicPacket(mac.value), to, signal);
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function sendAll(packet: Uint8Array, to: readonly Destination[], signal: AbortSignal): Promise<void> {
  const socket = createSocket('udp4');
  try {
    socket.bind(0);
    await once(socket, 'listening');
    signal.throwIfAborted();
    socket.setBroadcast(true);
    const sent = await Promise.allSettled(
      to.flatMap((one) => Array.from({ length: COPIES }, () => send(socket, packet, one))),
    );
    // An interface that is down is no reason not to wake by the others.
    const failed = sent.find((one) => one.status === 'rejected');
    if (failed && sent.every((one) => one.status === 'rejected')) {
      throw new BmcError('unreachable', 'Wake-on-LAN: the packet could not be sent', { cause: failed.reason });
    }
  } finally {
    socket.close();
  }
}

const send = (socket: ReturnType<typeof createSocket>, packet: Uint8Array, to: Destination): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.send(packet, to.port, to.address, (error) => (error ? reject(error) : resolve()));
  });

/** The broadcast address of each IPv4 subnet that this host stands in. */
function broadcasts(): readonly Destination[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address, netmask }) => ({ address: broadcastOf(address, netmask), port: PORT }));
}

function broadcastOf(address: string, netmask: string): string {
  const mask = netmask.split('.').map(Number);
  return address
    .split('.')
    .map((octet, at) => Number(octet) | (~(mask[at] ?? 255) & 0xff))
    .join('.');
}
