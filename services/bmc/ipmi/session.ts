import { ask } from './ask.ts';
import { accepted, EMPTY_WINDOW, nextSequence } from './decide/sequence-window.ts';
import { openPacket, sealPacket, type SessionKeys } from './session-crypto.ts';
import type { UdpLink } from './udp-link.ts';
import { uint32Bytes } from './wire/cursor.ts';
import { decodeResponse, encodeRequest, type IpmiResponse, NET_FN } from './wire/message.ts';
import { decodeRmcp } from './wire/rmcp.ts';
import { PAYLOAD } from './wire/session-packet.ts';

export type SessionRequest = { readonly netFn: number; readonly cmd: number; readonly data?: Uint8Array };

/** What came of a request: silence may come with the reason why what came was dropped. */
export type SessionAnswer =
  | { readonly kind: 'answer'; readonly response: IpmiResponse }
  | { readonly kind: 'silence'; readonly dropped?: string };

/** An open RMCP+ session over a link that it owns. */
export type IpmiSession = AsyncDisposable & {
  /** By which the BMC knows it. */
  readonly bmcId: number;
  /**
   * One request, sent as often as there are waits: each time under a new session sequence number and the same request
   * sequence number, by which a BMC can tell that it is the same one (IPMI v2.0 §6.12.13). Many do not look, and do
   * again what they did: what must not happen twice gets one wait.
   */
  request(request: SessionRequest, waits: readonly number[], signal: AbortSignal): Promise<SessionAnswer>;
  /** Another payload than IPMI's own. */
  sendPayload(type: number, payload: Uint8Array): void;
  /** Payloads of one type, verified, without duplicates. */
  onPayload(type: number, take: (payload: Uint8Array) => void, fail: (error: Error) => void): () => void;
};

const CLOSE_SESSION = 0x3c;

export function openedSession(parts: {
  readonly link: UdpLink;
  readonly keys: SessionKeys;
  readonly consoleId: number;
  readonly bmcId: number;
  readonly closeMs: readonly number[];
  readonly random: (count: number) => Uint8Array;
}): IpmiSession {
  const { link, keys, consoleId, bmcId, random } = parts;
  const takers = new Map<number, Set<(payload: Uint8Array) => void>>();
  let window = EMPTY_WINDOW;
  let lastSequence = 0;
  let requestSequence = 0;
  let dropped: string | undefined;
  let isClosed = false;

  const stopListening = link.listen(receive, () => {});

  function receive(datagram: Uint8Array): void {
    const rmcp = decodeRmcp(datagram);
    if (!rmcp.ok || rmcp.value.class !== 'ipmi') return;
    const packet = openPacket(keys, rmcp.value.body);
    if (!packet.ok) {
      dropped = packet.because;
      return;
    }
    const { sessionId, sequence, payloadType, payload } = packet.value;
    if (sessionId !== consoleId) return;
    const moved = accepted(window, sequence);
    if (!moved) return;
    window = moved;
    for (const take of takers.get(payloadType) ?? []) take(payload);
  }

  function sendPayload(payloadType: number, payload: Uint8Array): void {
    lastSequence = nextSequence(lastSequence);
    const packet = { payloadType, sessionId: bmcId, sequence: lastSequence, payload };
    link.send(sealPacket(keys, packet, random(16)));
  }

  function onPayload(type: number, take: (payload: Uint8Array) => void, fail: (error: Error) => void): () => void {
    const ofType = takers.get(type) ?? new Set();
    takers.set(type, ofType.add(take));
    const stop = link.listen(() => {}, fail);
    return () => {
      ofType.delete(take);
      stop();
    };
  }

  async function request(
    { netFn, cmd, data = new Uint8Array(0) }: SessionRequest,
    waits: readonly number[],
    signal: AbortSignal,
  ): Promise<SessionAnswer> {
    requestSequence = (requestSequence + 1) & 0x3f;
    const seq = requestSequence;
    dropped = undefined;
    const message = encodeRequest({ netFn, cmd, seq, data });
    const response = await ask<IpmiResponse>({
      waits,
      signal,
      send: () => sendPayload(PAYLOAD.ipmi, message),
      listen: (give, fail) =>
        onPayload(
          PAYLOAD.ipmi,
          (payload) => {
            const decoded = decodeResponse(payload);
            if (!decoded.ok) dropped = decoded.because;
            else if (isAnswer(decoded.value)) give(decoded.value);
          },
          fail,
        ),
    });
    if (response) return { kind: 'answer', response };
    return dropped === undefined ? { kind: 'silence' } : { kind: 'silence', dropped };

    function isAnswer(answer: IpmiResponse): boolean {
      return answer.netFn === netFn && answer.cmd === cmd && answer.seq === seq;
    }
  }

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    const end = { netFn: NET_FN.app, cmd: CLOSE_SESSION, data: uint32Bytes(bmcId) };
    // Best effort: a BMC that does not hear it drops the session after a minute.
    await request(end, parts.closeMs, new AbortController().signal).catch(() => {});
    stopListening();
    await link[Symbol.asyncDispose]();
  }

  return { bmcId, request, sendPayload, onPayload, [Symbol.asyncDispose]: close };
}
