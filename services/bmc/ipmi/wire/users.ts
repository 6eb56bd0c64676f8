import { type Decoded, decoding, joined } from './cursor.ts';
import type { Privilege } from './session-setup.ts';

/** Commands of App for users, IPMI v2.0 §22.26 to 22.30, and §24.6 for what they may open. */
export const USERS = {
  setAccess: 0x43,
  access: 0x44,
  setName: 0x45,
  name: 0x46,
  password: 0x47,
  payloads: 0x4c,
} as const;

const NAME_BYTES = 16;
/** IPMI 1.5's, and IPMI 2.0's where the user ID has its highest bit set. */
const PASSWORD_BYTES = { short: 16, long: 20 } as const;
const OPERATION = { disable: 0, enable: 1, set: 2 } as const;
/** Of the channel that is asked over. */
const THIS_CHANNEL = 0x0e;
const LIMIT = { user: 2, operator: 3, administrator: 4, none: 0x0f } as const;
/** The bits after it are to be taken; not for callback alone; link authentication; IPMI messages. */
const MESSAGING = 0x80 | 0x20 | 0x10;

/** Of this channel, for one user, and how many users there are (§22.27). */
export const userAccessRequest = (user: number): Uint8Array => Uint8Array.of(THIS_CHANNEL, user);

export type UserAccess = {
  /** How many users the channel has; 1 to `fixedNames` have names that stay. */
  readonly slots: number;
  readonly fixedNames: number;
  /** Privilege limit, 4 bits: 4 administrator, 15 no access. */
  readonly limit: number;
  readonly hasMessaging: boolean;
};

export function decodeUserAccess(data: Uint8Array): Decoded<UserAccess> {
  return decoding(data, (read) => {
    const slots = read.uint8('number of users') & 0x3f;
    // ipmitool and we alike: some BMCs end here for a user that is not there.
    if (read.left() < 3) return { slots, fixedNames: 0, limit: LIMIT.none, hasMessaging: false };
    read.uint8('users that are enabled');
    const fixedNames = read.uint8('users with fixed names') & 0x3f;
    const access = read.uint8('channel access');
    return { slots, fixedNames, limit: access & 0x0f, hasMessaging: (access & 0x10) !== 0 };
  });
}

/** §22.26. `none` shuts the user out of the channel. */
export const setUserAccessRequest = (user: number, limit: Privilege | 'none'): Uint8Array =>
  Uint8Array.of((limit === 'none' ? 0x80 : MESSAGING) | THIS_CHANNEL, user, LIMIT[limit]);

export const isAdministrator = ({ limit, hasMessaging }: UserAccess): boolean =>
  limit === LIMIT.administrator && hasMessaging;
export const isShutOut = ({ limit, hasMessaging }: UserAccess): boolean => limit === LIMIT.none || !hasMessaging;

/** Padded with zeros. */
export const decodeUserName = (data: Uint8Array): Decoded<Uint8Array> =>
  decoding(data, (read) => {
    const field = read.bytes(NAME_BYTES, 'user name');
    const end = field.indexOf(0);
    return end < 0 ? field : field.subarray(0, end);
  });

/** `name` is at most 16 bytes; none gives the slot back. */
export const setUserNameRequest = (user: number, name: Uint8Array): Uint8Array =>
  joined(Uint8Array.of(user), name, new Uint8Array(NAME_BYTES - name.length));

/** `password` is at most 20 bytes. Those that fit the shorter form take it: every BMC knows that one. */
export function setPasswordRequest(user: number, password: Uint8Array): Uint8Array {
  const isLong = password.length > PASSWORD_BYTES.short;
  const room = isLong ? PASSWORD_BYTES.long : PASSWORD_BYTES.short;
  return joined(
    Uint8Array.of(user | (isLong ? 0x80 : 0), OPERATION.set),
    password,
    new Uint8Array(room - password.length),
  );
}

/** Whether the user may log in at all; without a password. */
export const enableUserRequest = (user: number, isEnabled: boolean): Uint8Array =>
  Uint8Array.of(user, isEnabled ? OPERATION.enable : OPERATION.disable);

/** §24.6: the user may open a serial console. */
export const allowConsoleRequest = (user: number): Uint8Array => Uint8Array.of(THIS_CHANNEL, user, 0x02, 0, 0, 0);
