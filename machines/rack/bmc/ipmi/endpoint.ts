import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Board } from '../board.ts';
import { freshMemory, type IpmiService } from './command.ts';
import { carryOut } from './commands.ts';
import { seal, unseal } from './crypto.ts';
import { openLogIn } from './log-in.ts';
import { openSerialOverLan } from './serial-over-lan.ts';
import { type IpmiSession, openIpmiSessions, type Peer } from './sessions.ts';
import { type Datagram, decodeDatagram, encodeOpen, encodePong, encodeSetup, PAYLOAD } from './wire/datagram.ts';
import { decodeRequest, encodeResponse } from './wire/message.ts';
import { decodeSol } from './wire/sol-packet.ts';

export type IpmiEndpoint = AsyncDisposable & { readonly port: number };

const SLOW_MS = 1000;
/** Of all datagrams, where they get lost. */
const LOSS = 0.1;

/**
 * IPMI 2.0 over UDP for one BMC, until it is disposed of. A request that comes twice is carried out twice, as real BMCs
 * do: a client that sends again what switches power has to know that. Rejects when it cannot listen.
 */
export async function listenIpmi(options: {
  readonly board: Board;
  readonly address: string;
  readonly port: number;
  /** 20 bytes. */
  readonly kg: Uint8Array | undefined;
  readonly now: () => number;
  /** Nothing is heard or said. */
  readonly isAway: () => boolean;
  /** From 0 to 1, for what gets lost. */
  readonly random: () => number;
  readonly signal: AbortSignal;
}): Promise<IpmiEndpoint> {
  const { board, address, kg, now, isAway, random, signal } = options;
  const socket = createSocket('udp4');
  const sessions = openIpmiSessions({ limit: board.profile.sessions, now });
  const console = openSerialOverLan({
    backend: board.backend,
    send: (session, payload) => sendIn(session, PAYLOAD.sol, payload),
    signal,
  });
  const service: IpmiService = {
    board,
    sessions,
    console,
    hasKg: kg !== undefined,
    port: () => socket.address().port,
    memory: freshMemory(),
  };
  const logIn = openLogIn({ board, sessions, kg });
  sessions.onClose((session) => {
    if (console.holder() === session) console.deactivate();
  });
  board.onRestart(() => {
    sessions.closeAll();
    Object.assign(service.memory, freshMemory());
  });

  const isLost = (): boolean => board.fault('loses-packets') && random() < LOSS;

  function send(datagram: Uint8Array, { address, port }: Peer): void {
    // Peers go as they please: what is lost with them is theirs.
    if (!signal.aborted && !isLost()) socket.send(datagram, port, address, () => {});
  }

  function sendIn(session: IpmiSession, type: number, payload: Uint8Array): void {
    session.sent = session.sent === 0xffff_ffff ? 1 : session.sent + 1;
    send(seal(session.keys, { type, sessionId: session.consoleId, sequence: session.sent, payload }), session.peer);
  }

  function answer(message: Uint8Array, session: IpmiSession | undefined, reply: (message: Uint8Array) => void): void {
    const decoded = decodeRequest(message);
    if (!decoded.ok) return;
    const completion = carryOut(decoded.value, service, session);
    if (completion === 'silence') return;
    reply(encodeResponse(decoded.value, completion.code, completion.data ?? new Uint8Array()));
    completion.after?.();
  }

  function within(datagram: Datagram & { readonly kind: 'session' }, peer: Peer): void {
    const session = sessions.byId(datagram.sessionId);
    const payload = session && unseal(session.keys, datagram);
    if (!session || !payload || !sessions.admits(session, datagram.sequence)) return;
    session.peer = peer;
    if (board.fault('hangs-mid-session')) return;
    if (datagram.type === PAYLOAD.ipmi) {
      answer(payload, session, (message) => sendIn(session, PAYLOAD.ipmi, message));
    } else if (datagram.type === PAYLOAD.sol) {
      const packet = decodeSol(payload);
      if (packet.ok) console.receive(session, packet.value);
    }
  }

  function hear(bytes: Uint8Array, peer: Peer): void {
    const decoded = decodeDatagram(bytes);
    if (!decoded.ok || isAway()) return;
    const datagram = decoded.value;
    switch (datagram.kind) {
      case 'ping':
        return send(encodePong(datagram.tag), peer);
      case 'open':
        return answer(datagram.message, undefined, (message) => send(encodeOpen(datagram.wrapping, message), peer));
      case 'setup': {
        const next = logIn(datagram.type, datagram.payload, peer);
        if (next) send(encodeSetup(next.type, next.payload), peer);
        return;
      }
      case 'session':
        return within(datagram, peer);
      default:
        return datagram satisfies never;
    }
  }

  socket.on('message', (bytes, peer) => {
    if (board.fault('ipmi-off') || board.fault('hangs') || isLost()) return;
    if (!board.fault('slow')) return hear(bytes, peer);
    sleep(SLOW_MS, undefined, { signal }).then(
      () => hear(bytes, peer),
      () => {},
    );
  });
  socket.bind({ address, port: options.port, exclusive: true });
  await once(socket, 'listening');
  const { port } = socket.address();
  return {
    port,
    async [Symbol.asyncDispose]() {
      sessions.closeAll();
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}
