import { BmcError } from '../contract.ts';
import { ask } from './ask.ts';
import type { IpmiCredential } from './credential.ts';
import { type SetupRefusal, setupRefusal } from './decide/setup-refusal.ts';
import type { IpmiLimits } from './limits.ts';
import {
  type Handshake,
  isSameCode,
  rakp2Code,
  rakp3Code,
  SUITES,
  sessionKeys,
  type SessionKeys,
} from './session-crypto.ts';
import type { SuiteId } from './session-crypto.ts';
import type { UdpLink } from './udp-link.ts';
import type { Decoded } from './wire/cursor.ts';
import { decodeRmcp } from './wire/rmcp.ts';
import { decodeSessionPacket, encodeUnprotected, PAYLOAD } from './wire/session-packet.ts';
import {
  decodeOpenResponse,
  decodeRakp2,
  decodeRakp4,
  encodeOpenRequest,
  encodeRakp1,
  encodeRakp3,
  type Privilege,
  type Refused,
  roleByte,
  STATUS,
  statusText,
} from './wire/session-setup.ts';

export type LogIn = {
  readonly link: UdpLink;
  readonly credential: IpmiCredential;
  readonly suite: SuiteId;
  readonly privilege: Privilege;
  readonly limits: IpmiLimits;
  /** Unpredictable bytes. */
  readonly random: (count: number) => Uint8Array;
  readonly signal: AbortSignal;
};

export type LoggedIn =
  | {
      readonly kind: 'open';
      readonly keys: SessionKeys;
      readonly consoleId: number;
      readonly bmcId: number;
      readonly guid: Uint8Array;
    }
  | { readonly kind: 'refused'; readonly why: SetupRefusal; readonly because: string }
  | { readonly kind: 'silence' };

/** A message that came twice may make a BMC lose track: then all starts again, with fresh randoms. */
const ATTEMPTS = 3;

/**
 * Opens a session: Open, RAKP 1 to 4 (IPMI v2.0 §13.15). What the BMC answers is its own affair; a `BmcError` of code
 * `malformed` is thrown for answers that are none, and one of code `unreachable` by the link.
 */
export async function logIn(order: LogIn): Promise<LoggedIn> {
  let result: LoggedIn = { kind: 'silence' };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    result = await tryLogIn(order);
    // Without an answer to the first message there is nobody; without one to a later one, a packet may be lost.
    const isStale = result.kind === 'refused' && result.why === 'stale';
    if (!isStale) break;
  }
  return result;
}

async function tryLogIn(order: LogIn): Promise<LoggedIn> {
  const { credential, suite, random, privilege } = order;
  const { algorithms, codeBytes } = SUITES[suite];
  const consoleId = new DataView(random(4).slice().buffer).getUint32(0, true) || 1;

  const opened = await step(order, {
    type: PAYLOAD.openRequest,
    answer: PAYLOAD.openResponse,
    payload: (tag) => encodeOpenRequest({ tag, consoleId, algorithms }),
    decode: decodeOpenResponse,
    isOurs: (answer) => answer.kind !== 'opened' || answer.consoleId === consoleId,
  });
  if (!opened) return { kind: 'silence' };
  if (opened.answer.kind === 'refused') return refused(opened.answer.status);
  const { bmcId, algorithms: chosen } = opened.answer;
  // IPMI v2.0 §13.18: it may only take what was asked for. Whoever changes this on the way would have us talk in clear.
  if (
    chosen.auth !== algorithms.auth ||
    chosen.integrity !== algorithms.integrity ||
    chosen.confidentiality !== algorithms.confidentiality
  ) {
    const got = `${chosen.auth}/${chosen.integrity}/${chosen.confidentiality}`;
    return { kind: 'refused', why: 'suite', because: `it answered cipher suite ${suite} with algorithms ${got}` };
  }

  const consoleRandom = random(16);
  const role = roleByte(privilege);
  const { name } = credential;
  const greeted = await step(order, {
    type: PAYLOAD.rakp1,
    answer: PAYLOAD.rakp2,
    payload: (tag) => encodeRakp1({ tag, bmcId, random: consoleRandom, role, name }),
    decode: decodeRakp2,
    isOurs: (answer) => answer.kind !== 'rakp2' || answer.consoleId === consoleId,
  });
  if (!greeted) return stale('it did not answer RAKP 1');
  if (greeted.answer.kind === 'refused') return refused(greeted.answer.status);
  const { random: bmcRandom, guid, code } = greeted.answer;
  const hand: Handshake = { suite, consoleId, bmcId, consoleRandom, bmcRandom, guid, role, ...credential };
  if (!isSameCode(code.subarray(0, codeBytes), rakp2Code(hand))) {
    // IPMI v2.0 §13.22: told so, it frees the session at once instead of holding it for a minute.
    const leave = { tag: 0, status: STATUS.integrityValue, bmcId, code: new Uint8Array(0) };
    order.link.send(encodeUnprotected(PAYLOAD.rakp3, encodeRakp3(leave)));
    return { kind: 'refused', why: 'credential', because: 'the password is not the one that it knows' };
  }

  const keys = sessionKeys(hand);
  const proof = rakp3Code(hand);
  const done = await step(order, {
    type: PAYLOAD.rakp3,
    answer: PAYLOAD.rakp4,
    payload: (tag) => encodeRakp3({ tag, status: STATUS.ok, bmcId, code: proof }),
    decode: decodeRakp4,
    isOurs: (answer) => answer.kind !== 'rakp4' || answer.consoleId === consoleId,
  });
  if (!done) return stale('it did not answer RAKP 3');
  if (done.answer.kind === 'refused') {
    // Its RAKP 2 proved that it holds our password; what it refuses here is then that a message came twice.
    const { status } = done.answer;
    if (status === STATUS.integrityValue && greeted.sends > 1) return stale(statusText(status));
    return refused(status);
  }
  if (!isSameCode(done.answer.code.subarray(0, keys.rakp4Code.length), keys.rakp4Code)) {
    const because = credential.kg ? 'K_g is not the one that it knows' : 'it wants a K_g besides the password';
    return { kind: 'refused', why: 'credential', because };
  }
  return { kind: 'open', keys, consoleId, bmcId, guid };
}

const refused = (status: number): LoggedIn => ({
  kind: 'refused',
  why: setupRefusal(status),
  because: statusText(status),
});
const stale = (because: string): LoggedIn => ({ kind: 'refused', why: 'stale', because });

/** One message of the set-up and its answer. Each send has its own tag, and only the answer to the last one counts. */
async function step<T extends Refused | { readonly kind: string; readonly tag: number }>(
  order: LogIn,
  message: {
    readonly type: number;
    readonly answer: number;
    readonly payload: (tag: number) => Uint8Array;
    readonly decode: (payload: Uint8Array) => Decoded<T>;
    readonly isOurs: (answer: T) => boolean;
  },
): Promise<{ readonly answer: T; readonly sends: number } | undefined> {
  const { link, limits, signal } = order;
  let tag = 0;
  let broken: string | undefined;
  const answer = await ask<T>({
    waits: limits.setupMs,
    signal,
    send(attempt) {
      tag = attempt;
      link.send(encodeUnprotected(message.type, message.payload(tag)));
    },
    listen: (give, fail) =>
      link.listen((datagram) => {
        const payload = setupPayload(datagram, message.answer);
        if (!payload) return;
        const decoded = message.decode(payload);
        if (!decoded.ok) broken = decoded.because;
        else if (decoded.value.tag === tag && message.isOurs(decoded.value)) give(decoded.value);
      }, fail),
  });
  if (answer === undefined && broken !== undefined) {
    throw new BmcError('malformed', `its answer to a login is not in the protocol: ${broken}`);
  }
  return answer === undefined ? undefined : { answer, sends: tag + 1 };
}

function setupPayload(datagram: Uint8Array, type: number): Uint8Array | undefined {
  const rmcp = decodeRmcp(datagram);
  if (!rmcp.ok || rmcp.value.class !== 'ipmi') return undefined;
  const packet = decodeSessionPacket(rmcp.value.body);
  if (!packet.ok || packet.value.kind !== 'v2.0') return undefined;
  return packet.value.payloadType === type && !packet.value.isEncrypted ? packet.value.payload : undefined;
}
