import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { AttemptResource } from '#machines/contract/api/trace-resource.ts';
import { isOver, type Job } from '#machines/contract/job.ts';
import type { VerdictCode } from '#machines/contract/trace.ts';
import { powerOf, stageWords } from './how-it-stands.ts';
import type { Tone } from './line.ts';
import type { News } from './state.ts';

/** Of a machine, against what was known of it: standing, lock and power, a line each. */
export function machineNews(
  before: MachineResource | undefined,
  after: MachineResource | null,
  name: string,
  at: number,
): readonly News[] {
  if (!after) return before ? [{ at, who: name, text: 'forgotten', tone: 'dim' }] : [];
  const tell = (text: string, tone: Tone): News => ({ at, who: name, text, tone });
  if (!before) {
    const seen = after.status.acceptance === 'seen';
    return [seen ? tell('seen for the first time; it waits to be accepted', 'waits') : tell('written down', 'plain')];
  }
  const power = powerOf(after);
  return [
    ...(before.status.standing === after.status.standing
      ? []
      : [tell(`${before.status.standing} before, ${after.status.standing} now`, 'plain')]),
    ...(before.status.locked === after.status.locked
      ? []
      : [tell(after.status.locked ? 'locked' : 'unlocked', 'plain')]),
    ...(power === undefined || power === powerOf(before) ? [] : [tell(`power ${power}`, 'dim')]),
  ];
}

/** Of a boot: each stage once, and each verdict. */
export function attemptNews(before: AttemptResource | undefined, after: AttemptResource): readonly News[] {
  const old = before?.id === after.id ? before : undefined;
  const who = after.machine ?? after.mac ?? 'somebody';
  if (old?.stage === after.stage && old.verdict.code === after.verdict.code) return [];
  const { code, cause } = after.verdict;
  if (code === 'in-progress')
    return [
      { at: after.lastAt, who, text: stageWords(after.stage), tone: after.stage === 'running' ? 'good' : 'busy' },
    ];
  if (code === 'booted' || old?.verdict.code !== code)
    return [{ at: after.lastAt, who, text: `${code}: ${cause}`, tone: verdictTone(code) }];
  return [{ at: after.lastAt, who, text: stageWords(after.stage), tone: verdictTone(code) }];
}

export function verdictTone(code: VerdictCode): Tone {
  switch (code) {
    case 'booted':
      return 'good';
    case 'in-progress':
      return 'busy';
    case 'not-accepted':
      return 'waits';
    default:
      return 'bad';
  }
}

/** Of a job: its begin, each step, and its end with the reason. */
export function jobNews(before: Job | undefined, after: Job, at: number): readonly News[] {
  const tell = (text: string, tone: Tone): News => ({ at, who: after.machine, text: `${after.kind}: ${text}`, tone });
  if (before?.state !== after.state && isOver(after.state)) {
    const tone = after.state === 'done' ? 'good' : after.state === 'failed' ? 'bad' : 'waits';
    return [tell(`${after.state}${after.result ? `: ${after.result.because}` : ''}`, tone)];
  }
  const step = runningStep(after);
  if (step !== undefined && step !== (before && runningStep(before))) return [tell(step, 'busy')];
  return before ? [] : [tell(after.state, 'busy')];
}

const runningStep = ({ steps }: Job): string | undefined => steps.find(({ state }) => state === 'running')?.name;
