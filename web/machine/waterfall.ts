import type { TraceEvent } from '#machines/contract/trace.ts';
import { bootSpans, stageOfEvent } from '#machines/decide/boot-spans.ts';
import { bytes, capital } from '../look/format.ts';
import { STAGE_NAMES, type Tone } from '../look/machine-state.ts';

/** A bar of the waterfall; times in milliseconds since the first event. */
export type WaterfallRow = {
  readonly key: string;
  readonly kind: 'part' | 'transfer';
  readonly what: string;
  readonly from: number;
  readonly to: number;
  readonly tone: Tone;
};

/** A boot that asks again and again has thousands of them; the longest say where the time went. */
const MAX_TRANSFERS = 40;

/** The parts of a boot, and below each what was sent in it. */
export function waterfallOf(events: readonly TraceEvent[]): readonly WaterfallRow[] {
  const begin = events[0]?.at ?? 0;
  const transfers = transfersOf(events, begin);
  return bootSpans(events).flatMap(({ stage, from, to }): readonly WaterfallRow[] => [
    {
      key: stage,
      kind: 'part',
      what: capital(STAGE_NAMES[stage]),
      from,
      to,
      tone: stage === 'running' ? 'good' : 'busy',
    },
    ...transfers.filter((one) => one.stage === stage),
  ]);
}

function transfersOf(events: readonly TraceEvent[], begin: number) {
  const all = events.flatMap((event) => {
    const stage = stageOfEvent(event);
    const told = transferText(event);
    if (stage === undefined || told === undefined) return [];
    const to = event.at - begin;
    const from = Math.max(0, to - told.ms);
    return [{ key: `seq ${event.seq}`, kind: 'transfer', what: told.what, from, to, tone: told.tone, stage } as const];
  });
  if (all.length <= MAX_TRANSFERS) return all;
  const longest = new Set(
    all.toSorted((one, other) => other.to - other.from - (one.to - one.from)).slice(0, MAX_TRANSFERS),
  );
  return all.filter((one) => longest.has(one));
}

function transferText(
  event: TraceEvent,
): { readonly what: string; readonly ms: number; readonly tone: Tone } | undefined {
  switch (event.kind) {
    case 'tftp-sent':
      return { what: `TFTP ${event.file}, ${bytes(event.bytes)}`, ms: event.ms, tone: 'busy' };
    case 'tftp-timeout':
      return { what: `TFTP ${event.file}, broke off`, ms: event.ms, tone: 'bad' };
    case 'tftp-refused':
      return { what: `TFTP ${event.file}, refused`, ms: 0, tone: 'bad' };
    case 'http-sent': {
      const failed = event.status >= 400 || (event.method === 'GET' && event.bytes < event.size);
      return {
        what: `${event.method} ${event.path.replace(/^\/a\/[\w-]{22}/, '')}, ${failed ? event.status : bytes(event.bytes)}`,
        ms: event.ms,
        tone: failed ? 'bad' : 'busy',
      };
    }
    default:
      return undefined;
  }
}
