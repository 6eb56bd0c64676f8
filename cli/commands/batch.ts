import type { JobRequest } from '#machines/contract/api/job-resource.ts';
import type { Job, JobBatch } from '#machines/contract/job.ts';
import { countStates } from '#machines/decide/jobs/batch.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { badInput } from '../failure.ts';
import { paint, type Terminal } from '../terminal.ts';

export type BatchOptions = {
  readonly maxFailures?: NonNullable<NonNullable<JobRequest['batch']>['maxFailures']>;
  readonly concurrency?: number;
};

/** `2`, or `10%`. */
export function parseMaxFailures(text: string): NonNullable<BatchOptions['maxFailures']> {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  const percent = /^(\d{1,3})%$/.exec(text)?.[1];
  if (percent === undefined || Number(percent) > 100) {
    throw badInput(`--max-failures: got ${text}, want a number of machines, or a part of them: 10%`);
  }
  return `${Number(percent)}%`;
}

/** What a request for several jobs says of all of them. */
export const batchOptions = ({ maxFailures, concurrency }: BatchOptions): Pick<JobRequest, 'batch'> =>
  maxFailures === undefined && concurrency === undefined
    ? {}
    : {
        batch: {
          ...(maxFailures === undefined ? {} : { maxFailures }),
          ...(concurrency === undefined ? {} : { concurrency }),
        },
      };

/** How a batch goes on when one of it fails, for a person who has just begun it. */
export function batchText({ id, size, maxFailures, concurrency }: JobBatch): readonly string[] {
  const atOnce = concurrency === undefined ? '' : `${concurrency} at a time, `;
  const after = maxFailures + 1;
  const stops =
    maxFailures >= size
      ? 'goes on after failures'
      : `stops after ${after === 1 ? 'the first failure' : `${after} failures`} (--max-failures)`;
  return [`batch of ${size} machines: ${atOnce}${stops}; ingot job list --batch ${id}`];
}

/** `3/12 over: 2 done, 1 failed; 4 at work, 5 wait` */
export function batchLine(jobs: readonly Job[]): string {
  const { queued, running, done, failed, cancelled } = countStates(jobs);
  const over = done + failed + cancelled;
  const ended = listed([
    [done, 'done'],
    [failed, 'failed'],
    [cancelled, 'cancelled'],
  ]);
  const open = listed([
    [running, 'at work'],
    [queued, queued === 1 ? 'waits' : 'wait'],
  ]);
  return `${over}/${jobs.length} over${ended === '' ? '' : `: ${ended}`}${open === '' ? '' : `; ${open}`}`;
}

/** So many names fit where they can still be read, and typed again. */
const NAMED = 24;

/** What came of all of them, and for which machines it has to be asked again. */
export function batchEndLines(term: Terminal, jobs: readonly Job[]): readonly string[] {
  const { failed, cancelled } = countStates(jobs);
  const style = failed + cancelled === 0 ? 'green' : 'red';
  const [first] = jobs;
  const left = jobs.filter(({ state }) => state !== 'done').map(({ machine }) => machine);
  const which = left.length <= NAMED ? left.map(escaped).join(' ') : `the ${left.length} that are left`;
  const stopped = jobs.find(({ result }) => result?.because.startsWith('batch stopped: '))?.result?.because;
  return [
    paint(term, style, batchLine(jobs)),
    ...(stopped === undefined ? [] : [`  ${escaped(stopped)}`]),
    ...(left.length === 0 || !first ? [] : [`  next: ingot ${first.kind} ${which}`]),
  ];
}

const listed = (counts: readonly (readonly [count: number, what: string])[]): string =>
  counts.flatMap(([count, what]) => (count === 0 ? [] : `${count} ${what}`)).join(', ');
