import { type Decoded, decoding, joined, malformed, uint16Bytes, uint32Bytes } from './cursor.ts';
import { encodeRmcp } from './rmcp.ts';

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

const AUTH_NONE = 0x00;
const AUTH_RMCP_PLUS = 0x06;
const ENCRYPTED = 0x80;
const AUTHENTICATED = 0x40;
/** Next Header of the trailer, IPMI v2.0 table 13-8. */
const NEXT_HEADER = 0x07;

export type SessionPacket =
  /** IPMI 1.5 without a session: what everybody may ask. */
  | { readonly kind: 'v1.5'; readonly sessionId: number; readonly payload: Uint8Array }
  | {
      readonly kind: 'v2.0';
      readonly payloadType: number;
      readonly isEncrypted: boolean;
      readonly isAuthenticated: boolean;
      readonly sessionId: number;
      readonly sequence: number;
      /** Still encrypted where it is. */
      readonly payload: Uint8Array;
      /** Pad, pad length, next header and authentication code of an authenticated one. */
      readonly trailer: Uint8Array;
    };

/** The body of an RMCP packet of class IPMI (IPMI v2.0 §13.6). Nothing is believed yet: see `splitTrailer`. */
export function decodeSessionPacket(body: Uint8Array): Decoded<SessionPacket> {
  return decoding(body, (read) => {
    const authType = read.uint8('authentication type');
    if (authType === AUTH_NONE) {
      read.uint32('session sequence number');
      const sessionId = read.uint32('session ID');
      const length = read.uint8('payload length');
      // A pad byte may follow: 1.5 packets of certain lengths were lost by old network chips (IPMI v2.0 table 13-8).
      return { kind: 'v1.5', sessionId, payload: read.bytes(length, 'payload') };
    }
    if (authType !== AUTH_RMCP_PLUS) malformed(`authentication type is ${authType}, want 0 or 6`);
    const type = read.uint8('payload type');
    // An OEM payload (2) would bring two more fields.
    if ((type & 0x3f) === 2) malformed('the payload is an OEM one');
    const sessionId = read.uint32('session ID');
    const sequence = read.uint32('session sequence number');
    const payload = read.bytes(read.uint16('payload length'), 'payload');
    return {
      kind: 'v2.0',
      payloadType: type & 0x3f,
      isEncrypted: (type & ENCRYPTED) !== 0,
      isAuthenticated: (type & AUTHENTICATED) !== 0,
      sessionId,
      sequence,
      payload,
      trailer: read.rest(),
    };
  });
}

/** IPMI 1.5 outside of a session: Get Channel Authentication Capabilities, which 1.5 BMCs answer too. */
export const encodeSessionless = (message: Uint8Array): Uint8Array =>
  encodeRmcp({
    class: 'ipmi',
    body: joined(Uint8Array.of(AUTH_NONE), new Uint8Array(8), Uint8Array.of(message.length), message),
  });

/** RMCP+ before there are keys: session ID and sequence are zero. */
export const encodeUnprotected = (payloadType: number, payload: Uint8Array): Uint8Array =>
  encodeRmcp({ class: 'ipmi', body: header({ type: payloadType, sessionId: 0, sequence: 0, payload }) });

/**
 * What the authentication code of a protected packet is over (IPMI v2.0 §13.28.4): from the authentication type to the
 * next header, padded with FF to a multiple of four. `payload` is encrypted already.
 */
export function protectedSpan(packet: {
  readonly payloadType: number;
  readonly sessionId: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}): Uint8Array {
  const head = header({ ...packet, type: packet.payloadType | ENCRYPTED | AUTHENTICATED });
  const pad = (4 - ((head.length + 2) % 4)) % 4;
  return joined(head, new Uint8Array(pad).fill(0xff), Uint8Array.of(pad, NEXT_HEADER));
}

/**
 * The span that the authentication code is over, and the code: `body` is that of `decodeSessionPacket`. Some BMCs pad
 * with other bytes than FF, or to another length: what counts is that the pad fills what is between payload and code.
 */
export function splitTrailer(
  body: Uint8Array,
  trailerBytes: number,
  codeBytes: number,
): Decoded<{ readonly span: Uint8Array; readonly code: Uint8Array }> {
  const pad = trailerBytes - codeBytes - 2;
  if (pad < 0) return { ok: false, because: `the trailer is ${trailerBytes} bytes, want at least ${codeBytes + 2}` };
  const end = body.length - codeBytes;
  if (body[end - 1] !== NEXT_HEADER) return { ok: false, because: `next header is ${body[end - 1]}, want 7` };
  if (body[end - 2] !== pad)
    return { ok: false, because: `the pad is said to be ${body[end - 2]} bytes, and is ${pad}` };
  return { ok: true, value: { span: body.subarray(0, end), code: body.subarray(end) } };
}

function header(packet: {
  readonly type: number;
  readonly sessionId: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}): Uint8Array {
  return joined(
    Uint8Array.of(AUTH_RMCP_PLUS, packet.type),
    uint32Bytes(packet.sessionId),
    uint32Bytes(packet.sequence),
    uint16Bytes(packet.payload.length),
    packet.payload,
  );
}
