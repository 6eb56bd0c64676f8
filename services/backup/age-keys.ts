import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  scrypt,
  timingSafeEqual,
} from 'node:crypto';
import { promisify } from 'node:util';
import type { Random } from '#services/auth/secret.ts';
import { AgeError } from './age-error.ts';
import { decodeUnpadded, encodeUnpadded, type Stanza } from './wire/age-header.ts';
import { decodeBech32, encodeBech32 } from './wire/bech32.ts';

/** Whoever can open a file: the holder of an X25519 key (`age1…`), or who knows a passphrase. */
export type AgeRecipient =
  | { readonly kind: 'x25519'; readonly share: Uint8Array }
  | { readonly kind: 'passphrase'; readonly passphrase: string };

/** What opens a file: an X25519 key (`AGE-SECRET-KEY-1…`), or a passphrase. */
export type AgeIdentity =
  | { readonly kind: 'x25519'; readonly secret: Uint8Array }
  | { readonly kind: 'passphrase'; readonly passphrase: string };

const RECIPIENT_PREFIX = 'age';
const IDENTITY_PREFIX = 'age-secret-key-';
const KEY_BYTES = 32;
export const FILE_KEY_BYTES = 16;
const TAG_BYTES = 16;
const SALT_BYTES = 16;
/** 2^18 blocks of 1 KiB: 256 MiB and about a second, as age itself takes. */
export const SCRYPT_WORK = 18;
/** A file that asks for more is no backup of ours; age refuses above 22. */
const MAX_SCRYPT_WORK = 22;
const scryptOf = promisify<string, Uint8Array, number, object, Buffer>(scrypt);

export function parseAgeRecipient(text: string): AgeRecipient | undefined {
  const decoded = decodeBech32(text.trim());
  if (decoded?.prefix !== RECIPIENT_PREFIX || decoded.bytes.length !== KEY_BYTES) return undefined;
  return { kind: 'x25519', share: decoded.bytes };
}

/** A file of identities as `age-keygen` writes it: one a line, comments begin with #. Nothing where a line is none. */
export function parseAgeIdentities(text: string): readonly AgeIdentity[] | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const found = lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line): AgeIdentity | undefined => {
      const decoded = decodeBech32(line);
      const fits = decoded?.prefix === IDENTITY_PREFIX && decoded.bytes.length === KEY_BYTES;
      return fits ? { kind: 'x25519', secret: decoded.bytes } : undefined;
    });
  return found.length > 0 && found.every((one) => one !== undefined) ? found : undefined;
}

/** A new key pair, as texts. */
export function newAgeKey(random: Random): { readonly identity: string; readonly recipient: string } {
  const secret = random(KEY_BYTES);
  return {
    identity: encodeBech32(IDENTITY_PREFIX, secret).toUpperCase(),
    recipient: encodeBech32(RECIPIENT_PREFIX, shareOf(secret)),
  };
}

/** Wraps the key of a file for a recipient. */
export async function wrapFileKey(fileKey: Uint8Array, to: AgeRecipient, random: Random): Promise<Stanza> {
  switch (to.kind) {
    case 'x25519': {
      const ephemeral = random(KEY_BYTES);
      const share = shareOf(ephemeral);
      const key = x25519WrapKey(ephemeral, to.share, share, to.share);
      return { type: 'X25519', args: [encodeUnpadded(share)], body: sealOnce(key, fileKey) };
    }
    case 'passphrase': {
      const salt = random(SALT_BYTES);
      const key = await scryptWrapKey(to.passphrase, salt, SCRYPT_WORK);
      return { type: 'scrypt', args: [encodeUnpadded(salt), String(SCRYPT_WORK)], body: sealOnce(key, fileKey) };
    }
    default:
      throw to satisfies never;
  }
}

/** The key of a file if this identity opens this stanza; nothing where the stanza is for somebody else. */
export async function unwrapFileKey(stanza: Stanza, by: AgeIdentity): Promise<Uint8Array | undefined> {
  if (by.kind === 'x25519') {
    if (stanza.type !== 'X25519') return undefined;
    const share = decodeUnpadded(stanza.args[0] ?? '');
    if (share?.length !== KEY_BYTES || stanza.args.length !== 1) throw new AgeError('malformed', 'a stanza is wrong');
    return openOnce(x25519WrapKey(by.secret, share, share, shareOf(by.secret)), stanza.body);
  }
  if (stanza.type !== 'scrypt') return undefined;
  const [saltText = '', workText = '', ...rest] = stanza.args;
  const salt = decodeUnpadded(saltText);
  const work = /^[1-9]\d?$/.test(workText) ? Number(workText) : undefined;
  if (salt?.length !== SALT_BYTES || work === undefined || rest.length > 0) {
    throw new AgeError('malformed', 'the stanza of its passphrase is wrong');
  }
  if (work > MAX_SCRYPT_WORK) {
    throw new AgeError(
      'malformed',
      `its passphrase wants 2^${work} blocks of memory, want 2^${MAX_SCRYPT_WORK} at most`,
    );
  }
  return openOnce(await scryptWrapKey(by.passphrase, salt, work), stanza.body);
}

export const hkdf = (key: Uint8Array, salt: Uint8Array, info: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', key, salt, info, KEY_BYTES));

export const headerMac = (fileKey: Uint8Array, signed: Uint8Array): Uint8Array =>
  createHmac('sha256', hkdf(fileKey, new Uint8Array(), 'header'))
    .update(signed)
    .digest();

export const isEqual = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && timingSafeEqual(one, other);

function x25519WrapKey(own: Uint8Array, peer: Uint8Array, share: Uint8Array, recipient: Uint8Array): Uint8Array {
  const shared = diffieHellman({ privateKey: privateKeyOf(own), publicKey: publicKeyOf(peer) });
  // RFC 7748 §6.1: a share of small order makes a secret that everybody knows.
  if (shared.every((byte) => byte === 0)) throw new AgeError('malformed', 'a share of its header is no key');
  return hkdf(shared, Buffer.concat([share, recipient]), 'age-encryption.org/v1/X25519');
}

async function scryptWrapKey(passphrase: string, salt: Uint8Array, work: number): Promise<Uint8Array> {
  const N = 2 ** work;
  const labelled = Buffer.concat([Buffer.from('age-encryption.org/v1/scrypt'), salt]);
  return await scryptOf(passphrase, labelled, KEY_BYTES, { N, r: 8, p: 1, maxmem: 128 * 8 * N * 2 });
}

/** One key is used once, hence the fixed nonce. */
const NONCE = new Uint8Array(12);

function sealOnce(key: Uint8Array, text: Uint8Array): Uint8Array {
  const cipher = createCipheriv('chacha20-poly1305', key, NONCE, { authTagLength: TAG_BYTES });
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

function openOnce(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  // Checked first: age's specification, against several keys that open one text.
  if (sealed.length !== FILE_KEY_BYTES + TAG_BYTES) throw new AgeError('malformed', 'a stanza has the wrong length');
  const cipher = createDecipheriv('chacha20-poly1305', key, NONCE, { authTagLength: TAG_BYTES });
  cipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([cipher.update(sealed.subarray(0, -TAG_BYTES)), cipher.final()]);
  } catch {
    return undefined;
  }
}

/** RFC 8410 §7: what stands before the 32 bytes of an X25519 key in PKCS #8, and in SubjectPublicKeyInfo (§4). */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI = Buffer.from('302a300506032b656e032100', 'hex');

const privateKeyOf = (secret: Uint8Array) =>
  createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: 'der', type: 'pkcs8' });
const publicKeyOf = (share: Uint8Array) =>
  createPublicKey({ key: Buffer.concat([SPKI, share]), format: 'der', type: 'spki' });
const shareOf = (secret: Uint8Array): Uint8Array =>
  createPublicKey(privateKeyOf(secret)).export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES);
