import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { Random } from '#services/auth/secret.ts';
import { VaultError } from './vault-error.ts';

export const KEY_BYTES = 32;
/** NIST SP 800-38D §8.2.2: 96 random bits, good for 2^32 secrets a key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';

/** `v1.KEYID.NONCE.SEALED`: the key's id in hex, then base64url; the tag stands at the end of what is sealed. */
const FORM = /^v1\.([0-9a-f]{16})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/;

/** Tells keys apart, so that a wrong key is not taken for a damaged secret. Says nothing about the key. */
export const keyIdOf = (key: Uint8Array): string =>
  createHash('sha256').update('ingot seal key\0').update(key).digest('hex').slice(0, 16);

/** The name is authenticated with it: text that is moved to another name does not open. */
const boundTo = (keyId: string, name: string): Buffer => Buffer.from(`ingot v1\0${keyId}\0${name}`);

export function seal(key: Uint8Array, name: string, text: string, random: Random): string {
  const keyId = keyIdOf(key);
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce);
  cipher.setAAD(boundTo(keyId, name));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `v1.${keyId}.${Buffer.from(nonce).toString('base64url')}.${sealed.toString('base64url')}`;
}

/** Rejects with `other-key` or `damaged`. */
export function unseal(key: Uint8Array, name: string, envelope: string): string {
  const [, keyId, nonce = '', body = ''] = FORM.exec(envelope) ?? [];
  if (keyId === undefined) throw new VaultError('damaged', `secret ${name}: what is stored is no sealed text of ours`);
  const ours = keyIdOf(key);
  if (keyId !== ours) {
    throw new VaultError(
      'other-key',
      `secret ${name} was sealed under the key ${keyId}, and this daemon has ${ours}: bring back that seal.key, or set the secret again`,
    );
  }
  const sealed = Buffer.from(body, 'base64url');
  const decipher = createDecipheriv(CIPHER, key, Buffer.from(nonce, 'base64url'), { authTagLength: TAG_BYTES });
  decipher.setAAD(boundTo(keyId, name));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return decipher.update(sealed.subarray(0, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  } catch (cause) {
    throw new VaultError('damaged', `secret ${name} is damaged, or was moved from another name: set it again`, {
      cause,
    });
  }
}
