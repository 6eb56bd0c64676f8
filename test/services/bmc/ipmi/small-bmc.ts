import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import {
  type Handshake,
  isSameCode,
  openPacket,
  rakp2Code,
  rakp3Code,
  sealPacket,
  SUITES,
  type SessionKeys,
  sessionKeys,
} from '#services/bmc/ipmi/session-crypto.ts';
import { decoding, joined, uint32Bytes } from '#services/bmc/ipmi/wire/cursor.ts';
import { decodeRmcp, encodeRmcp } from '#services/bmc/ipmi/wire/rmcp.ts';
import {
  decodeSessionPacket,
  encodeSessionless,
  encodeUnprotected,
  PAYLOAD,
} from '#services/bmc/ipmi/wire/session-packet.ts';

/** A request as the BMC saw it. `sequence` is that of the session, 0 outside of one. */
export type Seen = {
  readonly netFn: number;
  readonly cmd: number;
  readonly seq: number;
  readonly sequence: number;
  readonly data: Uint8Array;
};
/** Completion code and data, or nothing at all. */
export type Said = { readonly completion: number; readonly data?: Uint8Array } | 'silence';

/**
 * A BMC that does what a test tells it, for faults that real ones have and simulators do not. It is built from the
 * codecs under test, so that it proves nothing about them: test/interop/ipmi does.
 */
export type SmallBmc = AsyncDisposable & {
  readonly port: number;
  readonly seen: readonly Seen[];
  /** Messages of the set-up of sessions that came in. */
  readonly setUps: readonly { readonly type: number; readonly payload: Uint8Array }[];
  /** Sends a datagram to whom the newest session is with, as somebody would who recorded it. */
  replay(datagram: Uint8Array): void;
  /** Sessions that are open, by their console's ID. */
  readonly sessions: ReadonlySet<number>;
  /** As after its own restart. */
  forgetSessions(): void;
  /** Sends a payload in the newest session. */
  push(type: number, payload: Uint8Array): void;
};

export type SmallBmcOptions = {
  readonly suites?: readonly number[];
  readonly user?: string;
  readonly password?: string;
  readonly kg?: Uint8Array;
  /** The highest privilege level of the account. */
  readonly level?: number;
  /** Status that every Open Session gets. */
  readonly openStatus?: number;
  /** Algorithms that Open Session answers with, instead of those that were asked for. */
  readonly chosen?: Uint8Array;
  /** What RAKP 2 is made with, by somebody who does not know the password. */
  readonly impostor?: boolean;
  /** Get Channel Authentication Capabilities names IPMI 2.0. */
  readonly isIpmi20?: boolean;
  readonly answersSuites?: boolean;
  readonly answer?: (request: Seen) => Said;
  readonly onPayload?: (type: number, payload: Uint8Array, bmc: SmallBmc) => void;
  /** What leaves: changed, or kept back with undefined. */
  readonly leaving?: (datagram: Uint8Array) => Uint8Array | undefined;
};

type Session = { keys?: SessionKeys; hand: Handshake; peer: RemoteInfo; sent: number; level: number };

const GUID = Uint8Array.from({ length: 16 }, (_, index) => index);

export async function startSmallBmc(options: SmallBmcOptions = {}): Promise<SmallBmc> {
  const { suites = [17, 3], user = 'admin', password = 'secretpw', level = 4, leaving = (packet) => packet } = options;
  const socket = createSocket('udp4');
  const sessions = new Map<number, Session>();
  const open = new Set<number>();
  const seen: Seen[] = [];
  const setUps: { readonly type: number; readonly payload: Uint8Array }[] = [];
  let nextId = 0x1000;

  const send = (datagram: Uint8Array, peer: RemoteInfo): void => {
    const left = leaving(datagram);
    if (left) socket.send(left, peer.port, peer.address);
  };

  socket.on('message', (datagram, peer) => {
    const rmcp = decodeRmcp(datagram);
    if (!rmcp.ok || rmcp.value.class !== 'ipmi') return;
    const packet = decodeSessionPacket(rmcp.value.body);
    if (!packet.ok) return;
    if (packet.value.kind === 'v1.5')
      return openly(packet.value.payload, (message) => send(encodeSessionless(message), peer));
    const { payloadType, payload, sessionId } = packet.value;
    if (packet.value.isAuthenticated) return within(sessions.get(sessionId), rmcp.value.body);
    if (payloadType === PAYLOAD.ipmi) {
      return openly(payload, (message) => send(encodeUnprotected(PAYLOAD.ipmi, message), peer));
    }
    setUp(payloadType, payload, peer);
  });

  function openly(message: Uint8Array, reply: (message: Uint8Array) => void): void {
    const request = requestOf(message, 0);
    seen.push(request);
    if (request.cmd === 0x38) {
      const types = options.isIpmi20 === false ? 0x14 : 0x80;
      return reply(responseTo(request, { completion: 0, data: Uint8Array.of(1, types, 0x04, 0x02, 0, 0, 0, 0) }));
    }
    if (request.cmd !== 0x54 || options.answersSuites === false) return;
    const records = suites.flatMap((id) => [0xc0, id, id === 17 ? 3 : id === 3 ? 1 : 0, 0x44, 0x81]);
    const index = (request.data[2] ?? 0) & 0x3f;
    const part = records.slice(index * 16, index * 16 + 16);
    reply(responseTo(request, { completion: 0, data: Uint8Array.of(1, ...part) }));
  }

  function setUp(type: number, payload: Uint8Array, peer: RemoteInfo): void {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const tag = payload[0] ?? 0;
    setUps.push({ type, payload: payload.slice() });
    if (type === PAYLOAD.openRequest) {
      const consoleId = view.getUint32(4, true);
      const suite = ([17, 3] as const).find((id) => SUITES[id].algorithms.auth === payload[12]);
      const status = options.openStatus ?? (suite !== undefined && suites.includes(suite) ? 0 : 0x04);
      if (status !== 0 || suite === undefined) {
        return send(
          encodeUnprotected(PAYLOAD.openResponse, joined(Uint8Array.of(tag, status, 0, 0), uint32Bytes(consoleId))),
          peer,
        );
      }
      const bmcId = nextId++;
      const none = new Uint8Array(16);
      const hand: Handshake = {
        suite,
        consoleId,
        bmcId,
        consoleRandom: none,
        bmcRandom: none,
        guid: GUID,
        role: 0,
        name: none,
        password: new TextEncoder().encode(password),
        kg: options.kg,
      };
      sessions.set(bmcId, { hand, peer, sent: 0, level: 0 });
      const answer = joined(
        Uint8Array.of(tag, 0, 4, 0),
        uint32Bytes(consoleId),
        uint32Bytes(bmcId),
        options.chosen ?? payload.subarray(8, 32),
      );
      return send(encodeUnprotected(PAYLOAD.openResponse, answer), peer);
    }
    const session = sessions.get(view.getUint32(4, true));
    if (!session) return;
    const { hand } = session;
    const refuse = (as: number, status: number) =>
      send(encodeUnprotected(as, joined(Uint8Array.of(tag, status, 0, 0), uint32Bytes(hand.consoleId))), peer);
    if (type === PAYLOAD.rakp1) {
      const role = payload[24] ?? 0;
      const name = payload.slice(28);
      if (new TextDecoder().decode(name) !== user) return refuse(PAYLOAD.rakp2, 0x0d);
      if ((role & 0x0f) > level) return refuse(PAYLOAD.rakp2, 0x0a);
      const bmcRandom = new Uint8Array(randomBytes(16));
      session.hand = { ...hand, consoleRandom: payload.slice(8, 24), bmcRandom, role, name };
      const head = joined(Uint8Array.of(tag, 0, 0, 0), uint32Bytes(hand.consoleId));
      return send(
        encodeUnprotected(
          PAYLOAD.rakp2,
          joined(
            head,
            bmcRandom,
            GUID,
            rakp2Code(options.impostor ? { ...session.hand, password: GUID } : session.hand),
          ),
        ),
        peer,
      );
    }
    if (type !== PAYLOAD.rakp3) return;
    if (payload[1] !== 0) return void sessions.delete(hand.bmcId);
    if (!isSameCode(payload.subarray(8), rakp3Code(hand))) return refuse(PAYLOAD.rakp4, 0x0f);
    session.keys = sessionKeys(hand);
    open.add(hand.consoleId);
    const head = joined(Uint8Array.of(tag, 0, 0, 0), uint32Bytes(hand.consoleId));
    send(encodeUnprotected(PAYLOAD.rakp4, joined(head, session.keys.rakp4Code)), peer);
  }

  function within(session: Session | undefined, body: Uint8Array): void {
    if (!session?.keys) return;
    const packet = openPacket(session.keys, body);
    if (!packet.ok) return;
    const { payloadType, payload, sequence } = packet.value;
    if (payloadType !== PAYLOAD.ipmi) return options.onPayload?.(payloadType, payload, bmc);
    const request = requestOf(payload, sequence);
    seen.push(request);
    const said = ownAnswer(session, request) ?? options.answer?.(request) ?? { completion: 0xc1 };
    if (said !== 'silence') reply(session, PAYLOAD.ipmi, responseTo(request, said));
    if (request.netFn === 6 && request.cmd === 0x3c) {
      sessions.delete(session.hand.bmcId);
      open.delete(session.hand.consoleId);
    }
  }

  function ownAnswer(session: Session, { netFn, cmd, data }: Seen): Said | undefined {
    if (netFn !== 6) return undefined;
    if (cmd === 0x3b) {
      session.level = data[0] ?? 0;
      return session.level > level ? { completion: 0x81 } : { completion: 0, data };
    }
    return cmd === 0x3c ? { completion: 0 } : undefined;
  }

  function reply(session: Session, payloadType: number, payload: Uint8Array): void {
    if (!session.keys) return;
    session.sent += 1;
    const packet = { payloadType, sessionId: session.hand.consoleId, sequence: session.sent, payload };
    send(sealPacket(session.keys, packet, randomBytes(16)), session.peer);
  }

  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const bmc: SmallBmc = {
    port: socket.address().port,
    seen,
    setUps,
    replay(datagram) {
      const peer = [...sessions.values()].at(-1)?.peer;
      if (peer) socket.send(datagram, peer.port, peer.address);
    },
    sessions: open,
    forgetSessions() {
      sessions.clear();
      open.clear();
    },
    push(type, payload) {
      const newest = [...sessions.values()].at(-1);
      if (newest) reply(newest, type, payload);
    },
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
  return bmc;
}

function requestOf(message: Uint8Array, sequence: number): Seen {
  const decoded = decoding(message, (read) => {
    read.uint8('rsAddr');
    const netFn = read.uint8('netFn') >>> 2;
    read.bytes(2, 'checksum and rqAddr');
    const seq = read.uint8('rqSeq') >>> 2;
    const cmd = read.uint8('command');
    return { netFn, cmd, seq, sequence, data: read.rest().slice(0, -1) };
  });
  if (!decoded.ok) throw new Error(decoded.because);
  return decoded.value;
}

function responseTo({ netFn, cmd, seq }: Seen, said: Exclude<Said, 'silence'>): Uint8Array {
  const checksum = (bytes: Uint8Array) => Uint8Array.of(-bytes.reduce((sum, byte) => sum + byte, 0) & 0xff);
  const head = Uint8Array.of(0x81, (netFn + 1) << 2);
  const body = joined(Uint8Array.of(0x20, seq << 2, cmd, said.completion), said.data ?? new Uint8Array(0));
  return joined(head, checksum(head), body, checksum(body));
}

/** The header of a protected packet, for those who spoil some. */
export const isProtected = (datagram: Uint8Array): boolean =>
  datagram[4] === 0x06 && ((datagram[5] ?? 0) & 0xc0) === 0xc0;

export const spoiled = (datagram: Uint8Array): Uint8Array => {
  const rmcp = decodeRmcp(datagram);
  if (!rmcp.ok) return datagram;
  const body = rmcp.value.body.slice();
  body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
  return encodeRmcp({ class: rmcp.value.class, body });
};
