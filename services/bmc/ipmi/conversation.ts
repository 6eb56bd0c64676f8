import { setTimeout as after } from 'node:timers/promises';
import { BmcError } from '../contract.ts';
import type { IpmiCredential } from './credential.ts';
import { COMPLETION, completionRefusal, isPassing } from './decide/completion.ts';
import type { IpmiLearned } from './decide/learned.ts';
import type { IpmiLimits } from './limits.ts';
import { openSession, type SessionGot } from './open-session.ts';
import type { SessionAnswer, SessionRequest } from './session.ts';
import type { IpmiAddress } from './udp-link.ts';
import type { Decoded } from './wire/cursor.ts';
import type { IpmiResponse } from './wire/message.ts';
import type { Privilege } from './wire/session-setup.ts';

export type Order = SessionRequest & {
  /** For messages: `reading the power`. */
  readonly doing: string;
  /** It changes something that must not change twice: sent once, whatever happens. */
  readonly once?: boolean;
  /** Completion codes besides 0 that the caller reads itself. */
  readonly allow?: readonly number[];
};

/** One BMC, whatever becomes of sessions meanwhile. */
export type Conversation = AsyncDisposable & {
  /**
   * Opens a session where there is none, and another one where the BMC lost it; asks for more privilege where that is
   * what is missing. Rejects with a `BmcError`, or with the signal's reason.
   */
  send(order: Order, signal: AbortSignal): Promise<IpmiResponse>;
  /** The same, decoded. */
  read<T>(order: Order, decode: (data: Uint8Array) => Decoded<T>, signal: AbortSignal): Promise<T>;
  /** What the BMC called its machine when the session was opened (RAKP 2), while there is one. */
  guid(): Uint8Array | undefined;
  /** A session of the caller's own beside the one for requests. */
  openAnother(privilege: Privilege, signal: AbortSignal): Promise<SessionGot>;
};

/** Enough for all that a driver does on most BMCs (IPMI v2.0 appendix G). */
const USUAL: Privilege = 'operator';

export function openConversation(parts: {
  readonly address: IpmiAddress;
  readonly credential: IpmiCredential;
  readonly limits: IpmiLimits;
  readonly random: (count: number) => Uint8Array;
  readonly learned: IpmiLearned;
  readonly onLearned: (learned: IpmiLearned) => void;
}): Conversation {
  const { address, limits } = parts;
  let learned = parts.learned;
  let current: SessionGot | undefined;
  let idle: NodeJS.Timeout | undefined;
  let hasAnswered = false;
  let closing: Promise<void> = Promise.resolve();
  let isOver = false;

  function learn(more: IpmiLearned): void {
    const next = { ...learned, ...more };
    if (JSON.stringify(next) === JSON.stringify(learned)) return;
    learned = next;
    parts.onLearned(next);
  }

  /** Says goodbye in the background; whoever opens the next one waits for it, since BMCs have few sessions. */
  function leave(): void {
    const old = current;
    current = undefined;
    clearTimeout(idle);
    if (old) closing = Promise.resolve(old.session[Symbol.asyncDispose]());
  }

  async function openAs(privilege: Privilege, signal: AbortSignal): Promise<SessionGot> {
    if (isOver) throw new BmcError('refused', 'the driver is closed');
    await closing;
    const got = await openSession({ ...parts, learned, privilege }, signal).catch((cause: unknown) => {
      throw asKnown(cause);
    });
    // Closed meanwhile: who did so waits for nobody.
    if (isOver) {
      await got.session[Symbol.asyncDispose]();
      throw new BmcError('refused', 'the driver is closed');
    }
    hasAnswered = true;
    learn(got.learned);
    return got;
  }

  /** Who answered before and does not now is another finding than one who never did. */
  function asKnown(cause: unknown): unknown {
    if (!hasAnswered || !(cause instanceof BmcError) || cause.code !== 'unreachable') return cause;
    return new BmcError('timeout', `${address.host}:${address.port} answers no more`, { cause });
  }

  async function session(signal: AbortSignal): Promise<SessionGot> {
    clearTimeout(idle);
    current ??= await openAs(USUAL, signal);
    return current;
  }

  function rest(): void {
    clearTimeout(idle);
    idle = setTimeout(leave, limits.idleMs);
    idle.unref();
  }

  async function exchange({ session }: SessionGot, order: Order, signal: AbortSignal): Promise<SessionAnswer> {
    try {
      return await session.request(order, order.once === true ? [limits.onceMs] : limits.answerMs, signal);
    } catch (cause) {
      // Nobody is there any more, and neither is the session.
      if (!signal.aborted) leave();
      throw asKnown(cause);
    }
  }

  async function send(order: Order, signal: AbortSignal): Promise<IpmiResponse> {
    let mayReopen = current !== undefined && order.once !== true;
    let busy = 0;
    try {
      for (;;) {
        const got = await session(signal);
        const answer = await exchange(got, order, signal);
        if (answer.kind === 'silence') {
          leave();
          if (!mayReopen) throw silence(answer, order);
          // What it does not know any more it does not answer: as after its own restart.
          mayReopen = false;
          continue;
        }
        hasAnswered = true;
        const { response } = answer;
        const { completion } = response;
        if (completion === COMPLETION.ok || order.allow?.includes(completion) === true) return response;
        // Refused before anything was done, so that even what goes out once may be asked again.
        if (completion === COMPLETION.privilege && got.privilege === 'operator') {
          leave();
          // For as long as this session lasts: what is polled needs no more than operator.
          current = await openAs('administrator', signal).catch((cause: unknown) => {
            if (!(cause instanceof BmcError) || cause.code !== 'privilege') throw cause;
            throw new BmcError('privilege', `${order.doing}: the account may not do that`, { cause });
          });
          continue;
        }
        const pause = limits.busyMs[busy];
        if (isPassing(completion) && order.once !== true && pause !== undefined) {
          busy += 1;
          await after(pause, undefined, { signal });
          continue;
        }
        const { code, text } = completionRefusal(completion);
        throw new BmcError(code, `${order.doing}: ${text}`);
      }
    } catch (cause) {
      signal.throwIfAborted();
      throw cause;
    } finally {
      if (current) rest();
    }
  }

  function silence({ dropped }: { readonly dropped?: string }, { doing }: Order): BmcError {
    const { host, port } = address;
    return dropped === undefined
      ? new BmcError('timeout', `${doing}: ${host}:${port} does not answer`)
      : new BmcError('malformed', `${doing}: what ${host}:${port} answers is not in the protocol: ${dropped}`);
  }

  return {
    send,
    async read(order, decode, signal) {
      const decoded = decode((await send(order, signal)).data);
      if (!decoded.ok) throw new BmcError('malformed', `${order.doing}: ${decoded.because}`);
      return decoded.value;
    },
    guid: () => current?.guid,
    openAnother: openAs,
    async [Symbol.asyncDispose]() {
      isOver = true;
      leave();
      await closing;
    },
  };
}
