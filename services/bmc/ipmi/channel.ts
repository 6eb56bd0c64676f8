import { randomInt } from 'node:crypto';
import { BmcError } from '../contract.ts';
import { ask } from './ask.ts';
import { completionRefusal, isPassing } from './decide/completion.ts';
import type { IpmiLimits } from './limits.ts';
import type { UdpLink } from './udp-link.ts';
import { joined } from './wire/cursor.ts';
import { decodeResponse, encodeRequest, type IpmiResponse, NET_FN } from './wire/message.ts';
import { decodeRmcp } from './wire/rmcp.ts';
import { decodeSessionPacket, encodeSessionless, encodeUnprotected, PAYLOAD } from './wire/session-packet.ts';
import {
  type AuthCapabilities,
  authCapabilitiesRequest,
  CIPHER_SUITE_PARTS,
  CIPHER_SUITES_PER_PART,
  cipherSuitesRequest,
  decodeAuthCapabilities,
  decodeCipherSuites,
} from './wire/session-setup.ts';

const GET_AUTH_CAPABILITIES = 0x38;
const GET_CIPHER_SUITES = 0x54;

/** What a BMC tells everybody, without a session. Rejects with a `BmcError` of code `unreachable` where nobody answers. */
export async function readCapabilities(
  link: UdpLink,
  limits: IpmiLimits,
  signal: AbortSignal,
): Promise<AuthCapabilities> {
  const data = authCapabilitiesRequest('operator');
  const response = await askOpenly({
    link,
    cmd: GET_AUTH_CAPABILITIES,
    data,
    frame: encodeSessionless,
    waits: limits.setupMs,
    signal,
  });
  const { host, port } = link.address;
  if (!response) throw new BmcError('unreachable', `nothing at ${host}:${port} answers in IPMI`);
  if (isPassing(response.completion)) throw new BmcError('busy', completionRefusal(response.completion).text);
  if (response.completion !== 0) throw new BmcError('not-supported', 'it does not speak IPMI 2.0');
  const decoded = decodeAuthCapabilities(response.data);
  if (!decoded.ok) throw new BmcError('malformed', `its authentication capabilities: ${decoded.because}`);
  return decoded.value;
}

/** The same question as one datagram, for who asks many addresses. `seq`: 6 bits. */
export const capabilitiesPacket = (seq: number): Uint8Array =>
  encodeSessionless(
    encodeRequest({ netFn: NET_FN.app, cmd: GET_AUTH_CAPABILITIES, seq, data: authCapabilitiesRequest('operator') }),
  );

/** Its answer, if the datagram is one. A BMC that knows IPMI 1.5 only may refuse to tell what 2.0 added. */
export function capabilitiesIn(datagram: Uint8Array): AuthCapabilities | undefined {
  const response = openResponse(datagram);
  if (response?.netFn !== NET_FN.app || response.cmd !== GET_AUTH_CAPABILITIES) return undefined;
  const decoded = decodeAuthCapabilities(response.data);
  if (response.completion === 0 && decoded.ok) return decoded.value;
  return { hasIpmi20: false, wantsKg: false, hasNullUser: false, hasAnonymous: false };
}

/** The standard cipher suites that it offers, or undefined for a BMC that does not say: some never answer this. */
export async function readCipherSuites(
  link: UdpLink,
  limits: IpmiLimits,
  signal: AbortSignal,
): Promise<readonly number[] | undefined> {
  let records: Uint8Array = new Uint8Array(0);
  for (let index = 0; index < CIPHER_SUITE_PARTS; index++) {
    const response = await askOpenly({
      link,
      cmd: GET_CIPHER_SUITES,
      data: cipherSuitesRequest(index),
      frame: (message) => encodeUnprotected(PAYLOAD.ipmi, message),
      waits: limits.optionalMs,
      signal,
    });
    if (!response || response.completion !== 0) return index === 0 ? undefined : decodeCipherSuites(records);
    // The channel number stands before the records.
    const part = response.data.subarray(1);
    records = joined(records, part);
    if (part.length < CIPHER_SUITES_PER_PART) break;
  }
  const suites = decodeCipherSuites(records);
  return suites.length === 0 ? undefined : suites;
}

function askOpenly(question: {
  readonly link: UdpLink;
  readonly cmd: number;
  readonly data: Uint8Array;
  readonly frame: (message: Uint8Array) => Uint8Array;
  readonly waits: readonly number[];
  readonly signal: AbortSignal;
}): Promise<IpmiResponse | undefined> {
  const { link, cmd, data, frame, waits, signal } = question;
  const seq = randomInt(64);
  const message = frame(encodeRequest({ netFn: NET_FN.app, cmd, seq, data }));
  return ask<IpmiResponse>({
    waits,
    signal,
    send: () => link.send(message),
    listen: (give, fail) =>
      link.listen((datagram) => {
        const response = openResponse(datagram);
        if (response?.netFn === NET_FN.app && response.cmd === cmd && response.seq === seq) give(response);
      }, fail),
  });
}

function openResponse(datagram: Uint8Array): IpmiResponse | undefined {
  const rmcp = decodeRmcp(datagram);
  if (!rmcp.ok || rmcp.value.class !== 'ipmi') return undefined;
  const packet = decodeSessionPacket(rmcp.value.body);
  if (!packet.ok || packet.value.sessionId !== 0) return undefined;
  if (packet.value.kind === 'v2.0' && (packet.value.isEncrypted || packet.value.payloadType !== PAYLOAD.ipmi)) {
    return undefined;
  }
  const response = decodeResponse(packet.value.payload);
  return response.ok ? response.value : undefined;
}
