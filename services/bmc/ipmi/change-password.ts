import { randomBytes } from 'node:crypto';
import { BmcError, type BmcTarget } from '../contract.ts';
import { type Conversation, openConversation } from './conversation.ts';
import { ipmiCredential } from './credential.ts';
import { COMPLETION } from './decide/completion.ts';
import { readLearned } from './decide/learned.ts';
import { IPMI_LIMITS, type IpmiLimits } from './limits.ts';
import { openIpmi } from './open-ipmi.ts';
import { ipmiAddress } from './udp-link.ts';
import { NET_FN } from './wire/message.ts';
import { decodeUserCount, decodeUserName, setPasswordRequest, userAccessRequest, USERS } from './wire/users.ts';

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
  await using talk = openConversation({
    address: ipmiAddress(target.address),
    credential: old,
    limits,
    random: randomBytes,
    learned: readLearned(target.learned),
    onLearned: () => {},
  });
  const user = await findUser(talk, old.name, signal);
  const set = async (text: Uint8Array, doing: string): Promise<void> => {
    const data = setPasswordRequest(user, text);
    await talk.send({ netFn: NET_FN.app, cmd: USERS.password, data, doing }, signal);
  };
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

/** Users are known by number; the one with our name is ours. User 1 has no name (IPMI v2.0 §6.9). */
async function findUser(talk: Conversation, name: Uint8Array, signal: AbortSignal): Promise<number> {
  const doing = 'looking for our user';
  const access = { netFn: NET_FN.app, cmd: USERS.access, data: userAccessRequest(1), doing };
  const count = await talk.read(access, decodeUserCount, signal);
  for (let user = 1; user <= count; user++) {
    const response = await talk.send(
      {
        netFn: NET_FN.app,
        cmd: USERS.name,
        data: Uint8Array.of(user),
        doing,
        // A number that is not taken is an empty name for some, and no user for others.
        allow: [COMPLETION.notPresent, COMPLETION.invalidField, COMPLETION.outOfRange],
      },
      signal,
    );
    if (response.completion !== COMPLETION.ok) continue;
    const got = decodeUserName(response.data);
    if (!got.ok) throw new BmcError('malformed', `${doing}: ${got.because}`);
    if (isSame(got.value, name)) return user;
  }
  throw new BmcError('refused', `${doing}: none of its ${count} users has the name`);
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, index) => byte === other[index]);
