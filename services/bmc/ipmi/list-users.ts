import { BmcError } from '../contract.ts';
import type { Conversation } from './conversation.ts';
import { COMPLETION } from './decide/completion.ts';
import { NET_FN } from './wire/message.ts';
import { decodeUserAccess, decodeUserName, type UserAccess, userAccessRequest, USERS } from './wire/users.ts';

/** One slot of a BMC's list of users, of this channel. The name is empty where nobody has it. */
export type UserSlot = { readonly user: number; readonly name: Uint8Array };

/** How many slots there are, and up to which one names cannot be changed (IPMI v2.0 §22.27). */
export function readSlots(talk: Conversation, signal: AbortSignal): Promise<Pick<UserAccess, 'slots' | 'fixedNames'>> {
  return readUserAccess(talk, 1, signal);
}

export function readUserAccess(talk: Conversation, user: number, signal: AbortSignal): Promise<UserAccess> {
  const data = userAccessRequest(user);
  return talk.read({ netFn: NET_FN.app, cmd: USERS.access, data, doing: LOOKING }, decodeUserAccess, signal);
}

/** From slot 1 on, which has no name (IPMI v2.0 §6.9): one question each, and no more than are read. */
export async function* listUsers(talk: Conversation, slots: number, signal: AbortSignal): AsyncGenerator<UserSlot> {
  for (let user = 1; user <= slots; user++) yield { user, name: await readUserName(talk, user, signal) };
}

export async function readUserName(talk: Conversation, user: number, signal: AbortSignal): Promise<Uint8Array> {
  const response = await talk.send(
    {
      netFn: NET_FN.app,
      cmd: USERS.name,
      data: Uint8Array.of(user),
      doing: LOOKING,
      // A number that is not taken is an empty name for some, and no user for others.
      allow: [COMPLETION.notPresent, COMPLETION.invalidField, COMPLETION.outOfRange],
    },
    signal,
  );
  if (response.completion !== COMPLETION.ok) return new Uint8Array(0);
  const got = decodeUserName(response.data);
  if (!got.ok) throw new BmcError('malformed', `${LOOKING}: ${got.because}`);
  return got.value;
}

export const isSameName = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, index) => byte === other[index]);

const LOOKING = 'looking at its users';
