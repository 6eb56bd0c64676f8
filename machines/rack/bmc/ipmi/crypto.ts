import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Suite } from './decide/suites.ts';
import { concat, long } from './wire/byte-reader.ts';
import { encodeSession } from './wire/datagram.ts';

/** All that two ends have told each other when a login is proven. */
export type Handshake = {
  readonly suite: Suite;
  readonly consoleId: number;
  readonly bmcId: number;
  readonly consoleRandom: Uint8Array;
  readonly bmcRandom: Uint8Array;
  readonly guid: Uint8Array;
  readonly role: number;
  readonly name: Uint8Array;
  readonly password: string;
  readonly kg: Uint8Array | undefined;
};

/** What seals the packets of a session. Undefined keys: its suite has none. */
export type SessionKeys = {
  readonly suite: Suite;
  readonly integrity: Uint8Array;
  readonly encryption: Uint8Array;
};

/** Passwords and K_g fill 20 bytes (IPMI v2.0 §13.31). */
const KEY_BYTES = 20;
const AES_BLOCK = 16;
/** Next header of RMCP+, in each trailer. */
const NEXT_HEADER = 0x07;

function hmac(suite: Suite, key: Uint8Array, ...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  if (suite.hash === undefined) return new Uint8Array();
  return createHmac(suite.hash, key)
    .update(concat(...parts))
    .digest();
}

/** 20 bytes with zeros after the key. */
function filled(key: Uint8Array): Uint8Array {
  const whole = new Uint8Array(KEY_BYTES);
  whole.set(key.subarray(0, KEY_BYTES));
  return whole;
}

const passwordKey = ({ password }: Handshake): Uint8Array => filled(new TextEncoder().encode(password));
const whoAsks = ({ role, name }: Handshake): Uint8Array => concat([role, name.length], name);

/** IPMI v2.0 §13.31: RAKP 2, by which the BMC proves that it knows the password. */
export function rakp2Code(hand: Handshake): Uint8Array {
  const { suite, consoleId, bmcId, consoleRandom, bmcRandom, guid } = hand;
  const key = passwordKey(hand);
  return hmac(suite, key, long(consoleId), long(bmcId), consoleRandom, bmcRandom, guid, whoAsks(hand));
}

/** RAKP 3, by which the console proves it. */
export function isRakp3Code(hand: Handshake, code: Uint8Array): boolean {
  const { suite, consoleId, bmcRandom } = hand;
  return isSame(code, hmac(suite, passwordKey(hand), bmcRandom, long(consoleId), whoAsks(hand)));
}

/** §13.31 and §13.32. K1 and K2 come of 20 bytes whatever the hash: 32 of them under SHA-256 fail with real clients. */
export function keysOf(hand: Handshake): { readonly keys: SessionKeys; readonly rakp4Code: Uint8Array } {
  const { suite, consoleRandom, bmcRandom, bmcId, guid, kg } = hand;
  const key = kg ? filled(kg) : passwordKey(hand);
  const sik = hmac(suite, key, consoleRandom, bmcRandom, whoAsks(hand));
  const derived = (byte: number): Uint8Array => hmac(suite, sik, new Uint8Array(KEY_BYTES).fill(byte));
  return {
    keys: { suite, integrity: derived(1), encryption: derived(2).subarray(0, AES_BLOCK) },
    rakp4Code: hmac(suite, sik, consoleRandom, long(bmcId), guid).subarray(0, suite.codeBytes),
  };
}

/** One datagram of a session, encrypted and signed as its suite has it. */
export function seal(
  { suite, integrity, encryption }: SessionKeys,
  packet: {
    readonly type: number;
    readonly sessionId: number;
    readonly sequence: number;
    readonly payload: Uint8Array;
  },
): Uint8Array {
  const isEncrypted = suite.confidentiality !== 0;
  const { rmcp, body } = encodeSession({
    ...packet,
    isEncrypted,
    isAuthenticated: suite.integrity !== 0,
    payload: isEncrypted ? encrypt(encryption, packet.payload) : packet.payload,
  });
  if (suite.integrity === 0) return concat(rmcp, body);
  // With the two bytes at its end, a multiple of four (§13.28.4).
  const padding = -(body.length + 2) & 3;
  const signed = concat(body, new Uint8Array(padding).fill(0xff), [padding, NEXT_HEADER]);
  return concat(rmcp, signed, hmac(suite, integrity, signed).subarray(0, suite.codeBytes));
}

/** The payload, or nothing when its code, its padding or its protection is not what the session's suite asks for. */
export function unseal(
  { suite, integrity, encryption }: SessionKeys,
  packet: {
    readonly isEncrypted: boolean;
    readonly isAuthenticated: boolean;
    readonly payload: Uint8Array;
    readonly body: Uint8Array;
  },
): Uint8Array | undefined {
  const { body, payload } = packet;
  if (packet.isAuthenticated !== (suite.integrity !== 0)) return undefined;
  if (packet.isAuthenticated) {
    const signed = body.subarray(0, Math.max(0, body.length - suite.codeBytes));
    const code = hmac(suite, integrity, signed).subarray(0, suite.codeBytes);
    if (!isSame(body.subarray(signed.length), code)) return undefined;
  }
  // What is less secret than the session was agreed to be is not taken.
  if (packet.isEncrypted !== (suite.confidentiality !== 0)) return undefined;
  return packet.isEncrypted ? decrypt(encryption, payload) : payload;
}

/** AES-CBC-128, §13.29: padded with 1, 2, 3 … and their count. */
function encrypt(key: Uint8Array, text: Uint8Array): Uint8Array {
  const padding = -(text.length + 1) & (AES_BLOCK - 1);
  const padded = concat(
    text,
    Array.from({ length: padding }, (_, index) => index + 1),
    [padding],
  );
  const iv = randomBytes(AES_BLOCK);
  const cipher = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false);
  return concat(iv, cipher.update(padded), cipher.final());
}

function decrypt(key: Uint8Array, bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < 2 * AES_BLOCK || bytes.length % AES_BLOCK !== 0) return undefined;
  const decipher = createDecipheriv('aes-128-cbc', key, bytes.subarray(0, AES_BLOCK)).setAutoPadding(false);
  const padded = concat(decipher.update(bytes.subarray(AES_BLOCK)), decipher.final());
  const padding = padded.at(-1) ?? 0;
  const end = padded.length - 1 - padding;
  if (padding >= AES_BLOCK || end < 0) return undefined;
  const isPadding = padded.subarray(end, -1).every((byte, index) => byte === index + 1);
  return isPadding ? padded.subarray(0, end) : undefined;
}

function isSame(got: Uint8Array, want: Uint8Array): boolean {
  return got.length === want.length && timingSafeEqual(got, want);
}
