import type { Attempt, TraceBody, TraceEvent, Verdict } from '#machines/contract/trace.ts';
import { evidenceOf, type Evidence, NO_EVIDENCE } from '#machines/decide/verdict/evidence.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';

/** An attempt as the recorder holds it; only the recorder changes it. */
export type LiveAttempt = {
  readonly id: string;
  readonly site: string;
  machine: string | undefined;
  /** The card that spoke last, and all that did. */
  mac: MacAddress | undefined;
  readonly macs: Set<MacAddress>;
  address: IpAddress | undefined;
  /** What its MAC asked DHCP for last: a NAK takes it back. */
  claimed: IpAddress | undefined;
  readonly startedAt: number;
  lastAt: number;
  endedAt: number | undefined;
  evidence: Evidence;
  verdict: Verdict;
  /** The `seq` of its newest event. */
  events: number;
  /** How many of them are log lines. */
  logs: number;
  /** How many of its datagrams are kept. */
  packets: number;
  /** Not stored, and not yet told in the trace. */
  dropped: number;
  droppedBecause: string;
  droppedToldAt: number;
};

export function newAttempt(
  about: Pick<LiveAttempt, 'id' | 'site' | 'machine' | 'mac' | 'startedAt'> & Partial<LiveAttempt>,
): LiveAttempt {
  return {
    macs: new Set(about.mac === undefined ? [] : [about.mac]),
    address: undefined,
    claimed: undefined,
    lastAt: about.startedAt,
    endedAt: undefined,
    evidence: NO_EVIDENCE,
    verdict: { code: 'in-progress', stage: 'dhcp', cause: '', next: '' },
    events: 0,
    logs: 0,
    packets: 0,
    dropped: 0,
    droppedBecause: '',
    droppedToldAt: 0,
    ...about,
  };
}

/**
 * As it was when it was stored. Without its events only what the attempt itself says is known of it. `packets` is how
 * many of its datagrams are stored.
 */
export function restoredAttempt(
  attempt: Attempt,
  { events, packets }: { readonly events: readonly TraceEvent[]; readonly packets: number },
): LiveAttempt {
  const { id, site, machine, mac, address, startedAt, lastAt, endedAt, stage, verdict } = attempt;
  return newAttempt({
    id,
    site,
    machine,
    mac,
    address,
    claimed: address,
    startedAt,
    lastAt,
    endedAt,
    evidence: events.length === 0 ? { ...NO_EVIDENCE, startedAt, lastAt, stage } : evidenceOf(events),
    verdict,
    events: Math.max(attempt.events, events.at(-1)?.seq ?? 0),
    logs: events.filter(({ kind }) => kind === 'log').length,
    packets,
  });
}

export function attemptOf(live: LiveAttempt): Attempt {
  return {
    id: live.id,
    ...(live.machine === undefined ? {} : { machine: live.machine }),
    ...(live.mac === undefined ? {} : { mac: live.mac }),
    ...(live.address === undefined ? {} : { address: live.address }),
    site: live.site,
    startedAt: live.startedAt,
    lastAt: live.lastAt,
    ...(live.endedAt === undefined ? {} : { endedAt: live.endedAt }),
    stage: live.evidence.stage,
    verdict: live.verdict,
    events: live.events,
  };
}

const MAX_TEXT = 255;

/** An event whose texts are at most 255 characters, whoever made it. */
export function eventOf(body: TraceBody, seq: number, at: number): TraceEvent {
  return { seq, at, ...(isShort(body) ? body : (cut(body) as TraceBody)) };
}

function isShort(value: object): boolean {
  for (const part of Object.values(value)) {
    if (typeof part === 'string' ? part.length > MAX_TEXT : typeof part === 'object' && part && !isShort(part)) {
      return false;
    }
  }
  return true;
}

function cut(value: object): object {
  return Object.fromEntries(
    Object.entries(value).map(([key, part]: [string, unknown]) => [
      key,
      typeof part === 'string' ? part.slice(0, MAX_TEXT) : typeof part === 'object' && part ? cut(part) : part,
    ]),
  );
}
