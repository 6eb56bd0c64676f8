import type { BmcEvent } from '#machines/contract/power.ts';
import type { z } from 'zod';
import type { logEntry } from './resources.ts';
import { healthWord } from './state.ts';

/** A line of a log. Undefined for one without a word. `log` goes before its id where there are several logs. */
export function eventOf(entry: z.output<typeof logEntry>, log: string | undefined): BmcEvent | undefined {
  const text = entry.Message ?? entry.MessageId;
  if (text === undefined) return undefined;
  const at = Date.parse(entry.Created ?? entry.EventTimestamp ?? '');
  const id = entry.Id ?? '';
  return {
    id: log === undefined ? id : `${log}/${id}`,
    ...(Number.isNaN(at) ? {} : { at }),
    severity: healthWord(entry.Severity) ?? healthWord(entry.MessageSeverity) ?? 'ok',
    text,
  };
}

/**
 * Newest last: iDRAC tells the newest first, iLO the oldest. What has no time stays where it was among its neighbours.
 */
export function inOrder(events: readonly BmcEvent[]): readonly BmcEvent[] {
  const dated = events.filter(({ at }) => at !== undefined);
  const first = dated[0]?.at ?? 0;
  const last = dated.at(-1)?.at ?? 0;
  const forward = first > last ? events.toReversed() : events;
  return forward
    .map((event, index) => ({ event, index }))
    .sort((a, b) => (a.event.at ?? 0) - (b.event.at ?? 0) || a.index - b.index)
    .map(({ event }) => event);
}
