import dgram from 'node:dgram';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import type { Ipv4 } from '../values/ip-address.ts';
import { decodeDhcp4, type Dhcp4Message, encodeDhcp4 } from '#server/dhcp4/wire/message.ts';
import { withRawOption } from '#server/dhcp4/wire/options.ts';
import { writeSubOptions } from '#server/dhcp4/wire/sub-options.ts';

/**
 * The rack's way to the daemon's DHCP. Loopback has no broadcast, so the rack speaks as a relay agent does: unicast,
 * with `giaddr`. It may not have port 67, so it says with RFC 8357's sub-option that it wants the answer at the port
 * it sent from.
 */
export type Relay = {
  /** Sends a client's message on, and gives the first answer of that kind to its xid; nothing after `waitMs`. */
  ask(
    message: Dhcp4Message,
    port: string,
    wanted: AnswerTo,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Dhcp4Message | undefined>;
  /** Sends a message that no answer is expected to. */
  tell(message: Dhcp4Message, port: string): void;
} & AsyncDisposable;

export type AnswerTo = (answer: Dhcp4Message) => boolean;

const CIRCUIT_ID = 1;
const SOURCE_PORT = 19;
const RELAY_INFORMATION = 82;
/** A thousand machines at once answer in one burst. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * Node runs timers that are due before it reads its sockets. A rack that was kept busy for longer than a machine waits
 * would find each wait over, and the answers, which have long been there, unread: seen as machines that get no offer
 * while the daemon answers each within milliseconds. libuv takes at most 32 datagrams of a socket in one turn.
 */
async function afterWhatHasCome(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await setImmediate();
}
const TURNS = 8;

export async function openRelay(options: {
  readonly giaddr: Ipv4;
  /** 0 takes a free one; answers come to it only with option 82. */
  readonly port: number;
  readonly daemon: { readonly address: Ipv4; readonly port: number };
  /** False for a relay that lost its option 82. */
  readonly addsInformation: boolean;
}): Promise<Relay> {
  const { giaddr, port: ownPort, daemon, addsInformation } = options;
  const waiting = new Map<number, (answer: Dhcp4Message) => void>();
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
  socket.on('message', (bytes) => {
    const decoded = decodeDhcp4(bytes);
    if (decoded.kind === 'message' && decoded.message.op === 2) waiting.get(decoded.message.xid)?.(decoded.message);
  });
  socket.bind(ownPort, giaddr);
  await once(socket, 'listening');
  socket.on('error', () => {});

  const tell = (message: Dhcp4Message, port: string): void => {
    const information = writeSubOptions(
      [
        { code: CIRCUIT_ID, bytes: new TextEncoder().encode(port) },
        { code: SOURCE_PORT, bytes: new Uint8Array() },
      ],
      { end: false },
    );
    const options = addsInformation ? withRawOption(message.options, RELAY_INFORMATION, information) : message.options;
    const relayed = { ...message, giaddr, hops: message.hops + 1, options };
    socket.send(encodeDhcp4(relayed), daemon.port, daemon.address, () => {});
  };

  return {
    tell,
    async ask(message, port, wanted, waitMs, signal) {
      const { promise, resolve } = Promise.withResolvers<Dhcp4Message | undefined>();
      const timer = setTimeout(() => void afterWhatHasCome().then(() => resolve(undefined)), waitMs);
      const stop = () => resolve(undefined);
      signal.addEventListener('abort', stop, { once: true });
      waiting.set(message.xid, (answer) => {
        if (wanted(answer)) resolve(answer);
      });
      try {
        tell(message, port);
        return await promise;
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        waiting.delete(message.xid);
        signal.throwIfAborted();
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}
