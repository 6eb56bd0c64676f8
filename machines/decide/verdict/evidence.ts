import type { Stage, TraceEvent } from '../../contract/trace.ts';
import { STAGES } from '../../contract/trace.ts';
import { type DhcpEvidence, foldDhcp, NO_DHCP } from './dhcp-evidence.ts';
import { foldHttp } from './http-evidence.ts';
import type { KernelEvidence, ScriptEvidence } from './kernel-evidence.ts';
import { type LoaderEvidence, NO_LOADER } from './loader-evidence.ts';
import { foldRunning, type RunningEvidence } from './running-evidence.ts';
import { foldScript } from './script-evidence.ts';
import { foldTftp } from './tftp-evidence.ts';

/**
 * What the events of one attempt show so far: the facts that a verdict and the question "does this belong to the same
 * attempt?" rest on. It is built event by event, so that a thousand booting machines cost a few comparisons each, and
 * building it again from the stored events gives the same.
 *
 * A complaint stays until the machine gets further: firmware that tries again has not succeeded yet.
 */
export type Evidence = {
  readonly startedAt: number;
  readonly lastAt: number;
  readonly stage: Stage;
  readonly dhcp: DhcpEvidence;
  readonly loader: LoaderEvidence;
  readonly script: ScriptEvidence | undefined;
  readonly kernel: KernelEvidence;
  readonly running: RunningEvidence | undefined;
  /** Its key to the machine plane was asked for by more than one. */
  readonly abused: { readonly at: number; readonly because: string } | undefined;
  /** That key was not taken, and its machine has not come in by it since. */
  readonly refusedToken: string | undefined;
};

export const NO_EVIDENCE: Evidence = {
  startedAt: Number.NaN,
  lastAt: Number.NaN,
  stage: 'dhcp',
  dhcp: NO_DHCP,
  loader: NO_LOADER,
  script: undefined,
  kernel: {},
  running: undefined,
  abused: undefined,
  refusedToken: undefined,
};

export function fold(before: Evidence, event: TraceEvent): Evidence {
  const { at } = event;
  // A console goes on whatever becomes of the boot: its lines are no sign of that.
  if (event.kind === 'log' && event.source === 'console') return before;
  const evidence = { ...before, startedAt: Number.isNaN(before.startedAt) ? at : before.startedAt, lastAt: at };
  switch (event.kind) {
    case 'dhcp-received':
      if (event.client.kind === 'os') return foldRunning(foldDhcp(evidence, event), event);
      return foldDhcp(evidence, event);
    case 'dhcp-answered':
    case 'dhcp-silent':
    case 'other-dhcp':
      return foldDhcp(evidence, event);
    case 'tftp-asked':
    case 'tftp-sent':
    case 'tftp-aborted':
    case 'tftp-timeout':
    case 'tftp-refused':
      return foldTftp(evidence, event);
    case 'http-asked':
    case 'http-sent':
      return foldHttp(evidence, event);
    case 'script-rendered':
      return foldScript(evidence, event);
    case 'log':
    case 'os-dhcp':
    case 'reported':
      return foldRunning(evidence, event);
    case 'boot-token':
      return foldToken(evidence, event);
    case 'grant-spent':
    case 'dropped':
      return evidence;
    default:
      return event satisfies never;
  }
}

function foldToken(evidence: Evidence, { at, act, because }: Extract<TraceEvent, { kind: 'boot-token' }>): Evidence {
  switch (act) {
    case 'voided':
      return { ...evidence, abused: { at, because } };
    case 'refused':
      return { ...evidence, refusedToken: because };
    case 'taken':
      return { ...evidence, refusedToken: undefined };
    default:
      return act satisfies never;
  }
}

export const evidenceOf = (events: readonly TraceEvent[]): Evidence => events.reduce(fold, NO_EVIDENCE);

export const hasReached = ({ stage }: Pick<Evidence, 'stage'>, wanted: Stage): boolean =>
  STAGES.indexOf(stage) >= STAGES.indexOf(wanted);
