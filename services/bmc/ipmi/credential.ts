import { type BmcCredential, BmcError } from '../contract.ts';

/** A credential as IPMI takes it: bytes, of lengths that fit. */
export type IpmiCredential = {
  readonly name: Uint8Array;
  /** K_uid. */
  readonly password: Uint8Array;
  readonly kg?: Uint8Array;
};

const NAME_BYTES = 16;
const PASSWORD_BYTES = 20;

/** IPMI v2.0 §22.28 and 22.30. Throws a `BmcError` of code `credential`; its text holds nothing of the password. */
export function ipmiCredential(credential: BmcCredential | undefined): IpmiCredential {
  if (!credential) throw new BmcError('credential', 'IPMI needs a user and a password, and there are none');
  const name = new TextEncoder().encode(credential.username);
  const password = new TextEncoder().encode(credential.password);
  if (name.length > NAME_BYTES) {
    throw new BmcError('credential', `the user's name is ${name.length} bytes, IPMI takes at most ${NAME_BYTES}`);
  }
  if (password.length > PASSWORD_BYTES) {
    throw new BmcError('credential', `the password is ${password.length} bytes, IPMI takes at most ${PASSWORD_BYTES}`);
  }
  if (credential.kg === undefined) return { name, password };
  if (!/^[0-9a-f]{40}$/i.test(credential.kg)) {
    throw new BmcError('credential', `K_g is ${credential.kg.length} characters, want 40 hexadecimal digits`);
  }
  return { name, password, kg: Buffer.from(credential.kg, 'hex') };
}
