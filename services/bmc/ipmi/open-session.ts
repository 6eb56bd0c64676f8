import { BmcError, type BmcErrorCode } from '../contract.ts';
import { readCapabilities, readCipherSuites } from './channel.ts';
import type { IpmiCredential } from './credential.ts';
import type { IpmiLearned } from './decide/learned.ts';
import type { SetupRefusal } from './decide/setup-refusal.ts';
import type { IpmiLimits } from './limits.ts';
import { type LoggedIn, logIn } from './log-in.ts';
import { type IpmiSession, openedSession } from './session.ts';
import { PREFERRED_SUITES, type SuiteId } from './session-crypto.ts';
import { type IpmiAddress, openLink, type UdpLink } from './udp-link.ts';
import { NET_FN } from './wire/message.ts';
import { PRIVILEGE, type Privilege } from './wire/session-setup.ts';

const SET_SESSION_PRIVILEGE = 0x3b;

export type SessionWanted = {
  readonly address: IpmiAddress;
  readonly credential: IpmiCredential;
  /** The highest that is asked for; a lower one is taken where the account has no more. */
  readonly privilege: Privilege;
  readonly learned: IpmiLearned;
  readonly limits: IpmiLimits;
  readonly random: (count: number) => Uint8Array;
};

export type SessionGot = {
  readonly session: IpmiSession;
  readonly privilege: Privilege;
  readonly guid: Uint8Array;
  readonly learned: IpmiLearned;
};

const CODE_OF: Readonly<Record<SetupRefusal, BmcErrorCode>> = {
  suite: 'not-supported',
  privilege: 'privilege',
  credential: 'credential',
  sessions: 'sessions',
  stale: 'timeout',
  refused: 'refused',
};

/**
 * A session whose privilege is set. A BMC that is new to us is first asked what it offers; one that is known is spared
 * that. Rejects with a `BmcError`, or with the signal's reason; then nothing stays open.
 */
export async function openSession(wanted: SessionWanted, signal: AbortSignal): Promise<SessionGot> {
  const link = await openLink(wanted.address, signal);
  let session: IpmiSession | undefined;
  try {
    const { open, suite, learned } = await logInSomehow(wanted, link, signal);
    const { limits, random } = wanted;
    session = openedSession({ link, ...open, closeMs: limits.closeMs, random });
    const { privilege } = open;
    const data = Uint8Array.of(PRIVILEGE[privilege]);
    const raise = { netFn: NET_FN.app, cmd: SET_SESSION_PRIVILEGE, data };
    const answer = await session.request(raise, limits.answerMs, signal);
    if (answer.kind === 'silence') {
      const { dropped } = answer;
      throw dropped === undefined
        ? new BmcError('timeout', 'it logged us in and answers no more')
        : new BmcError('malformed', `it logged us in, and its answer is not in the protocol: ${dropped}`);
    }
    if (answer.response.completion !== 0) {
      throw new BmcError('privilege', `the account has no privilege level ${privilege}`);
    }
    return { session, privilege, guid: open.guid, learned: { ...learned, suite } };
  } catch (cause) {
    const closed = (session ?? link)[Symbol.asyncDispose]();
    // Whoever gives up is not kept for the goodbye.
    if (!signal.aborted) await closed;
    throw cause;
  }
}

type Open = Extract<LoggedIn, { readonly kind: 'open' }> & { readonly privilege: Privilege };
type Somehow = { readonly open: Open; readonly suite: SuiteId; readonly learned: IpmiLearned };

async function logInSomehow(wanted: SessionWanted, link: UdpLink, signal: AbortSignal): Promise<Somehow> {
  const { learned, limits } = wanted;
  if (learned.suite !== undefined) {
    const known = await logInLower(wanted, learned.suite, link, signal);
    if (known.kind === 'open') return { open: known, suite: learned.suite, learned };
    // Its firmware is another one now: it is asked anew.
    if (known.kind !== 'refused' || known.why !== 'suite') throw errorOf(known, link);
  }
  const capabilities = await readCapabilities(link, limits, signal);
  if (!capabilities.hasIpmi20) throw new BmcError('not-supported', 'it speaks IPMI 1.5 only');
  const offered = await readCipherSuites(link, limits, signal);
  const seen: IpmiLearned = {
    ...learned,
    offersSuite0: offered?.includes(0) ?? false,
    allowsAnonymous: capabilities.hasAnonymous,
  };
  const tried: string[] = [];
  for (const suite of PREFERRED_SUITES) {
    if (offered && !offered.includes(suite)) continue;
    const result = await logInLower(wanted, suite, link, signal);
    if (result.kind === 'open') return { open: result, suite, learned: seen };
    // Old BMCs do not even refuse what they do not know; where there is nothing left to try, the caller hears it.
    const isOther = result.kind === 'silence' ? offered === undefined && suite === 17 : result.why === 'suite';
    if (!isOther) throw errorOf(result, link);
    tried.push(`${suite}: ${result.kind === 'silence' ? 'no answer' : result.because}`);
  }
  const because = tried.length > 0 ? tried.join('; ') : `it offers ${offered?.join(', ') ?? 'none'}`;
  throw new BmcError('not-supported', `none of the cipher suites 17 and 3 can be had (${because})`);
}

/** At the level wanted, or as an ordinary user: who may only look can still tell the power. */
async function logInLower(
  wanted: SessionWanted,
  suite: SuiteId,
  link: UdpLink,
  signal: AbortSignal,
): Promise<Open | Exclude<LoggedIn, { readonly kind: 'open' }>> {
  const { credential, limits, random } = wanted;
  for (let { privilege } = wanted; ; privilege = 'user') {
    const result = await logIn({ link, credential, suite, privilege, limits, random, signal });
    if (result.kind === 'open') return { ...result, privilege };
    const isTooHigh = result.kind === 'refused' && result.why === 'privilege' && privilege === 'operator';
    if (!isTooHigh) return result;
  }
}

function errorOf(result: Exclude<LoggedIn, { readonly kind: 'open' }>, { address }: UdpLink): BmcError {
  const { host, port } = address;
  if (result.kind === 'silence') return new BmcError('unreachable', `nothing at ${host}:${port} answers in IPMI`);
  return new BmcError(CODE_OF[result.why], `${host}:${port} refused the login: ${result.because}`);
}
