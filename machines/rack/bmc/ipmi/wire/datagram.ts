import type { Parsed } from '../../../../values/parsed.ts';
import { concat, long, malformed, readAll, word } from './byte-reader.ts';

/** Payload types, IPMI v2.0 table 13-16. */
export const PAYLOAD = {
  ipmi: 0x00,
  sol: 0x01,
  openRequest: 0x10,
  openResponse: 0x11,
  rakp1: 0x12,
  rakp2: 0x13,
  rakp3: 0x14,
  rakp4: 0x15,
} as const;

/** What one datagram to a BMC holds. Payloads are views of it. */
export type Datagram =
  /** RMCP presence ping, ASF 2.0 §3.2.4.2. */
  | { readonly kind: 'ping'; readonly tag: number }
  /** An IPMI message outside of any session, in the wrapping of 1.5 or of 2.0; it is answered in the same. */
  | { readonly kind: 'open'; readonly wrapping: '1.5' | '2.0'; readonly message: Uint8Array }
  /** A step of a login. */
  | { readonly kind: 'setup'; readonly type: number; readonly payload: Uint8Array }
  | {
      readonly kind: 'session';
      readonly sessionId: number;
      readonly sequence: number;
      readonly type: number;
      readonly isEncrypted: boolean;
      readonly isAuthenticated: boolean;
      readonly payload: Uint8Array;
      /** From the authentication type to the end: what a code at its end is about. */
      readonly body: Uint8Array;
    };

const RMCP = [0x06, 0x00, 0xff] as const;
const CLASS = { asf: 0x06, ipmi: 0x07 } as const;
const ASF_IANA = 0x000011be;
const ASF = { ping: 0x80, pong: 0x40 } as const;
const FORMAT = { none: 0x00, rmcpPlus: 0x06 } as const;
const FLAGS = { encrypted: 0x80, authenticated: 0x40 } as const;

/** IPMI v2.0 table 13-8, over ASF 2.0 §3.2.2. */
export function decodeDatagram(bytes: Uint8Array): Parsed<Datagram> {
  return readAll(bytes, (from): Datagram => {
    const version = from.byte();
    if (version !== RMCP[0]) malformed(`got RMCP version ${version}, want 6`);
    from.take(2);
    const rmcpClass = from.byte();
    if (rmcpClass === CLASS.asf) {
      const iana = new DataView(from.take(4).slice().buffer).getUint32(0);
      const type = from.byte();
      if (iana !== ASF_IANA || type !== ASF.ping) malformed(`got ASF message ${type}, want a ping`);
      return { kind: 'ping', tag: from.byte() };
    }
    if (rmcpClass !== CLASS.ipmi) malformed(`got RMCP class ${rmcpClass}, want IPMI`);
    const body = bytes.subarray(RMCP.length + 1);
    const format = from.byte();
    if (format === FORMAT.none) {
      // Sequence and session are zero outside of a session; 1.5 sessions are not spoken.
      if (from.long() !== 0 || from.long() !== 0) malformed('got a session of IPMI 1.5');
      return { kind: 'open', wrapping: '1.5', message: from.take(from.byte()) };
    }
    if (format !== FORMAT.rmcpPlus) malformed(`got authentication type ${format}, want RMCP+`);
    const flags = from.byte();
    const type = flags & 0x3f;
    const sessionId = from.long();
    const sequence = from.long();
    const payload = from.take(from.word());
    if (sessionId !== 0) {
      return {
        kind: 'session',
        sessionId,
        sequence,
        type,
        isEncrypted: (flags & FLAGS.encrypted) !== 0,
        isAuthenticated: (flags & FLAGS.authenticated) !== 0,
        payload,
        body,
      };
    }
    if (type === PAYLOAD.ipmi) return { kind: 'open', wrapping: '2.0', message: payload };
    return { kind: 'setup', type, payload };
  });
}

/** Presence pong: IPMI and ASF 1.0 are supported, no security extensions. */
export function encodePong(tag: number): Uint8Array {
  const iana = [0x00, 0x00, 0x11, 0xbe];
  return concat(RMCP, [CLASS.asf], iana, [ASF.pong, tag, 0, 16], iana, [0, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0]);
}

export function encodeOpen(wrapping: '1.5' | '2.0', message: Uint8Array): Uint8Array {
  if (wrapping === '2.0') return encodeSetup(PAYLOAD.ipmi, message);
  return concat(RMCP, [CLASS.ipmi, FORMAT.none], long(0), long(0), [message.length], message);
}

export function encodeSetup(type: number, payload: Uint8Array): Uint8Array {
  return concat(RMCP, [CLASS.ipmi, FORMAT.rmcpPlus, type], long(0), long(0), word(payload.length), payload);
}

/** A datagram of a session, as far as its payload; `body` is what a code is made of. */
export function encodeSession(packet: {
  readonly type: number;
  readonly isEncrypted: boolean;
  readonly isAuthenticated: boolean;
  readonly sessionId: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}): { readonly rmcp: Uint8Array; readonly body: Uint8Array } {
  const { type, isEncrypted, isAuthenticated, sessionId, sequence, payload } = packet;
  const flags = type | (isEncrypted ? FLAGS.encrypted : 0) | (isAuthenticated ? FLAGS.authenticated : 0);
  return {
    rmcp: Uint8Array.of(...RMCP, CLASS.ipmi),
    body: concat([FORMAT.rmcpPlus, flags], long(sessionId), long(sequence), word(payload.length), payload),
  };
}
