import { randomBytes } from 'node:crypto';
import type { RoleId } from '../accounts.ts';
import type { Board } from '../board.ts';
import { type Handshake, isRakp3Code, keysOf, rakp2Code } from './crypto.ts';
import { chooseSuite, type Suite, SUITE_0, SUITE_17, SUITE_3 } from './decide/suites.ts';
import { guidOf } from './guid.ts';
import { type IpmiSessions, LEVEL, type Peer } from './sessions.ts';
import { PAYLOAD } from './wire/datagram.ts';
import {
  decodeOpenRequest,
  decodeRakp1,
  decodeRakp3,
  encodeOpenResponse,
  encodeRakp2,
  encodeRakp4,
  encodeRefusal,
  SETUP_STATUS,
} from './wire/session-setup.ts';

/** The next step of a login; nothing where a BMC stays silent. */
export type LogIn = (
  type: number,
  payload: Uint8Array,
  peer: Peer,
) => { readonly type: number; readonly payload: Uint8Array } | undefined;

export const LEVEL_OF: Readonly<Record<RoleId, number>> = {
  Administrator: LEVEL.administrator,
  Operator: LEVEL.operator,
  ReadOnly: LEVEL.user,
};

/** Logins that are begun; older ones give way, so that nobody fills the BMC with them. */
const BEGUN = 8;
const NAME_BYTES = 16;

type Begun = {
  readonly suite: Suite;
  readonly consoleId: number;
  readonly bmcId: number;
  readonly level: number;
  hand?: Handshake;
  /** What RAKP 1 was answered with: a client that asks again gets the same, for it may have heard the first answer. */
  rakp1?: { readonly asked: string; readonly answer: Uint8Array };
  rakp4?: Uint8Array;
};

/** Strongest first; a client that asks for none of them gets no session. */
export function offeredSuites({ quirk }: Board): readonly Suite[] {
  return [...(quirk('offers-suite-0') ? [SUITE_0] : []), SUITE_3, ...(quirk('no-suite-17') ? [] : [SUITE_17])];
}

/** RMCP+ Open Session and RAKP 1 to 4 (IPMI v2.0 §13.15 to §13.24), as the BMC. */
export function openLogIn(options: {
  readonly board: Board;
  readonly sessions: IpmiSessions;
  readonly kg: Uint8Array | undefined;
}): LogIn {
  const { board, sessions, kg } = options;
  const logins = new Map<number, Begun>();
  const refusal = (type: number, ...of: Parameters<typeof encodeRefusal>) => ({ type, payload: encodeRefusal(...of) });

  function begin(payload: Uint8Array): ReturnType<LogIn> {
    const decoded = decodeOpenRequest(payload);
    if (!decoded.ok) return undefined;
    const request = decoded.value;
    const { tag, consoleId } = request;
    const refused = (status: number) => refusal(PAYLOAD.openResponse, tag, status, consoleId);
    if (board.fault('no-sessions') || sessions.isFull()) return refused(SETUP_STATUS.noResources);
    if (request.level > LEVEL.administrator) return refused(SETUP_STATUS.wrongRole);
    const chosen = chooseSuite(offeredSuites(board), request.algorithms);
    if (chosen.kind === 'refused') return refused(chosen.status);
    const level = request.level === 0 ? LEVEL.administrator : request.level;
    const bmcId = sessions.freeId();
    logins.set(bmcId, { suite: chosen.suite, consoleId, bmcId, level });
    if (logins.size > BEGUN) logins.delete(logins.keys().next().value ?? 0);
    return { type: PAYLOAD.openResponse, payload: encodeOpenResponse(request, { level, bmcId }) };
  }

  function prove(payload: Uint8Array): ReturnType<LogIn> {
    const decoded = decodeRakp1(payload);
    if (!decoded.ok) return undefined;
    const { tag, bmcId, consoleRandom, role, name } = decoded.value;
    const login = logins.get(bmcId);
    if (!login) return refusal(PAYLOAD.rakp2, tag, SETUP_STATUS.wrongSession, 0);
    const asked = Buffer.from(payload).toString('hex');
    if (login.rakp1?.asked === asked) return { type: PAYLOAD.rakp2, payload: login.rakp1.answer };
    const refused = (status: number) => {
      logins.delete(bmcId);
      return refusal(PAYLOAD.rakp2, tag, status, login.consoleId);
    };
    if (name.length > NAME_BYTES) return refused(SETUP_STATUS.nameLength);
    const userName = new TextDecoder().decode(name);
    const account = board.accounts.byName(userName);
    if (!account || board.accounts.isLocked(userName)) return refused(SETUP_STATUS.name);
    const level = role & 0x0f;
    if (level > LEVEL.administrator) return refused(SETUP_STATUS.wrongRole);
    if (level > Math.min(LEVEL_OF[account.role], login.level)) return refused(SETUP_STATUS.role);
    login.hand = {
      suite: login.suite,
      consoleId: login.consoleId,
      bmcId,
      consoleRandom: consoleRandom.slice(),
      bmcRandom: randomBytes(16),
      guid: guidOf(board),
      role,
      name: name.slice(),
      password: account.password,
      kg,
    };
    const answer = encodeRakp2({ ...login.hand, tag, code: rakp2Code(login.hand) });
    login.rakp1 = { asked, answer };
    return { type: PAYLOAD.rakp2, payload: answer };
  }

  function finish(payload: Uint8Array, peer: Peer): ReturnType<LogIn> {
    const decoded = decodeRakp3(payload);
    if (!decoded.ok) return undefined;
    const { tag, status, bmcId, code } = decoded.value;
    const login = logins.get(bmcId);
    if (!login?.hand) return refusal(PAYLOAD.rakp4, tag, SETUP_STATUS.wrongSession, 0);
    if (status !== SETUP_STATUS.done) {
      logins.delete(bmcId);
      return undefined;
    }
    if (login.rakp4) return { type: PAYLOAD.rakp4, payload: login.rakp4 };
    const { hand, consoleId } = login;
    const userName = new TextDecoder().decode(hand.name);
    const refused = (reason: number) => {
      logins.delete(bmcId);
      return refusal(PAYLOAD.rakp4, tag, reason, consoleId);
    };
    if (!isRakp3Code(hand, code)) {
      board.accounts.failed(userName);
      return refused(SETUP_STATUS.integrityValue);
    }
    const account = board.accounts.byName(userName);
    if (!account) return refused(SETUP_STATUS.name);
    if (sessions.isFull()) return refused(SETUP_STATUS.noResources);
    const { keys, rakp4Code } = keysOf(hand);
    const asked = hand.role & 0x0f;
    const highest = Math.min(LEVEL_OF[account.role], login.level);
    sessions.open({ bmcId, consoleId, keys, account, limit: asked === 0 ? highest : Math.min(asked, highest), peer });
    login.rakp4 = encodeRakp4(tag, consoleId, rakp4Code);
    return { type: PAYLOAD.rakp4, payload: login.rakp4 };
  }

  board.onRestart(() => logins.clear());
  return (type, payload, peer) => {
    switch (type) {
      case PAYLOAD.openRequest:
        return begin(payload);
      case PAYLOAD.rakp1:
        return prove(payload);
      case PAYLOAD.rakp3:
        return finish(payload, peer);
      default:
        return undefined;
    }
  };
}
