import { isOver, type Job, type JobState } from '#machines/contract/job.ts';
import type { Tone } from '../look/machine-state.ts';

const TONES: Readonly<Record<JobState, Tone>> = {
  queued: 'wait',
  running: 'busy',
  done: 'good',
  failed: 'bad',
  cancelled: 'quiet',
};
export const jobTone = (state: JobState): Tone => TONES[state];

/** 0 to 1, by its steps: each counts the same. */
export function jobPart(job: Job): number {
  if (isOver(job.state)) return 1;
  const done = job.steps.filter(({ state }) => state === 'done' || state === 'skipped').length;
  const current = job.steps.find(({ state }) => state === 'running')?.progress ?? 0;
  return (done + current) / Math.max(1, job.steps.length);
}
