import type { TraceEvent } from '../../contract/trace.ts';
import { dhcpDone } from './dhcp-evidence.ts';
import type { Evidence } from './evidence.ts';
import { furthest } from './stage.ts';

/** A script begins the rest of the boot anew: what an earlier one led to does not count any more. */
export function foldScript(evidence: Evidence, event: Extract<TraceEvent, { kind: 'script-rendered' }>): Evidence {
  const { at, situation, because, initrds } = event;
  const { loader } = evidence;
  return {
    ...evidence,
    stage: furthest(evidence.stage, 'script'),
    dhcp: dhcpDone(evidence.dhcp),
    loader: {
      ...loader,
      asked: undefined,
      head: undefined,
      stalled: undefined,
      refused: undefined,
      returned: undefined,
      alive: loader.alive ?? at,
    },
    script: { rendered: { at, situation, because, initrds }, sentAt: undefined, failed: undefined },
    kernel: {},
  };
}
