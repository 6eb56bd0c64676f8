import type { Attempt, TraceBody, TraceEvent, Verdict } from '#machines/contract/trace.ts';
import type { Evidence } from '#machines/decide/verdict/evidence.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';

/** An attempt as the recorder holds it; only the recorder changes it. */
export type LiveAttempt = {
  readonly id: string;
  readonly site: string;
  machine: string | undefined;
  mac: MacAddress | undefined;
  address: IpAddress | undefined;
  /** What its MAC asked DHCP for last: a NAK takes it back. */
  claimed: IpAddress | undefined;
  startedAt: number;
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
