import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { machineResource } from '#machines/contract/api/machine-resource.ts';
import { job, type Plan, plan } from '#machines/contract/job.ts';
import { POWER_ACTIONS } from '#machines/contract/power.ts';
import { buttonText, losesData } from '../../web/jobs/plan-words.ts';
import { powerCeremony } from '../../web/machine/power-ceremony.ts';

const machine = (service: 'none' | 'adopted') =>
  machineResource.parse({
    kind: 'Machine',
    name: 'r1-u1',
    macs: ['52:54:00:00:00:01'],
    status: {
      rev: 1,
      standing: 'ready',
      acceptance: 'accepted',
      service,
      locked: false,
      identifiers: { macs: [], uuids: [], serials: [] },
      facts: {},
      actions: [],
    },
  });
const wiping = job.parse({
  id: '1',
  kind: 'wipe',
  machine: 'r1-u1',
  state: 'running',
  by: 'ada',
  createdAt: 0,
  steps: [{ name: 'wipe-disks', state: 'running' }],
  rev: 1,
});

describe('power', () => {
  it('is never taken from a machine without being asked again', () => {
    for (const action of POWER_ACTIONS) {
      const want = action === 'on' ? 'none' : 'yes';
      assert.equal(powerCeremony(action, machine('none'), undefined, undefined).kind, want, action);
    }
  });

  it('is taken by name from what others count on, and the reason is said', () => {
    const asked = (of: Partial<{ service: 'adopted'; job: typeof wiping; cluster: string }>) =>
      powerCeremony('off', machine(of.service ?? 'none'), of.job, of.cluster);
    assert.deepEqual(asked({ job: wiping }), {
      kind: 'name',
      because: 'Its wipe is under way, and is at wipe disks: without power that fails.',
    });
    assert.equal(asked({ service: 'adopted' }).kind, 'name');
    assert.equal(asked({ cluster: 'home' }).kind, 'name');
  });
});

const planned = (kind: Plan['kind'], more: Partial<Plan>): Plan =>
  plan.parse({
    id: '1',
    digest: 'd',
    kind,
    machine: 'r1-u1',
    createdAt: 0,
    disks: [],
    identifiers: [],
    steps: [],
    acknowledge: [],
    refusals: [],
    ...more,
  });
const disk = (act: Plan['disks'][number]['act'], because: string, serial = 'S1'): Plan['disks'][number] => ({
  name: 'sda',
  serial,
  bytes: 1e12,
  signatures: [],
  vetoes: [],
  act,
  because,
});
const talos = { cluster: 'home', role: 'worker', keeps: ['etcd'] } as const;

describe('a plan in words', () => {
  it('of an upgrade names both releases and the disk, and erases nothing', () => {
    const one = planned('upgrade', {
      talos: { ...talos, keeps: ['etcd'], from: '1.13.1', to: '1.14.0' },
      disks: [disk('write', 'the other of its two boot entries'), disk('leave-alone', 'not its system disk', 'S2')],
    });
    assert.equal(buttonText('upgrade', [one]), 'Upgrade r1-u1 to 1.14.0');
    assert.equal(losesData('upgrade', one.disks[0] ?? assert.fail()), false);
  });

  it('of a way back names the release that runs and the disk that keeps it', () => {
    const one = planned('rollback', {
      talos: { ...talos, keeps: ['etcd'], from: '1.14.0' },
      disks: [disk('keep', 'only the boot entry changes')],
    });
    assert.equal(buttonText('rollback', [one, one]), 'Roll back 2 machines');
  });

  it('of what erases counts each disk of each machine', () => {
    const one = planned('wipe', { disks: [disk('wipe', ''), disk('wipe', '', 'S2'), disk('keep', '', 'S3')] });
    assert.equal(buttonText('wipe', [one, one]), 'Erase 4 disks of 2 machines');
    const single = planned('install', { image: 'debian', disks: [disk('write', '')] });
    assert.equal(buttonText('install', [single]), 'Overwrite disk S1');
  });
});
