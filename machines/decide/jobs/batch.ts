import { isOver, type Job, type JobBatch, type JobKind } from '../../contract/job.ts';
import { isPlanned } from './make-plan.ts';

/** How many failures a batch bears, as it is asked for: a number of machines, or a part of them (`10%`). */
export type FailureLimit = number | `${number}%`;

/**
 * How many of these jobs may fail before no more are begun; a part is rounded down. Where nothing is said, one failure
 * stops them where any of them changes disks or releases, since what broke the first machine mostly breaks the next; only
 * to look at machines goes on with all of them.
 */
export function failuresBorne(kinds: readonly JobKind[], asked: FailureLimit | undefined): number {
  if (asked === undefined) return kinds.some(isPlanned) ? 0 : kinds.length;
  if (typeof asked === 'number') return asked;
  return Math.floor((kinds.length * Number.parseFloat(asked)) / 100);
}

/** Steps in which a job only waits: nothing has been done to its machine. */
const WAITING: ReadonlySet<string> = new Set(['hold', 'await-turn']);

export const hasBegun = ({ steps }: Pick<Job, 'steps'>): boolean =>
  steps.some(({ name, tries }) => tries > 0 && !WAITING.has(name));

/** Failed, or called off in the middle: that machine may be half-way. */
export const countsAsFailure = (job: Job): boolean =>
  job.state === 'failed' || (job.state === 'cancelled' && hasBegun(job));

/** Why no more jobs of this batch begin, by those of it that went wrong, in the order of their ends; nothing while they may. */
export function whyStopped({ maxFailures }: JobBatch, failures: readonly Job[]): string | undefined {
  const last = failures[maxFailures];
  if (!last) return undefined;
  const how = last.state === 'failed' ? 'failed' : 'was called off in the middle';
  const more = maxFailures === 0 ? '' : ` as the ${ordinal(maxFailures + 1)}`;
  return `batch stopped: ${last.machine} ${how}${more}: ${last.result?.because ?? 'nobody knows why'}`;
}

const ordinal = (number: number): string => {
  const suffix = { one: 'st', two: 'nd', few: 'rd', other: 'th', zero: 'th', many: 'th' };
  return `${number}${suffix[new Intl.PluralRules('en', { type: 'ordinal' }).select(number)]}`;
};

export type BatchCount = Readonly<Record<Job['state'], number>>;

/** How far the jobs of a batch are. */
export function countStates(jobs: readonly Pick<Job, 'state'>[]): BatchCount {
  const count = { queued: 0, running: 0, done: 0, failed: 0, cancelled: 0 };
  for (const { state } of jobs) count[state] += 1;
  return count;
}

export const isBatchOver = (jobs: readonly Pick<Job, 'state'>[]): boolean => jobs.every(({ state }) => isOver(state));
