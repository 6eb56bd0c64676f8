import { randomBytes } from 'node:crypto';
import { BmcError, type BmcTarget } from '../contract.ts';
import { type Conversation, openConversation } from './conversation.ts';
import { ipmiCredential } from './credential.ts';
import { readLearned } from './decide/learned.ts';
import { IPMI_LIMITS, type IpmiLimits } from './limits.ts';
import { isSameName, listUsers, readSlots, readUserAccess, readUserName } from './list-users.ts';
import { openIpmi } from './open-ipmi.ts';
import { ipmiAddress } from './udp-link.ts';
import { NET_FN } from './wire/message.ts';
import {
  allowConsoleRequest,
  enableUserRequest,
  isAdministrator,
  isShutOut,
  setPasswordRequest,
  setUserAccessRequest,
  setUserNameRequest,
  USERS,
} from './wire/users.ts';

/** The first one has no name (IPMI v2.0 §6.9), and the second one is the maker's administrator with most boards. */
const FIRST_SLOT = 3;
/** A BMC that failed in the middle gets so long to forget what was begun, milliseconds. */
const UNDO_MS = 10_000;

/**
 * A new administrator of the BMC's LAN channel, in the first slot that nobody has: name, password, access, console,
 * and only then enabled. Rejects with a `BmcError`: `refused` where the name is taken or no slot is free, `not-stored`
 * where the BMC said yes and has no such administrator. What was begun and failed is taken back where that can be.
 */
export async function createAccount(
  target: BmcTarget,
  wanted: { readonly username: string; readonly password: string },
  signal: AbortSignal,
  limits: IpmiLimits = IPMI_LIMITS,
): Promise<void> {
  const { name, password } = ipmiCredential(wanted);
  await using talk = converse(target, limits);
  const slot = await freeSlot(talk, name, signal);
  try {
    await tell(talk, { cmd: USERS.setName, data: setUserNameRequest(slot, name), doing: 'naming a user' }, signal);
    if (!isSameName(await readUserName(talk, slot, signal), name)) throw notStored(wanted.username);
    const doing = 'setting the password of a user';
    await tell(talk, { cmd: USERS.password, data: setPasswordRequest(slot, password), doing }, signal);
    const data = setUserAccessRequest(slot, 'administrator');
    await tell(talk, { cmd: USERS.setAccess, data, doing: 'letting a user in' }, signal);
    await tell(talk, { cmd: USERS.password, data: enableUserRequest(slot, true), doing: 'enabling a user' }, signal);
    if (!isAdministrator(await readUserAccess(talk, slot, signal))) throw notStored(wanted.username);
  } catch (error) {
    await empty(talk, slot, AbortSignal.timeout(UNDO_MS)).catch(() => {});
    throw error;
  }
  // Boards without serial over LAN do not know the question, and with others everybody may open it.
  const console = { cmd: USERS.payloads, data: allowConsoleRequest(slot), doing: 'letting a user see the console' };
  await tell(talk, console, signal).catch((error: unknown) => {
    if (!(error instanceof BmcError)) throw error;
  });
}

/**
 * Takes a user away; where the board keeps names, the user can at least do nothing any more. Never the one that is
 * logged in with: rejects with `refused`. `not-stored` where the BMC said yes and the user may still log in.
 */
export async function deleteAccount(
  target: BmcTarget,
  username: string,
  signal: AbortSignal,
  limits: IpmiLimits = IPMI_LIMITS,
): Promise<void> {
  if (username === target.credential?.username) {
    throw new BmcError('refused', `${JSON.stringify(username)} is who Ingot logs in as at this BMC`);
  }
  await using talk = converse(target, limits);
  const { name } = ipmiCredential({ username, password: '' });
  const user = await slotOf(talk, name, signal);
  await empty(talk, user, signal);
  const isGone = !isSameName(await readUserName(talk, user, signal), name);
  if (!isGone && !isShutOut(await readUserAccess(talk, user, signal))) {
    throw new BmcError('not-stored', `it says that ${JSON.stringify(username)} is gone, and still lets it in`);
  }
}

/**
 * Sets the password of the user that logs in, and proves it: resolves when a new session was opened with it. Needs an
 * administrator. Rejects with a `BmcError`: `not-stored` where the BMC took it and does not let it in, `refused` where
 * that is because it keeps 16 characters of more (ipmi_sim 2.0.34 says yes to twenty); both times the old one is set
 * again, by the session that is still open.
 */
export async function changePassword(
  target: BmcTarget,
  password: string,
  signal: AbortSignal,
  limits: IpmiLimits = IPMI_LIMITS,
): Promise<void> {
  const old = ipmiCredential(target.credential);
  const credential = { username: target.credential?.username ?? '', ...target.credential, password };
  // Before the BMC hears of it: what IPMI cannot take would lock us out.
  const wanted = ipmiCredential(credential);
  await using talk = converse(target, limits);
  const user = await slotOf(talk, old.name, signal);
  const set = (text: Uint8Array, doing: string): Promise<void> =>
    tell(talk, { cmd: USERS.password, data: setPasswordRequest(user, text), doing }, signal);
  await set(wanted.password, 'setting the password');
  try {
    await using driver = await openIpmi({ ...target, credential }, {}, limits);
    await driver.status(signal);
  } catch (cause) {
    if (!(cause instanceof BmcError) || cause.code !== 'credential') throw cause;
    await set(old.password, 'setting the old password again').catch((second: unknown) => {
      // Neither is known to open it: whoever asked keeps both.
      throw new BmcError('timeout', 'it does not let the new password in, and the old one could not be set again', {
        cause: second,
      });
    });
    if (wanted.password.length > SHORT_BYTES) {
      const because = `it keeps ${SHORT_BYTES} of ${wanted.password.length} characters: want a password of at most ${SHORT_BYTES}`;
      throw new BmcError('refused', because, { cause });
    }
    throw new BmcError('not-stored', 'it took the password and does not let it in', { cause });
  }
}

/** IPMI 1.5's password; 2.0 has 20 bytes, and not every board (IPMI v2.0 §22.30). */
const SHORT_BYTES = 16;

const notStored = (username: string): BmcError =>
  new BmcError('not-stored', `it took the administrator ${JSON.stringify(username)} and has none`);

const converse = (target: BmcTarget, limits: IpmiLimits): Conversation =>
  openConversation({
    address: ipmiAddress(target.address),
    credential: ipmiCredential(target.credential),
    limits,
    random: randomBytes,
    learned: readLearned(target.learned),
    onLearned: () => {},
  });

async function tell(
  talk: Conversation,
  order: { readonly cmd: number; readonly data: Uint8Array; readonly doing: string },
  signal: AbortSignal,
): Promise<void> {
  await talk.send({ netFn: NET_FN.app, ...order }, signal);
}

async function slotOf(talk: Conversation, name: Uint8Array, signal: AbortSignal): Promise<number> {
  const { slots } = await readSlots(talk, signal);
  for await (const one of listUsers(talk, slots, signal)) if (isSameName(one.name, name)) return one.user;
  throw new BmcError('refused', `none of its ${slots} users has the name ${new TextDecoder().decode(name)}`);
}

async function freeSlot(talk: Conversation, name: Uint8Array, signal: AbortSignal): Promise<number> {
  const { slots, fixedNames } = await readSlots(talk, signal);
  let free: number | undefined;
  for await (const one of listUsers(talk, slots, signal)) {
    if (isSameName(one.name, name)) {
      throw new BmcError('refused', `the BMC has a user ${new TextDecoder().decode(name)} already`);
    }
    if (one.name.length === 0 && one.user >= FIRST_SLOT && one.user > fixedNames) free ??= one.user;
  }
  if (free === undefined) throw new BmcError('refused', `the BMC has no free slot for a user among its ${slots}`);
  return free;
}

/** Each by itself: a board that knows one of them not may know the others. */
async function empty(talk: Conversation, user: number, signal: AbortSignal): Promise<void> {
  const orders = [
    { cmd: USERS.password, data: enableUserRequest(user, false), doing: 'disabling a user' },
    { cmd: USERS.setAccess, data: setUserAccessRequest(user, 'none'), doing: 'shutting a user out' },
    { cmd: USERS.setName, data: setUserNameRequest(user, new Uint8Array(0)), doing: 'emptying the slot of a user' },
  ];
  for (const order of orders) {
    await tell(talk, order, signal).catch((error: unknown) => {
      if (!(error instanceof BmcError) || LEAVES_NOTHING.has(error.code)) throw error;
    });
  }
}

/** Nobody is there, or nobody listens to us: no other order would come further. */
const LEAVES_NOTHING: ReadonlySet<string> = new Set(['unreachable', 'timeout', 'credential', 'privilege']);
