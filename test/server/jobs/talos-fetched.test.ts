import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { clusterDocument } from '#machines/contract/cluster.ts';
import { profileDocument } from '#machines/contract/documents.ts';
import type { Inventory } from '#machines/contract/inventory.ts';
import type { Job } from '#machines/contract/job.ts';
import type { TalosOwn } from '#server/jobs/recipe.ts';
import type { Installers } from '#server/jobs/installer-steps.ts';
import { openPlans } from '#services/jobs/plans.ts';
import { clusterConfigs } from '#services/talos/configs.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';
import { SECRETS } from '#test/machines/os/talos/sample-secrets.ts';
import { ended, INVENTORY, jobWorld } from './job-world.ts';

const [DISK = assert.fail(), OTHER = assert.fail()] = INVENTORY.disks;
const FETCHED = profileDocument.parse({
  kind: 'Profile',
  name: 'fetched',
  os: 'talos',
  image: 'talos',
  args: ['talos.platform=metal', 'slab_nomerge', 'pti=on', 'talos.config={{config.talos}}'],
  plainSecrets: true,
});
const MACHINE = sampleMachine({ macs: ['52:54:00:00:00:01'] });
const NAME = MACHINE.document.name;
const CLUSTER = clusterDocument.parse({
  kind: 'Cluster',
  name: 'home',
  talos: 'v1.13.9',
  kubernetes: '1.35.0',
  endpoint: 'https://192.0.2.1:6443',
  controlPlane: [NAME],
});
const registry = {
  machine: () => MACHINE,
  profile: () => FETCHED,
  documents: () => [],
  put: () => assert.fail('nothing changes documents'),
  clusterOf: () => CLUSTER,
  classes: () => [],
  network: () => undefined,
  note: () => {},
};
const configs = clusterConfigs({ registry, secrets: { of: async () => SECRETS } });

/** A job that boots Talos, whose disk was looked at by no step before; the agent answers with that. */
async function booted(disks: readonly Inventory['disks'][number][]) {
  const permitted: string[] = [];
  const spent: Installers['watch'] = (listener) => {
    const attempt = { id: 'a1', machine: 'm1' } as Parameters<typeof listener>[0];
    const event = { kind: 'grant-spent', grant: 'grant' } as NonNullable<Parameters<typeof listener>[1]>;
    setImmediate(() => listener(attempt, event));
    return () => {};
  };
  await using world = await jobWorld({
    answers: { ...INVENTORY, disks: [...disks] },
    installers: {
      permit: async (machine) => {
        permitted.push(machine);
        return 'grant';
      },
      attemptsOf: async () => [],
      eventsOf: async () => [],
      watch: spent,
      over: async () => {},
    },
    talos: (jobs) => ({ configs, registry, jobs }) as Partial<TalosOwn> as TalosOwn,
  });
  const plan = openPlans<undefined>({ now: Date.now, newId: randomUUID }).keep(
    {
      kind: 'install',
      machine: 'm1',
      createdAt: Date.now(),
      profile: 'fetched',
      image: 'talos',
      disks: [
        { name: 'sda', serial: 'S-sda', bytes: DISK.bytes, signatures: [], act: 'write', because: '', vetoes: [] },
      ],
      identifiers: [
        { kind: 'uuid', value: '00112233-4455-6677-8899-aabbccddeeff' },
        { kind: 'serial', value: 'SN1' },
      ],
      talos: { cluster: 'home', role: 'controlplane', keeps: [] },
      steps: ['boot-talos'],
      acknowledge: [],
      refusals: [],
    },
    undefined,
  );
  const { jobs } = await world.daemon();
  const confirmed = { by: 'anna', at: Date.now(), digest: plan.digest, said: [] };
  const { id } = await jobs.submit({ kind: 'install', machine: 'm1', by: 'anna', plan, confirmed });
  const handed = async (job: Job): Promise<string> => {
    const found = await configs.configOf(MACHINE, FETCHED, job);
    return found.kind === 'found' ? 'its configuration' : found.because;
  };
  const job = await ended(jobs, id);
  return { job, permitted, handed: await handed(job) };
}

describe('a configuration that a machine is to fetch', () => {
  for (const [what, disks, because] of [
    ['has another serial', [{ ...DISK, serial: 'X-sda' }, OTHER], /disk sda \(S-sda\)/],
    ['has another size', [{ ...DISK, bytes: DISK.bytes + 512 }, OTHER], /had \d+ bytes, now \d+/],
    [
      'is there twice by its serial',
      [{ ...DISK }, { ...OTHER, serial: 'S-sda', wwn: '0x5000c500a1b2c3d4' }],
      /2 disks/,
    ],
    ['is read-only by now', [{ ...DISK, readonly: true }, OTHER], /read-only/],
  ] as const) {
    it(`is not handed out, and Talos is not booted, where the disk of the plan ${what}`, async () => {
      const { job, permitted, handed } = await booted(disks);
      assert.equal(job.state, 'failed');
      assert.match(job.result?.because ?? '', because);
      assert.match(job.result?.because ?? '', /nothing was sent to it$/);
      assert.deepEqual(permitted, []);
      assert.equal(handed, 'the disk of the plan was not looked at again before the boot');
    });
  }

  it('is handed out once the agent has found the disk of the plan', async () => {
    const { job, permitted, handed } = await booted(INVENTORY.disks);
    assert.equal(job.state, 'done', job.result?.because);
    assert.deepEqual(permitted, ['m1']);
    assert.equal(handed, 'its configuration');
  });
});
