import { type Decoded, decoding, joined, malformed } from './cursor.ts';

/** The port of RMCP; its ACKs and 664, RMCP with RSP, are used by nobody. */
export const RMCP_PORT = 623;

const RMCP_VERSION = 0x06;
const NO_ACK_WANTED = 0xff;
const CLASS = { asf: 0x06, ipmi: 0x07 } as const;

export type RmcpPacket = { readonly class: keyof typeof CLASS; readonly body: Uint8Array };

/** IPMI v2.0 §13.1.3: version, reserved, sequence number, class. `body` is a view. */
export function decodeRmcp(bytes: Uint8Array): Decoded<RmcpPacket> {
  return decoding(bytes, (read) => {
    const version = read.uint8('RMCP version');
    if (version !== RMCP_VERSION) malformed(`RMCP version is ${version}, want 6`);
    read.bytes(2, 'RMCP header');
    const type = read.uint8('RMCP class');
    if (type === CLASS.ipmi) return { class: 'ipmi', body: read.rest() };
    if (type === CLASS.asf) return { class: 'asf', body: read.rest() };
    return malformed(`RMCP class is ${type}, want 6 (ASF) or 7 (IPMI)`);
  });
}

export const encodeRmcp = ({ class: type, body }: RmcpPacket): Uint8Array =>
  joined(Uint8Array.of(RMCP_VERSION, 0, NO_ACK_WANTED, CLASS[type]), body);

/** DSP0136 (ASF) §3.2: its enterprise number, by which its messages are told apart from others of the class. */
const ASF_IANA = 0x000011be;
const ASF_IANA_BYTES = Uint8Array.of(0, 0, 0x11, 0xbe);
const PING = 0x80;
const PONG = 0x40;

export type AsfPong = {
  readonly tag: number;
  /** Whose OEM extensions it has; ASF's own number where none. */
  readonly iana: number;
  readonly isIpmi: boolean;
};

/** Presence Ping (DSP0136 §3.2.4.1): whoever speaks RMCP answers, without credentials. `tag`: 0 to 254. */
export const encodeAsfPing = (tag: number): Uint8Array =>
  encodeRmcp({ class: 'asf', body: joined(ASF_IANA_BYTES, Uint8Array.of(PING, tag, 0, 0)) });

/** Presence Pong, the body of an RMCP packet of class ASF. */
export function decodeAsfPong(body: Uint8Array): Decoded<AsfPong> {
  return decoding(body, (read) => {
    const asf = read.bigEndian32('ASF enterprise number');
    if (asf !== ASF_IANA) malformed(`ASF enterprise number is ${asf}, want ${ASF_IANA}`);
    const type = read.uint8('ASF type');
    if (type !== PONG) malformed(`ASF type is ${type}, want 64 (pong)`);
    const tag = read.uint8('ASF tag');
    read.uint8('reserved byte');
    const length = read.uint8('ASF length');
    if (length < 16) malformed(`a pong is ${length} bytes, want 16`);
    const iana = read.bigEndian32('enterprise number');
    read.bytes(4, 'OEM bytes');
    return { tag, iana, isIpmi: (read.uint8('supported entities') & 0x80) !== 0 };
  });
}
