import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { machineDocument, profileDocument } from '#machines/contract/documents.ts';
import { type Job, job as jobSchema } from '#machines/contract/job.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import { windowOf } from '#server/machine/decide/metadata-window.ts';

const profile = profileDocument.parse({ kind: 'Profile', name: 'debian', os: 'installer' });
const machine: Machine = {
  document: machineDocument.parse({ kind: 'Machine', name: 'r1-u12' }),
  acceptance: 'accepted',
  service: 'none',
  locked: false,
  identifiers: { macs: [], uuids: [], serials: [] },
  facts: {},
  rev: 1,
};
const ownDisk: BootPlan = { kind: 'own-disk', code: 'no-grant', because: 'it has no grant' };
const netboot: BootPlan = { kind: 'netboot', profile, image: undefined, grant: undefined, because: 'a grant' };
const job = (parts: Partial<Job>): Job =>
  jobSchema.parse({
    id: 'j1',
    kind: 'install',
    machine: 'r1-u12',
    state: 'running',
    by: 'operator',
    createdAt: 0,
    steps: [],
    rev: 1,
    profile: 'debian',
    ...parts,
  });

const ask = (parts: { machine?: Partial<Machine>; plan?: BootPlan; jobs?: readonly Job[] }) =>
  windowOf({
    machine: { ...machine, ...parts.machine },
    plan: parts.plan ?? ownDisk,
    jobs: parts.jobs ?? [],
    profile: (name) => (name === 'debian' ? profile : undefined),
  });

suite('configuration is read', () => {
  test('while the boot may netboot', () => assert.equal(ask({ plan: netboot }).kind, 'open'));
  test('under a job that installs', () => assert.equal(ask({ jobs: [job({})] }).kind, 'open'));
  for (const [what, parts] of [
    ['by a machine that boots its own disk', {}],
    ['by one that was only seen', { machine: { acceptance: 'seen' }, plan: netboot }],
    ['by one that was rejected', { machine: { acceptance: 'rejected' }, jobs: [job({})] }],
    ['under a job that waits', { jobs: [job({ state: 'queued' })] }],
    ['under a job that is over', { jobs: [job({ state: 'done' })] }],
    ['under a job that wipes', { jobs: [job({ kind: 'wipe' })] }],
    ['for a profile that is gone', { jobs: [job({ profile: 'gone' })] }],
  ] as const) {
    test(`never ${what}`, () => assert.equal(ask(parts).kind, 'closed'));
  }
});
