import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { decodeTftp, encodeTftp, type TftpPacket } from '#server/tftp/wire/packet.ts';

export type Received = { readonly packet: TftpPacket; readonly port: number; readonly address: string };

/** A UDP socket that speaks TFTP packet by packet; closed with the test. */
export async function rawClient(t: TestContext, { address = '127.0.0.1' } = {}) {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const queue: Received[] = [];
  let waiting: ((received: Received) => void) | undefined;
  socket.on('message', (bytes, from) => {
    const decoded = decodeTftp(Uint8Array.from(bytes));
    if (decoded.kind === 'malformed') throw new Error(`the server sent a malformed packet: ${decoded.because}`);
    const received = { packet: decoded.packet, port: from.port, address: from.address };
    if (waiting) waiting(received);
    else queue.push(received);
    waiting = undefined;
  });
  socket.bind(0, address);
  await once(socket, 'listening');
  t.after(() => socket.close());
  const sendBytes = (bytes: Uint8Array, port: number, to = address) =>
    new Promise<void>((resolve, reject) => {
      socket.send(bytes, port, to, (error) => (error ? reject(error) : resolve()));
    });
  return {
    sendBytes,
    send: (packet: TftpPacket, port: number, to = address) => sendBytes(encodeTftp(packet), port, to),
    request: (port: number, filename: string, options: Readonly<Record<string, number>> = {}, mode = 'octet') =>
      sendBytes(encodeTftp(readRequest(filename, options, mode)), port),
    /** The next packet, waited for without limit: the test runner has one. */
    next: async (): Promise<Received> =>
      queue.shift() ?? (await new Promise<Received>((resolve) => (waiting = resolve))),
    /** Packets that have come and nobody has asked for. */
    unread: (): readonly Received[] => queue,
    port: () => socket.address().port,
  };
}

export const readRequest = (
  filename: string,
  options: Readonly<Record<string, number>> = {},
  mode = 'octet',
): TftpPacket => ({
  kind: 'RRQ',
  filename,
  mode,
  options: Object.entries(options).map(([name, value]) => ({ name, value: String(value) })),
});

/**
 * Fetches a file as RFC 7440 §4 wants a receiver to: takes blocks in order, acknowledges the end of each window, and the
 * last good block as soon as it sees a gap; repeats its last packet when nothing comes. Rejects on an ERROR.
 */
export async function fetchFile(
  t: TestContext,
  {
    port,
    filename,
    options = {},
    rollover = 0,
    mode = 'octet',
    patienceMs = 100,
  }: {
    readonly port: number;
    readonly filename: string;
    readonly options?: Readonly<Record<string, number>>;
    readonly rollover?: 0 | 1;
    readonly mode?: string;
    readonly patienceMs?: number;
  },
): Promise<{ readonly bytes: Buffer; readonly dataPackets: number }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const chunks: Buffer[] = [];
  let blksize = 512;
  let windowsize = 1;
  let server: number | undefined;
  let got = 0;
  let inWindow = 0;
  let gapTold = false;
  let dataPackets = 0;
  let last = encodeTftp(readRequest(filename, options, mode));
  const wire = (block: number) => (rollover === 0 || block <= 0xffff ? block & 0xffff : ((block - 1) % 0xffff) + 1);
  const say = (bytes: Uint8Array) => {
    last = bytes;
    socket.send(bytes, server ?? port, '127.0.0.1');
    timer.refresh();
  };
  const timer = setInterval(() => {
    inWindow = 0;
    say(last);
  }, patienceMs);
  const acknowledge = () => {
    inWindow = 0;
    say(encodeTftp({ kind: 'ACK', block: wire(got) }));
  };
  socket.on('message', (bytes, from) => {
    server ??= from.port;
    if (from.port !== server) return;
    const decoded = decodeTftp(bytes);
    if (decoded.kind === 'malformed') return reject(new Error(decoded.because));
    const { packet } = decoded;
    if (packet.kind === 'ERROR') return reject(new Error(`ERROR ${packet.code} ${packet.text}`));
    if (packet.kind === 'OACK' && got === 0) {
      for (const { name, value } of packet.options) {
        if (name === 'blksize') blksize = Number(value);
        if (name === 'windowsize') windowsize = Number(value);
      }
      return acknowledge();
    }
    if (packet.kind !== 'DATA') return undefined;
    dataPackets++;
    if (packet.block !== wire(got + 1)) {
      if (windowsize > 1 && !gapTold) {
        gapTold = true;
        acknowledge();
      }
      return undefined;
    }
    got++;
    gapTold = false;
    chunks.push(Buffer.from(packet.data));
    if (packet.data.length < blksize) {
      acknowledge();
      return resolve();
    }
    if (++inWindow === windowsize) acknowledge();
    return undefined;
  });
  say(last);
  try {
    await promise;
  } finally {
    clearInterval(timer);
  }
  return { bytes: Buffer.concat(chunks), dataPackets };
}
