import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import type { Ipv4 } from '#machines/values/ip-address.ts';
import { RECEIVE_BUFFER_BYTES } from './device-socket.ts';

export type Udp4Endpoint = { readonly address: Ipv4; readonly port: number };

export type Udp4Socket = {
  readonly local: Udp4Endpoint;
  /** Never throws; what fails is told to `failed`. */
  send(bytes: Uint8Array, to: Udp4Endpoint): void;
  close(): Promise<void>;
};

/** Where a socket is had from: bound here, or a descriptor that is bound already and belongs to the socket from now on. */
export type Udp4Source =
  | { readonly kind: 'bind'; readonly address: Ipv4; readonly port: number }
  | { readonly kind: 'descriptor'; readonly fd: number };

/**
 * A UDP socket that may send broadcasts and shares its port with more specific or less specific ones. Rejects if it
 * cannot be had. `received` may throw: that is a bug, and goes to `failed` like a failed send.
 */
export async function openUdp4({
  source,
  received,
  failed,
}: {
  readonly source: Udp4Source;
  readonly received: (bytes: Uint8Array, from: Udp4Endpoint) => void;
  readonly failed: (error: Error) => void;
}): Promise<Udp4Socket> {
  const socket = createSocket({
    type: 'udp4',
    reuseAddr: true,
    // Only addresses are ever given. Node's own lookup takes a turn of the event loop for each packet that is sent.
    lookup: (literal, _options, done) => {
      if (isIPv4(literal)) done(null, literal, 4);
      else done(new Error(`got ${JSON.stringify(literal)}, want an IPv4 address`), literal, 4);
    },
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  socket.once('listening', resolve).once('error', reject);
  try {
    if (source.kind === 'descriptor') socket.bind({ fd: source.fd });
    else socket.bind({ address: source.address, port: source.port, exclusive: true });
    await listening;
  } catch (cause) {
    socket.close();
    throw new Error(`cannot listen on UDP ${describeSource(source)}`, { cause });
  }
  socket.off('error', reject).on('error', failed);
  socket.setBroadcast(true);
  if (source.kind === 'bind') enlargeBuffer(socket);
  socket.on('message', (bytes: Buffer, { address, port }: RemoteInfo) => {
    try {
      received(bytes, { address: address as Ipv4, port });
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)));
    }
  });
  const { address, port } = socket.address();
  const sent = (error: Error | null): void => {
    if (error) failed(error);
  };
  let closed: Promise<void> | undefined;

  return {
    local: { address: address as Ipv4, port },
    send(bytes, to) {
      if (closed) return;
      socket.send(bytes, to.port, to.address, sent);
    },
    close() {
      closed ??= new Promise((done) => {
        socket.close(done);
      });
      return closed;
    },
  };
}

/** Up to net.core.rmem_max; whoever made a descriptor has seen to it himself. */
function enlargeBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // The default then; a system that refuses this has its reasons.
  }
}

const describeSource = (source: Udp4Source): string =>
  source.kind === 'bind' ? `${source.address} port ${source.port}` : `descriptor ${source.fd}`;
