import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clusterDocument } from '#machines/contract/cluster.ts';
import type { Job, PlannedDisk } from '#machines/contract/job.ts';
import { NOT_ASKED_FOR } from '#machines/decide/jobs/disk-eligibility.ts';
import { erasedMembers } from '#server/jobs/talos/erased-members.ts';

const CLUSTER = clusterDocument.parse({
  kind: 'Cluster',
  name: 'home',
  talos: 'v1.13.2',
  kubernetes: '1.34.1',
  endpoint: 'https://192.0.2.1:6443',
  controlPlane: ['m1', 'm2'],
  workers: ['w1'],
});
type Act = Pick<PlannedDisk, 'act' | 'because'>;
const WIPED: Act = { act: 'wipe', because: '' };
const FOREIGN: Act = { act: 'leave-alone', because: 'it is removable' };

const jobOf = (job: Partial<Job>, disks: readonly Act[]): Job =>
  ({ kind: 'wipe', state: 'done', machine: 'm2', plan: { disks }, ...job }) as Partial<Job> as Job;

/** Who is still thought to have data of etcd after the job. */
async function holdersAfter(job: Job): Promise<readonly string[]> {
  let holders: readonly string[] = ['m1', 'm2', 'w1'];
  const failures: unknown[] = [];
  erasedMembers({
    registry: { clusterOf: (name) => (name === 'elsewhere' ? undefined : CLUSTER) },
    secrets: {
      async changeEtcdHolders(cluster, change) {
        assert.equal(cluster, 'home');
        holders = [...change(holders)];
      },
    },
    failed: (error) => failures.push(error),
  })(job);
  await Promise.resolve();
  assert.deepEqual(failures, []);
  return holders;
}

describe('a control plane whose disks are erased', () => {
  const FORGOTTEN: readonly (readonly [string, Partial<Job>, readonly Act[]])[] = [
    ['a wipe of all of them', {}, [WIPED, WIPED]],
    ['a wipe, what is no local disk left alone', {}, [WIPED, FOREIGN]],
    ['a retirement', { kind: 'retire' }, [WIPED]],
    ['a reset by the agent', { kind: 'reset' }, [WIPED]],
  ];
  for (const [what, job, disks] of FORGOTTEN) {
    it(`has nothing of etcd any more after ${what}`, async () => {
      assert.deepEqual(await holdersAfter(jobOf(job, disks)), ['m1', 'w1']);
    });
  }

  const KEPT: readonly (readonly [string, Partial<Job>, readonly Act[]])[] = [
    ['the wipe failed', { state: 'failed' }, [WIPED]],
    ['the wipe was called off', { state: 'cancelled' }, [WIPED]],
    ['the wipe is still at work', { state: 'running' }, [WIPED]],
    ['a disk was kept', {}, [WIPED, { act: 'keep', because: '' }]],
    ['a disk was not asked for', {}, [WIPED, { act: 'leave-alone', because: NOT_ASKED_FOR }]],
    ['a drive cannot be reached', {}, [WIPED, { act: 'unreachable', because: '' }]],
    ['nothing was erased', {}, [FOREIGN]],
    ['it was only looked at', { kind: 'inspect' }, [WIPED]],
    ['it is a worker', { machine: 'w1' }, [WIPED]],
    ['it is of no cluster', { machine: 'elsewhere' }, [WIPED]],
  ];
  for (const [what, job, disks] of KEPT) {
    it(`is still thought to have its etcd where ${what}`, async () => {
      assert.deepEqual(await holdersAfter(jobOf(job, disks)), ['m1', 'm2', 'w1']);
    });
  }

  it('and that cannot be written down is told', async () => {
    const { promise, resolve } = Promise.withResolvers<readonly [unknown, string]>();
    const broken = new Error('the store is gone');
    erasedMembers({
      registry: { clusterOf: () => CLUSTER },
      secrets: { changeEtcdHolders: () => Promise.reject(broken) },
      failed: (error, machine) => resolve([error, machine]),
    })(jobOf({}, [WIPED]));
    assert.deepEqual(await promise, [broken, 'm2']);
  });
});
