import type { TraceEvent } from '../../contract/trace.ts';
import { resolveBootPath } from '../boot-path.ts';
import type { Evidence } from './evidence.ts';
import { imageSentAt } from './kernel-evidence.ts';
import { furthest } from './stage.ts';

/** An operating system shows itself. `netbooted`: after what we sent, so it is very likely what we sent. */
export type RunningEvidence = {
  readonly at: number;
  readonly netbooted: boolean;
  /** What was seen, such as `it asked for an address as "dhcpcd-9.4.1"`. */
  readonly seen: string;
  /** Our agent has called back. */
  readonly agent: boolean;
  /** The kernel's last words, with nothing after them. */
  readonly panic: { readonly at: number; readonly text: string } | undefined;
};

type Signs = Extract<TraceEvent, { kind: 'log' | 'os-dhcp' | 'reported' | 'dhcp-received' }>;

export function foldRunning(evidence: Evidence, event: Signs): Evidence {
  const { at } = event;
  const netbooted = wasNetbooted(evidence);
  switch (event.kind) {
    case 'dhcp-received': {
      const { vendorClass } = event.client;
      return running(evidence, at, netbooted, `it asked for an address${vendorClass ? ` as "${vendorClass}"` : ''}`);
    }
    case 'os-dhcp': {
      const who = event.vendorClass ?? event.hostname;
      return running(evidence, at, netbooted, `it asked for an address${who ? ` as "${who}"` : ''}`);
    }
    case 'reported':
      return called(evidence, event);
    case 'log':
      return logged(evidence, event, netbooted);
    default:
      return event satisfies never;
  }
}

function called(evidence: Evidence, { at, by, text }: Extract<TraceEvent, { kind: 'reported' }>): Evidence {
  const next = running(evidence, at, true, `it called back${text ? `: "${text}"` : ''}`);
  if (by !== 'agent' || !next.running || next.running.agent) return next;
  return { ...next, running: { ...next.running, agent: true, seen: text || 'it called back' } };
}

/**
 * The agent was sent and has not called back. That its kernel asked for an address is not enough: without the machine
 * plane an agent can do nothing.
 */
export const awaitsAgent = ({ script, running: seen }: Evidence): boolean =>
  script?.rendered?.situation === 'agent' && seen?.agent !== true;

function running(evidence: Evidence, at: number, netbooted: boolean, seen: string): Evidence {
  const { running: before } = evidence;
  const first = before && (before.netbooted || !netbooted) ? before : { at, netbooted, seen, agent: false };
  return {
    ...evidence,
    stage: furthest(evidence.stage, 'running'),
    running: { ...first, panic: undefined },
  };
}

const PANIC = /kernel panic|unable to mount root fs|attempted to kill init/i;

/**
 * A line before the kernel came whole is the loader's own. One after it proves that the kernel runs, unless it is the
 * kernel's last words; and lines of a machine that boots its own disk prove no netboot.
 */
function logged(evidence: Evidence, event: Extract<TraceEvent, { kind: 'log' }>, netbooted: boolean): Evidence {
  const { at, text } = event;
  if (event.source === 'ipxe') {
    // Its whole screen may come as a log; what it could not do it reports as an error.
    if (event.severity > 3) return evidence;
    return { ...evidence, kernel: { ...evidence.kernel, complaint: { at, text } } };
  }
  if (!netbooted) return evidence;
  const next = running(evidence, at, true, 'it sends its log');
  if (!PANIC.test(text) || !next.running) return next;
  return { ...next, running: { ...next.running, panic: { at, text } } };
}

/** Has everything been sent that the script names, as far as it is ours to send? */
function wasNetbooted(evidence: Evidence): boolean {
  if (imageSentAt(evidence) !== undefined) return true;
  const { script, loader } = evidence;
  const situation = script?.rendered?.situation;
  switch (situation) {
    case 'chain':
    case 'menu':
    case 'script':
      return script?.sentAt !== undefined;
    case undefined:
      // An EFI image or the files of a Raspberry Pi, without any script of ours. iPXE alone is no system that runs.
      if (loader.whole) return loader.returned === undefined && resolveBootPath(loader.whole.file).kind !== 'loader';
      return evidence.dhcp.firmware?.kind === 'raspberry-pi' && loader.sent.length > 0;
    case 'kernel':
    case 'agent':
    case 'rescue':
    case 'disk':
    case 'hold':
    case 'stop':
      return false;
    default:
      return situation satisfies never;
  }
}
