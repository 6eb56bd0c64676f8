import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { type IpAddress, parseIpAddress } from '#machines/values/ip-address.ts';
import type { Listen } from '../config/config.ts';
import { type Task, task } from '../task.ts';
import { closeUdp, openUdp } from '../tftp/udp-socket.ts';
import { LOG_LIMITS, type LogLimits } from './limits.ts';
import { sourceRates } from './source-rates.ts';
import { type Framing, splitMessages } from './wire/framing.ts';

export type LogReceiverParts = {
  readonly name: string;
  readonly listen: Listen;
  readonly framing: Framing;
  /** A message of a source, or how many of it were refused because they came too fast. */
  readonly received: (source: IpAddress, text: string) => void;
  readonly missed: (source: IpAddress, count: number) => void;
  readonly clock: { now(): number };
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn'>;
  readonly limits?: Partial<LogLimits>;
};

/**
 * Takes log messages on one port over UDP, one in each datagram, and over TCP. It answers nothing, and whatever comes
 * costs bounded memory and time.
 */
export function logReceiver(parts: LogReceiverParts): Task<Listen> {
  const limits = { ...LOG_LIMITS, ...parts.limits };
  const { name, log, framing } = parts;
  const rates = sourceRates(limits);
  const decoder = new TextDecoder();

  function take(source: IpAddress, message: Uint8Array): void {
    const rate = rates.admit(source, parts.clock.now());
    if (!rate.admitted) return;
    try {
      if (rate.missed > 0) parts.missed(source, rate.missed);
      parts.received(source, decoder.decode(message));
    } catch (error) {
      log.warn({ err: error, source, message: Buffer.from(message).toString('hex') }, `${name}: a message failed`);
    }
  }

  function takeConnection(socket: Socket): void {
    const source = addressOf(socket.remoteAddress ?? '');
    if (!source) {
      socket.destroy();
      return;
    }
    const messages = splitMessages({ framing, maxBytes: limits.messageBytes });
    socket.setTimeout(limits.idleMs, () => socket.destroy());
    // A connection that breaks takes nothing with it: all its whole messages were taken.
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      for (const message of messages.push(chunk)) take(source, message);
    });
    socket.on('end', () => {
      const last = messages.end();
      if (last) take(source, last);
    });
  }

  return task(name, async (signal, listening) => {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: false }, (socket) => {
      const fromSame = [...sockets].filter((one) => one.remoteAddress === socket.remoteAddress).length;
      if (fromSame >= limits.connectionsPerSource) {
        socket.destroy();
        return;
      }
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      takeConnection(socket);
    });
    server.maxConnections = limits.connections;
    const { udp, port } = await openBoth(server, parts.listen, {
      received: (bytes, from) => {
        const source = addressOf(from);
        if (source) take(source, bytes.subarray(0, limits.messageBytes));
      },
      failed: (error) => log.warn({ err: error }, `${name}: the UDP socket failed`),
    });
    server.on('error', (error) => log.warn({ err: error }, `${name}: the TCP socket failed`));
    try {
      listening({ address: parts.listen.address, port });
      if (!signal.aborted) await once(signal, 'abort');
    } finally {
      for (const socket of sockets) socket.destroy();
      await Promise.all([closeUdp(udp), closeTcp(server)]);
    }
  });
}

type UdpHandlers = {
  readonly received: (bytes: Uint8Array, from: string) => void;
  readonly failed: (error: Error) => void;
};

/** Port 0 is a free one, the same for both; a port that is free for TCP may be taken for UDP, so several are tried. */
async function openBoth(
  server: Server,
  listen: Listen,
  { received, failed }: UdpHandlers,
): Promise<{ readonly udp: UdpSocket; readonly port: number }> {
  for (let tries = listen.port === 0 ? 10 : 1; ; tries--) {
    server.listen({ host: listen.address, port: listen.port });
    await once(server, 'listening').catch((cause: unknown) => {
      throw new Error(`cannot listen on TCP ${listen.address} port ${listen.port}`, { cause });
    });
    const bound = server.address();
    const port = typeof bound === 'object' && bound ? bound.port : listen.port;
    try {
      const udp = await openUdp({
        address: listen.address,
        port,
        received: (bytes, from) => received(bytes, from.address),
        failed,
      });
      return { udp, port };
    } catch (error) {
      await closeTcp(server);
      if (tries <= 1) throw error;
    }
  }
}

async function closeTcp(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  await promise;
}

/** An IPv4 peer of a dual-stack socket is written `::ffff:192.0.2.1`; a link-local one carries its interface. */
function addressOf(text: string): IpAddress | undefined {
  const result = parseIpAddress(text.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, ''));
  return result.ok ? result.value : undefined;
}
