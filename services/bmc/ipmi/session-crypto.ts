import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { type Decoded, joined, uint32Bytes } from './wire/cursor.ts';
import { encodeRmcp } from './wire/rmcp.ts';
import { decodeSessionPacket, protectedSpan, type SessionPacket, splitTrailer } from './wire/session-packet.ts';
import type { Algorithms } from './wire/session-setup.ts';

/**
 * The cipher suites that we speak (IPMI v2.0 table 22-20), the better one first. Not among them: suite 0, under which a
 * BMC checks no password at all, and all that is without integrity or encryption.
 */
export const SUITES = {
  17: {
    hash: 'sha256',
    codeBytes: 32,
    integrityBytes: 16,
    algorithms: { auth: 3, integrity: 4, confidentiality: 1 },
  },
  3: { hash: 'sha1', codeBytes: 20, integrityBytes: 12, algorithms: { auth: 1, integrity: 1, confidentiality: 1 } },
} as const satisfies Record<
  number,
  {
    readonly hash: 'sha1' | 'sha256';
    /** Of RAKP 2 and 3. */
    readonly codeBytes: number;
    /** Of RAKP 4 and of every packet: the first bytes of the HMAC. */
    readonly integrityBytes: number;
    readonly algorithms: Algorithms;
  }
>;
export type SuiteId = keyof typeof SUITES;
export const PREFERRED_SUITES: readonly SuiteId[] = [17, 3];

/** What both sides have said until RAKP 2. IDs are numbers, the rest stands as on the wire. */
export type Handshake = {
  readonly suite: SuiteId;
  readonly consoleId: number;
  readonly bmcId: number;
  /** Rm. */
  readonly consoleRandom: Uint8Array;
  /** Rc. */
  readonly bmcRandom: Uint8Array;
  readonly guid: Uint8Array;
  readonly role: number;
  readonly name: Uint8Array;
  /** K_uid: at most 20 bytes. */
  readonly password: Uint8Array;
  /** K_g, 20 bytes. Without one, K_uid stands in (IPMI v2.0 §13.31). */
  readonly kg?: Uint8Array | undefined;
};

const KEY_BYTES = 20;

const hmac = (suite: SuiteId, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHmac(SUITES[suite].hash, key);
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const userKey = (password: Uint8Array): Uint8Array => joined(password, new Uint8Array(KEY_BYTES - password.length));

const who = ({ role, name }: Handshake): Uint8Array => joined(Uint8Array.of(role, name.length), name);

/** The code of RAKP 2, IPMI v2.0 §13.31: who holds the password. */
export const rakp2Code = (hand: Handshake): Uint8Array =>
  hmac(
    hand.suite,
    userKey(hand.password),
    uint32Bytes(hand.consoleId),
    uint32Bytes(hand.bmcId),
    hand.consoleRandom,
    hand.bmcRandom,
    hand.guid,
    who(hand),
  );

export const rakp3Code = (hand: Handshake): Uint8Array =>
  hmac(hand.suite, userKey(hand.password), hand.bmcRandom, uint32Bytes(hand.consoleId), who(hand));

export type SessionKeys = {
  readonly suite: SuiteId;
  /** K1. */
  readonly integrity: Uint8Array;
  /** The first 16 bytes of K2: AES-128. */
  readonly encryption: Uint8Array;
  /** What RAKP 4 must say. */
  readonly rakp4Code: Uint8Array;
};

/**
 * IPMI v2.0 §13.31 and 13.32. The constants that K1 and K2 come from are 20 bytes for SHA-256 too: with 32, as the text
 * can be read, ipmitool and freeipmi do not understand us.
 */
export function sessionKeys(hand: Handshake): SessionKeys {
  const { suite } = hand;
  const sik = hmac(suite, hand.kg ?? userKey(hand.password), hand.consoleRandom, hand.bmcRandom, who(hand));
  const constant = (value: number) => new Uint8Array(KEY_BYTES).fill(value);
  return {
    suite,
    integrity: hmac(suite, sik, constant(1)),
    encryption: hmac(suite, sik, constant(2)).subarray(0, 16),
    rakp4Code: hmac(suite, sik, hand.consoleRandom, uint32Bytes(hand.bmcId), hand.guid).subarray(
      0,
      SUITES[suite].integrityBytes,
    ),
  };
}

/** In constant time; false for another length too. */
export const isSameCode = (got: Uint8Array, want: Uint8Array): boolean =>
  got.length === want.length && timingSafeEqual(got, want);

/** A whole datagram: encrypted, then authenticated. `iv` is 16 bytes, unpredictable, never used twice. */
export function sealPacket(
  keys: SessionKeys,
  packet: {
    readonly payloadType: number;
    readonly sessionId: number;
    readonly sequence: number;
    readonly payload: Uint8Array;
  },
  iv: Uint8Array,
): Uint8Array {
  const span = protectedSpan({ ...packet, payload: encrypted(keys, packet.payload, iv) });
  const code = hmac(keys.suite, keys.integrity, span).subarray(0, SUITES[keys.suite].integrityBytes);
  return encodeRmcp({ class: 'ipmi', body: joined(span, code) });
}

export type OpenedPacket = {
  readonly payloadType: number;
  readonly sessionId: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
};

/**
 * The body of an RMCP packet, verified and then decrypted. Within a session everything is protected: what is not is
 * refused, or whoever can send from the BMC's address could answer for it.
 */
export function openPacket(keys: SessionKeys, body: Uint8Array): Decoded<OpenedPacket> {
  const decoded = decodeSessionPacket(body);
  if (!decoded.ok) return decoded;
  const packet = decoded.value;
  if (packet.kind === 'v1.5') return { ok: false, because: 'the packet is one of IPMI 1.5' };
  if (!packet.isAuthenticated || !packet.isEncrypted) return { ok: false, because: 'the packet is not protected' };
  const split = splitTrailer(body, packet.trailer.length, SUITES[keys.suite].integrityBytes);
  if (!split.ok) return split;
  const { span, code } = split.value;
  const want = hmac(keys.suite, keys.integrity, span).subarray(0, code.length);
  if (!isSameCode(code, want)) return { ok: false, because: 'the authentication code is wrong' };
  const payload = decrypted(keys, packet);
  if (!payload.ok) return payload;
  const { payloadType, sessionId, sequence } = packet;
  return { ok: true, value: { payloadType, sessionId, sequence, payload: payload.value } };
}

/** IPMI v2.0 §13.29: the pad counts up from 1, its length follows it. */
function encrypted({ encryption }: SessionKeys, payload: Uint8Array, iv: Uint8Array): Uint8Array {
  const pad = (16 - ((payload.length + 1) % 16)) % 16;
  const tail = Uint8Array.from({ length: pad + 1 }, (_, index) => (index === pad ? pad : index + 1));
  const cipher = createCipheriv('aes-128-cbc', encryption, iv).setAutoPadding(false);
  return joined(iv, cipher.update(joined(payload, tail)), cipher.final());
}

function decrypted({ encryption }: SessionKeys, packet: SessionPacket): Decoded<Uint8Array> {
  const { payload } = packet;
  if (payload.length < 32 || payload.length % 16 !== 0) {
    return { ok: false, because: `an encrypted payload is ${payload.length} bytes, want a multiple of 16 from 32 on` };
  }
  const cipher = createDecipheriv('aes-128-cbc', encryption, payload.subarray(0, 16)).setAutoPadding(false);
  const plain = joined(cipher.update(payload.subarray(16)), cipher.final());
  const pad = plain[plain.length - 1] ?? 0;
  if (pad > 15) return { ok: false, because: `the pad of the payload is ${pad} bytes, want at most 15` };
  const end = plain.length - 1 - pad;
  for (let index = 0; index < pad; index++) {
    if (plain[end + index] !== index + 1) return { ok: false, because: 'the pad of the payload is wrong' };
  }
  return { ok: true, value: plain.subarray(0, end) };
}
