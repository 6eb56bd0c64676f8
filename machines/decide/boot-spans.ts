import { type Stage, STAGES, type TraceEvent } from '../contract/trace.ts';

/** Which part of a boot an event belongs to; nothing for what belongs to none, such as a log line. */
export function stageOfEvent(event: TraceEvent): Stage | undefined {
  switch (event.kind) {
    case 'dhcp-received':
    case 'dhcp-answered':
    case 'dhcp-silent':
    case 'other-dhcp':
      return 'dhcp';
    case 'tftp-asked':
    case 'tftp-sent':
    case 'tftp-timeout':
    case 'tftp-aborted':
    case 'tftp-refused':
      return 'loader';
    case 'script-rendered':
      return 'script';
    case 'http-asked':
    case 'http-sent':
      return STAGES.find((stage) => stage === event.role);
    case 'os-dhcp':
    case 'reported':
      return 'running';
    case 'grant-spent':
    case 'boot-token':
    case 'log':
    case 'dropped':
      return undefined;
    default:
      return event satisfies never;
  }
}

/** A part of a boot: from when to when, in milliseconds since the first event. */
export type BootSpan = { readonly stage: Stage; readonly from: number; readonly to: number };

/** How long each part took: from its first event to the first of a later part. Parts never go back. */
export function bootSpans(events: readonly TraceEvent[]): readonly BootSpan[] {
  const begin = events[0]?.at ?? 0;
  const end = events.at(-1)?.at ?? 0;
  const starts: { readonly stage: Stage; readonly at: number }[] = [];
  let reached = -1;
  for (const event of events) {
    const stage = stageOfEvent(event);
    const at = stage === undefined ? -1 : STAGES.indexOf(stage);
    if (stage === undefined || at <= reached) continue;
    reached = at;
    // What takes time is told when it is over.
    const took = 'ms' in event ? event.ms : 0;
    starts.push({ stage, at: Math.max(begin, event.at - took, starts.at(-1)?.at ?? begin) });
  }
  return starts.map(({ stage, at }, index) => ({
    stage,
    from: at - begin,
    to: Math.max(at, starts[index + 1]?.at ?? end) - begin,
  }));
}
