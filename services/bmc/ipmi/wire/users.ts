import { type Decoded, decoding, joined } from './cursor.ts';

/** Commands of App for users, IPMI v2.0 §22.26 to 22.30. */
export const USERS = { access: 0x44, name: 0x46, password: 0x47 } as const;

const NAME_BYTES = 16;
/** IPMI 1.5's, and IPMI 2.0's where the user ID has its highest bit set. */
const PASSWORD_BYTES = { short: 16, long: 20 } as const;
const SET_PASSWORD = 2;

/** Of this channel (E), of any user: for how many there are. */
export const userAccessRequest = (user: number): Uint8Array => Uint8Array.of(0x0e, user);

export const decodeUserCount = (data: Uint8Array): Decoded<number> =>
  decoding(data, (read) => read.uint8('number of users') & 0x3f);

/** Padded with zeros. */
export const decodeUserName = (data: Uint8Array): Decoded<Uint8Array> =>
  decoding(data, (read) => {
    const field = read.bytes(NAME_BYTES, 'user name');
    const end = field.indexOf(0);
    return end < 0 ? field : field.subarray(0, end);
  });

/** `password` is at most 20 bytes. Those that fit the shorter form take it: every BMC knows that one. */
export function setPasswordRequest(user: number, password: Uint8Array): Uint8Array {
  const isLong = password.length > PASSWORD_BYTES.short;
  const room = isLong ? PASSWORD_BYTES.long : PASSWORD_BYTES.short;
  return joined(
    Uint8Array.of(user | (isLong ? 0x80 : 0), SET_PASSWORD),
    password,
    new Uint8Array(room - password.length),
  );
}
