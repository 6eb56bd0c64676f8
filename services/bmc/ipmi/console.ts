import { setTimeout as after } from 'node:timers/promises';
import { BmcError, type BmcConsole } from '../contract.ts';
import { ask } from './ask.ts';
import { completionRefusal } from './decide/completion.ts';
import { ackOf, heard, NOTHING_HEARD, nextSolSequence } from './decide/sol-hearing.ts';
import type { IpmiLimits } from './limits.ts';
import type { IpmiSession } from './session.ts';
import { NET_FN } from './wire/message.ts';
import { PAYLOAD } from './wire/session-packet.ts';
import { DEVICE } from './wire/device.ts';
import {
  ACTIVATE,
  ACTIVATE_SOL,
  DEACTIVATE_SOL,
  decodeInstance,
  decodeActivated,
  decodeSol,
  encodeSol,
  SOL_COMMAND,
  SOL_HEADER_BYTES,
  SOL_INSTANCE,
  SOL_STATUS,
  type SolPacket,
} from './wire/sol.ts';

/** What a reader that does not come may leave lying; more is not acknowledged, and the BMC sends it again for a while. */
const MOST_UNREAD_BYTES = 256 * 1024;
/** How often a machine may say that it takes no characters now. */
const HOLDS = 50;
const HOLD_MS = 100;

/** What every BMC takes in a packet of a console, where it could not tell. */
const LEAST_INBOUND_BYTES = 64;

/** Asks for the console; gives how many bytes of a packet it takes. Rejects with `busy` where somebody else has it. */
export async function activateConsole(session: IpmiSession, limits: IpmiLimits, signal: AbortSignal): Promise<number> {
  const request = { netFn: NET_FN.app, cmd: SOL_COMMAND.activate, data: ACTIVATE_SOL };
  for (const [attempt, wait] of limits.answerMs.entries()) {
    const answer = await session.request(request, [wait], signal);
    if (answer.kind === 'silence') continue;
    const { completion, data } = answer.response;
    if (completion === 0) {
      const decoded = decodeActivated(data);
      if (!decoded.ok) throw new BmcError('malformed', `opening the console: ${decoded.because}`);
      return decoded.value.inboundBytes;
    }
    // What was lost may be the answer to our own first try.
    if (completion !== ACTIVATE.alreadyActive || attempt === 0) throw refusal(completion);
    if (await isOurs(session, limits, signal)) return LEAST_INBOUND_BYTES;
  }
  throw new BmcError('timeout', 'opening the console: it does not answer');
}

/** Whether the console that is active is this session's. False where that cannot be told: then it is free now. */
async function isOurs(session: IpmiSession, limits: IpmiLimits, signal: AbortSignal): Promise<boolean> {
  const question = { netFn: NET_FN.app, cmd: SOL_COMMAND.instance, data: SOL_INSTANCE };
  const answer = await session.request(question, limits.answerMs, signal);
  const owner =
    answer.kind === 'answer' && answer.response.completion === 0 ? decodeInstance(answer.response.data) : undefined;
  if (owner?.ok === true && owner.value !== 0) {
    if (owner.value === session.bmcId) return true;
    throw refusal(ACTIVATE.alreadyActive);
  }
  // pyghmi's BMC cannot tell, and keeps a console for a session that is gone. It is most likely ours; were it somebody
  // else's, opened between our two tries, they would have to open it again.
  const end = { netFn: NET_FN.app, cmd: SOL_COMMAND.deactivate, data: DEACTIVATE_SOL };
  await session.request(end, limits.answerMs, signal);
  return false;
}

function refusal(completion: number): BmcError {
  switch (completion) {
    case ACTIVATE.alreadyActive:
      return new BmcError('busy', 'the console is open elsewhere');
    case ACTIVATE.limit:
      return new BmcError('busy', 'as many consoles are open as it has');
    case ACTIVATE.disabled:
      return new BmcError('not-supported', 'its serial over LAN is disabled');
    case ACTIVATE.noEncryption:
    case ACTIVATE.wantsEncryption:
      return new BmcError('not-supported', 'its serial over LAN cannot be had encrypted');
    default: {
      const { code, text } = completionRefusal(completion);
      return new BmcError(code, `opening the console: ${text}`);
    }
  }
}

/** An activated console over a session that it owns (IPMI v2.0 §15). */
export function openedConsole(parts: {
  readonly session: IpmiSession;
  readonly inboundBytes: number;
  readonly limits: IpmiLimits;
  readonly signal: AbortSignal;
  /** Once, when it is over for whatever reason. */
  readonly onClosed: () => void;
}): BmcConsole {
  const { session, limits } = parts;
  const over = new AbortController();
  const unread: Uint8Array[] = [];
  const takers = new Set<(packet: SolPacket) => void>();
  let unreadBytes = 0;
  let hearing = NOTHING_HEARD;
  let lastSent = 0;
  let failure: BmcError | undefined;
  let wake = (): void => {};
  let writing: Promise<void> = Promise.resolve();
  let closed: Promise<void> | undefined;

  const stopTaking = session.onPayload(PAYLOAD.sol, receive, (error) => end(lost(error)));
  const keepAlive = setInterval(() => void stayAlive(), limits.keepAliveMs);
  keepAlive.unref();
  const leave = (): void => end();
  parts.signal.addEventListener('abort', leave, { once: true });

  function end(error?: BmcError): void {
    if (over.signal.aborted) return;
    failure = error;
    over.abort(error ?? new BmcError('refused', 'the console is closed'));
    wake();
    void close();
  }

  function receive(payload: Uint8Array): void {
    const decoded = decodeSol(payload);
    if (!decoded.ok || over.signal.aborted) return;
    const packet = decoded.value;
    for (const take of takers) take(packet);
    if (unreadBytes <= MOST_UNREAD_BYTES) {
      const { hearing: now, fresh, ack } = heard(hearing, packet);
      hearing = now;
      if (ack) session.sendPayload(PAYLOAD.sol, encodeSol(ack));
      if (fresh.length > 0) {
        unread.push(fresh.slice());
        unreadBytes += fresh.length;
        wake();
      }
    }
    if ((packet.flags & SOL_STATUS.deactivated) !== 0) end();
  }

  async function stayAlive(): Promise<void> {
    try {
      const request = { netFn: NET_FN.app, cmd: DEVICE.deviceId };
      const answer = await session.request(request, limits.answerMs, over.signal);
      if (answer.kind === 'silence') end(lost());
    } catch (error) {
      if (!over.signal.aborted) end(lost(error));
    }
  }

  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const next = unread.shift();
        if (next) {
          unreadBytes -= next.length;
          yield next;
          continue;
        }
        if (over.signal.aborted) break;
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
      if (failure) throw failure;
    } finally {
      end();
      await close();
    }
  }

  /** One packet in flight (IPMI v2.0 §15.9); what of it is not taken goes into the next one. */
  async function deliver(bytes: Uint8Array): Promise<void> {
    const most = parts.inboundBytes - SOL_HEADER_BYTES;
    let holds = 0;
    for (let rest = bytes; rest.length > 0; ) {
      const data = rest.subarray(0, most);
      lastSent = nextSolSequence(lastSent);
      const sequence = lastSent;
      const packet = encodeSol({ sequence, ack: 0, accepted: 0, flags: 0, data });
      const answer = await ask<NonNullable<ReturnType<typeof ackOf>>>({
        waits: limits.consoleMs,
        signal: over.signal,
        send: () => session.sendPayload(PAYLOAD.sol, packet),
        listen(give) {
          const take = (said: SolPacket): void => {
            const ack = ackOf(said, { sequence, length: data.length });
            if (ack) give(ack);
          };
          takers.add(take);
          return () => void takers.delete(take);
        },
      });
      if (!answer) throw new BmcError('timeout', 'the console does not take what is typed');
      rest = rest.subarray(answer.accepted);
      if (answer.accepted > 0 || rest.length === 0) continue;
      holds += 1;
      if (holds > HOLDS) throw new BmcError('busy', 'the machine takes no characters from its console');
      await after(HOLD_MS, undefined, { signal: over.signal });
    }
  }

  function close(): Promise<void> {
    closed ??= (async () => {
      clearInterval(keepAlive);
      parts.signal.removeEventListener('abort', leave);
      stopTaking();
      const request = { netFn: NET_FN.app, cmd: SOL_COMMAND.deactivate, data: DEACTIVATE_SOL };
      // Its session's end ends it too; this is for BMCs that keep it for whoever is no more.
      await session.request(request, limits.closeMs, new AbortController().signal).catch(() => {});
      await session[Symbol.asyncDispose]();
      parts.onClosed();
    })();
    return closed;
  }

  return {
    output: { [Symbol.asyncIterator]: read },
    write(bytes) {
      const copy = bytes.slice();
      const mine = writing.then(() => deliver(copy));
      writing = mine.catch(() => {});
      return mine.catch((error: unknown) => {
        throw over.signal.aborted ? over.signal.reason : error;
      });
    },
    async [Symbol.asyncDispose]() {
      end();
      await close();
    },
  };
}

const lost = (cause?: unknown): BmcError =>
  new BmcError('timeout', "the console's session was lost", cause === undefined ? {} : { cause });
