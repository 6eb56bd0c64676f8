import type { TraceEvent, Verdict } from '../contract/trace.ts';
import {
  findDeclined,
  findIgnoredOffer,
  findLate,
  findNotAccepted,
  findOtherServer,
  findSilence,
} from './verdict/dhcp-findings.ts';
import { type Evidence, evidenceOf } from './verdict/evidence.ts';
import type { Finder, Finding, VerdictContext } from './verdict/finding.ts';
import {
  findHeadOnly,
  findLostLoader,
  findRefusedLoader,
  findSelfLoad,
  findStalled,
  findUnaskedLoader,
} from './verdict/loader-findings.ts';
import { outlook } from './verdict/outlook.ts';
import {
  findAbusedToken,
  findHold,
  findLoop,
  findNoInitrd,
  findNoKernel,
  findNoScript,
  findSilentKernel,
  findStop,
} from './verdict/script-findings.ts';
import { awaitsAgent } from './verdict/running-evidence.ts';
import { VERDICT_TIMES } from './verdict/times.ts';

/** The first that holds names the verdict: what is told outright, then from the end of a boot to its beginning. */
const FINDERS: readonly Finder[] = [
  findAbusedToken,
  findLoop,
  findStop,
  findSelfLoad,
  findSilence,
  findNotAccepted,
  findHold,
  findSilentKernel,
  findNoInitrd,
  findNoKernel,
  findNoScript,
  findLostLoader,
  findHeadOnly,
  findRefusedLoader,
  findStalled,
  findUnaskedLoader,
  findOtherServer,
  findDeclined,
  findLate,
  findIgnoredOffer,
];

export type Judgement = {
  readonly verdict: Verdict;
  /** When the verdict changes if nothing more is heard; milliseconds since the epoch. */
  readonly changesAt: number | undefined;
};

/** What probably happened in a boot attempt, and what to try next: `docs/verdicts.md` defines each code. */
export function verdictOf(events: readonly TraceEvent[], now: number, context: VerdictContext = {}): Verdict {
  return judge(evidenceOf(events), now, context).verdict;
}

/** The same from evidence, for who has it at hand. */
export function judge(evidence: Evidence, now: number, context: VerdictContext = {}): Judgement {
  const { stage, running } = evidence;
  const waiting = awaitsAgent(evidence);
  if (running?.netbooted && !running.panic && !evidence.abused && !waiting)
    return { verdict: { stage, ...booted(evidence) }, changesAt: undefined };
  const times = { ...VERDICT_TIMES, ...context.times };
  const findings = FINDERS.flatMap((find) => find({ evidence, context, times }) ?? []);
  // An operating system that was not netbooted shows that the machine went on: what was awaited does not come any more.
  const wentOn = running && !running.panic && !(running.netbooted && waiting);
  const due = findings.find(({ from }) => from <= now || wentOn);
  const later = findings.filter(({ from }) => from > now);
  const changesAt = later.length === 0 ? undefined : Math.min(...later.map(({ from }) => from));
  if (due) return { verdict: { stage, ...faultWords(due, evidence) }, changesAt };
  if (wentOn) return { verdict: { stage, ...bootedFromDisk(evidence) }, changesAt: undefined };
  return { verdict: { code: 'in-progress', stage, ...outlook(evidence, context) }, changesAt };
}

function faultWords({ code, cause, next }: Finding, { running }: Evidence): Omit<Verdict, 'stage'> {
  const also = running && !running.netbooted ? ` Meanwhile another system of it runs: ${running.seen}.` : '';
  return { code, cause: `${cause}${also}`, next };
}

function booted({ running, dhcp }: Evidence): Omit<Verdict, 'stage'> {
  const who = running?.agent === true ? 'agent' : 'system';
  const { late } = dhcp;
  const delayed = late
    ? ` Its first packet came only after ${late.secs} seconds: a switch port in edge mode (portfast) would save them.`
    : '';
  return {
    code: 'booted',
    cause: `The ${who} runs: ${running?.seen ?? 'it was heard'}.${delayed}`,
    next: 'Nothing to do.',
  };
}

function bootedFromDisk({ running, dhcp, script }: Evidence): Omit<Verdict, 'stage'> {
  const because = script?.rendered?.because ?? dhcp.silence?.because ?? dhcp.because;
  return {
    code: 'booted',
    cause: `A system runs that was not netbooted, from the machine’s own disk: ${running?.seen ?? 'it was heard'}.${because ? ` No netboot, because ${because}.` : ''}`,
    next: 'Nothing to do, unless it should have been netbooted: ingot explain shows what decides.',
  };
}
