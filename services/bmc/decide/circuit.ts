import type { BmcErrorCode } from '#machines/contract/power.ts';
import { type Backoff, backoffMs } from './backoff.ts';

/**
 * Whether a BMC is asked at all. Three silences in a row open it: then one probe at a time, ever more seldom, so that a
 * dead BMC costs next to nothing. Refused credentials stop it altogether, because BMCs lock accounts.
 */
export type Circuit = {
  /** In a row, of the kinds that say the BMC is not there. */
  readonly failures: number;
  readonly openUntil: number;
  /** Logins refused with the credential it has now. */
  readonly refusals: number;
  readonly last?: { readonly code: BmcErrorCode; readonly because: string; readonly at: number };
};

export const CLOSED: Circuit = { failures: 0, openUntil: 0, refusals: 0 };

export const FAILURES_TO_OPEN = 3;
/** Below the lockout of every BMC known: five on iDRAC, three on hardened OpenBMC. */
export const MAX_REFUSALS = 2;
const PROBES: Backoff = { baseMs: 30_000, capMs: 15 * 60_000, jitter: 0.25 };

/** It did not answer, or not as a BMC does; everything else is an answer of a BMC that is alive. */
const SILENCES: ReadonlySet<BmcErrorCode> = new Set(['unreachable', 'timeout', 'malformed', 'sessions', 'certificate']);

export type Admission =
  | { readonly kind: 'ask' }
  | { readonly kind: 'wait'; readonly untilMs: number; readonly code: BmcErrorCode; readonly because: string }
  /** Until a person changes the credential. */
  | { readonly kind: 'locked'; readonly because: string };

/** A person's command is worth a try when the circuit is open; nobody's is, once the credential was refused. */
export function admit(circuit: Circuit, asker: 'command' | 'poll', now: number): Admission {
  if (circuit.refusals >= MAX_REFUSALS) {
    return {
      kind: 'locked',
      because: `its credential was refused ${circuit.refusals} times, and it may lock the account`,
    };
  }
  if (asker === 'command' || now >= circuit.openUntil) return { kind: 'ask' };
  const { code = 'unreachable', because = 'it does not answer' } = circuit.last ?? {};
  return { kind: 'wait', untilMs: circuit.openUntil, code, because };
}

export const afterSuccess = (): Circuit => CLOSED;

export function afterFailure(
  circuit: Circuit,
  failure: { readonly code: BmcErrorCode; readonly because: string; readonly retryAfterMs?: number | undefined },
  now: number,
  chance: number,
): Circuit {
  const last = { code: failure.code, because: failure.because, at: now };
  if (failure.code === 'credential') return { ...circuit, refusals: circuit.refusals + 1, last };
  if (!SILENCES.has(failure.code)) {
    const wait = failure.retryAfterMs ?? 0;
    return { ...circuit, failures: 0, openUntil: now + Math.min(wait, PROBES.capMs), last };
  }
  const failures = circuit.failures + 1;
  const over = failures - FAILURES_TO_OPEN + 1;
  return { ...circuit, failures, openUntil: over > 0 ? now + backoffMs(PROBES, over, chance) : 0, last };
}

/** Another credential: what was refused before says nothing about it. */
export const withNewCredential = (circuit: Circuit): Circuit => ({ ...circuit, refusals: 0, openUntil: 0 });
