import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job, JobStep } from '#machines/contract/job.ts';
import { failuresBorne } from '#machines/decide/jobs/batch.ts';
import { writtenSince } from '#machines/decide/jobs/standing-approval.ts';

const job = (state: Job['state'], step: Partial<JobStep>): Job => ({
  id: 'j1',
  kind: 'install',
  machine: 'm1',
  by: 'anna',
  state,
  createdAt: 0,
  steps: [{ name: 'write-image', state: 'done', tries: 1, startedAt: 20, text: '', ...step }],
  cancelling: false,
  notes: {},
  rev: 1,
});

describe('what was seen of the disks of a machine is no more what is on them', () => {
  for (const [name, one, seenAt, is] of [
    ['after a system was written', job('done', {}), 10, true],
    ['after an installer was booted that never told of an end', job('failed', { name: 'boot-installer' }), 10, true],
    ['while a job is not over', job('queued', { tries: 0 }), 30, true],
    ['unless somebody has looked since', job('done', {}), 30, false],
    ['unless it never came to writing', job('failed', { tries: 0 }), 10, false],
    ['unless it only erased', job('done', { name: 'wipe-disks' }), 10, false],
  ] as const) {
    it(name, () => assert.equal(writtenSince([one], seenAt) !== undefined, is));
  }
});

describe('how many failures a batch bears', () => {
  for (const [name, kinds, asked, want] of [
    ['none where nothing is said and disks change', ['install', 'install'], undefined, 0],
    ['none where any of them changes disks, wherever it stands', ['inspect', 'install'], undefined, 0],
    ['all of those that only look', ['inspect', 'rescue'], undefined, 2],
    ['a part is rounded down', ['wipe', 'wipe', 'wipe'], '50%', 1],
    ['a number', ['wipe', 'wipe'], 1, 1],
  ] as const) {
    it(name, () => assert.equal(failuresBorne(kinds, asked), want));
  }
});
