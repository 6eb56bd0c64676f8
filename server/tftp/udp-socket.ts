import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIP } from 'node:net';

/**
 * A UDP socket bound to one address of this machine; rejects if it cannot be. Close it with `closeUdp`.
 *
 * `failed` is told of errors after that; the socket stays open. With `peer` the socket is connected: it receives from
 * that peer only, and its errors tell that the peer's port is closed. Sockets that are `sharing` may be bound to one
 * port; Linux then gives a datagram to the one that is connected to its sender, else to the one that is not connected.
 */
export async function openUdp({
  address,
  port,
  peer,
  fd,
  sharing = false,
  receiveBufferBytes,
  received,
  failed,
}: {
  readonly address: string;
  readonly port: number;
  readonly peer?: { readonly address: string; readonly port: number };
  /** A descriptor that is bound there already, and belongs to the socket from now on. */
  readonly fd?: number;
  readonly sharing?: boolean;
  /** The kernel gives what it may (net.core.rmem_max), and says nothing when that is less. */
  readonly receiveBufferBytes?: number;
  readonly received: (bytes: Uint8Array, from: RemoteInfo) => void;
  readonly failed: (error: Error) => void;
}): Promise<Socket> {
  const family = address.includes(':') ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    ipv6Only: family === 6,
    reuseAddr: sharing,
    ...(receiveBufferBytes === undefined ? {} : { recvBufferSize: receiveBufferBytes }),
    // Only addresses are ever given, so nothing is looked up. Node's own lookup takes a turn of the event loop for each
    // packet that an unconnected socket sends.
    lookup: (literal, _options, done) => {
      if (isIP(literal)) done(null, literal, family);
      else done(new Error(`got ${JSON.stringify(literal)}, want an IP address`), literal, family);
    },
  });
  const { promise: bound, resolve, reject } = Promise.withResolvers<void>();
  socket.once('listening', resolve).once('error', reject);
  try {
    // In one turn, so that no stray packet finds the socket between the two.
    if (fd === undefined) socket.bind({ address, port, exclusive: true });
    else socket.bind({ fd });
    if (peer) socket.connect(peer.port, peer.address);
    await bound;
  } catch (cause) {
    await closeUdp(socket);
    throw new Error(`cannot listen on UDP ${address} port ${port}`, { cause });
  }
  socket.off('error', reject).on('error', failed).on('message', received);
  return socket;
}

export async function closeUdp(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.close(resolve);
  await promise;
}
