import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { clusterDocument } from '#machines/contract/cluster.ts';
import { machineDocument, type ProfileDocument, profileDocument } from '#machines/contract/documents.ts';
import type { Job, PlannedDisk } from '#machines/contract/job.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { clusterConfigs, DISK_SEEN, NO_SECRETS } from '#services/talos/configs.ts';
import { SECRETS } from '../../machines/os/talos/sample-secrets.ts';

const CLUSTER = {
  kind: 'Cluster',
  name: 'home',
  talos: 'v1.13.9',
  kubernetes: '1.35.0',
  endpoint: 'https://192.0.2.10:6443',
  controlPlane: ['m1'],
  workers: ['m2'],
};
const DISK: PlannedDisk = {
  name: 'sda',
  serial: 'S1',
  bytes: 1,
  signatures: [],
  act: 'write',
  because: '',
  vetoes: [],
};
const PROFILE = profileDocument.parse({
  kind: 'Profile',
  name: 'talos',
  os: 'talos',
  args: ['talos.platform=metal', 'slab_nomerge', 'pti=on'],
});

const machine = (name: string, more: object = {}): Machine => ({
  document: machineDocument.parse({ kind: 'Machine', name, ...more }),
  acceptance: 'accepted',
  service: 'none',
  locked: false,
  identifiers: { macs: [], uuids: [], serials: [] },
  facts: {},
  rev: 1,
});

function configs(cluster: object = {}) {
  const document = clusterDocument.parse({ ...CLUSTER, ...cluster });
  return clusterConfigs({
    registry: {
      clusterOf: (name) => ([...document.controlPlane, ...document.workers].includes(name) ? document : undefined),
      classes: () => [],
      network: () => undefined,
    },
    secrets: { of: () => Promise.resolve(SECRETS) },
  });
}

const job = (disks: readonly PlannedDisk[], notes: Readonly<Record<string, string>> = { [DISK_SEEN]: 'd' }): Job => {
  const plan = { digest: 'd', disks } as unknown as NonNullable<Job['plan']>;
  return { plan, confirmed: { by: 'p', at: 0, digest: 'd', said: [] }, notes } as unknown as Job;
};

async function yamlOf(name: string, cluster: object = {}, more: object = {}, profile: ProfileDocument = PROFILE) {
  const found = await configs(cluster).of(machine(name, more), profile, DISK);
  assert.ok(found.kind === 'found', JSON.stringify(found));
  return parseAllDocuments(found.config.yaml).map((one) => one.toJS() as Record<string, never>);
}

describe('configurations of the machines of a cluster', () => {
  it('name the disk of the plan, by its serial', async () => {
    const [first] = await yamlOf('m1');
    assert.deepEqual(first?.['machine']?.['install'], {
      diskSelector: { serial: 'S1' },
      image: `factory.talos.dev/metal-installer/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba:v1.13.9`,
      wipe: false,
      grubUseUKICmdline: true,
    });
  });

  it('hold the keys of the CAs on a control plane only', async () => {
    const text = async (name: string) => JSON.stringify(await yamlOf(name));
    assert.ok((await text('m1')).includes(btoa(SECRETS.ca.machine.key)));
    assert.ok(!(await text('m2')).includes(btoa(SECRETS.ca.machine.key)));
  });

  it('lay cluster, class, profile and machine over what is generated, the later over the earlier', async () => {
    const patch = (value: string) => [{ machine: { sysctls: { a: value } } }];
    const cluster = { patches: { all: patch('all'), controlPlane: patch('role'), workers: [] } };
    const own = { config: { talos: patch('machine') } };
    const sysctl = async (...given: Parameters<typeof yamlOf>) => (await yamlOf(...given))[0]?.['machine']?.['sysctls'];
    assert.deepEqual(await sysctl('m1', cluster), { a: 'role' });
    assert.deepEqual(await sysctl('m2', cluster), { a: 'all' });
    assert.deepEqual(await sysctl('m1', cluster, own), { a: 'machine' });
    const of = configs(cluster).explain(machine('m1', own), PROFILE).origins;
    const value = of.find(({ path }) => path === 'talos.v1alpha1.machine.sysctls.a');
    assert.deepEqual(value, { path: value?.path, value: 'machine', from: 'machine m1 config.talos' });
    assert.equal(of.find(({ path }) => path === 'talos.v1alpha1.machine.type')?.from, 'cluster home');
  });

  it('hold values of the machine, where class, profile and machine say so', async () => {
    const own = (text: string) => ({
      data: { zone: 'a' },
      config: { talos: [{ machine: { nodeLabels: { text } } }] },
    });
    const [first] = await yamlOf('m2', {}, own('{{machine.name}}-{{data.zone}}'));
    assert.deepEqual(first?.['machine']?.['nodeLabels'], { text: 'm2-a' });
    const found = await configs().of(machine('m2', own('{{data.none}}')), PROFILE, DISK);
    assert.match(found.kind === 'none' ? found.problems.join() : '', /machine m2 config.talos: \[0\].*data.none/);
  });

  it('render the network of the machine, for either contract', async () => {
    const network = { interfaces: [{ mac: '52:54:00:00:00:01', address: '192.0.2.5/24', gateway: '192.0.2.1' }] };
    const [old] = await yamlOf('m1', {}, { network });
    assert.deepEqual(old?.['machine']?.['network']?.['interfaces']?.[0]?.['addresses'], ['192.0.2.5/24']);
    const fresh = await yamlOf('m1', { talos: 'v1.14.0', kubernetes: '1.36.0' }, { network });
    assert.ok(fresh.some((one) => one['kind'] === 'LinkConfig'));
    assert.ok(fresh.some((one) => one['kind'] === 'UnattendedInstallConfig'));
  });

  const REFUSED: readonly (readonly [name: string, cluster: object, machine: object, want: RegExp])[] = [
    [
      'a patch that names another disk',
      {},
      { config: { talos: [{ machine: { install: { disk: '/dev/sdb' } } }] } },
      /machine m1 config.talos: machine.install.disk: the disk is the plan's/,
    ],
    [
      'a patch that takes more disks',
      {},
      { config: { talos: [{ machine: { disks: [{ device: '/dev/sdb' }] } }] } },
      /machine m1 config.talos: v1alpha1: machine.disks: it takes a disk that no plan names/,
    ],
    [
      'a key that Talos does not know',
      { patches: { all: [{ machine: { kublet: {} } }], controlPlane: [], workers: [] } },
      {},
      /cluster home patches.all: v1alpha1: machine.kublet: unknown key/,
    ],
  ];
  for (const [name, cluster, more, want] of REFUSED) {
    it(`refuse ${name}, and say who said it`, async () => {
      const found = await configs(cluster).of(machine('m1', more), PROFILE, DISK);
      assert.ok(found.kind === 'none');
      assert.match(found.problems.join('\n'), want);
    });
  }

  it('are not made for a machine of no cluster, nor without a confirmed plan', async () => {
    assert.deepEqual(configs().problems(machine('m9'), PROFILE, undefined)[0]?.key, 'machine m9');
    const none = await configs().configOf(machine('m1'), PROFILE, undefined);
    assert.deepEqual(none, { kind: 'none', because: 'no confirmed plan names a disk' });
    const found = await configs().configOf(machine('m1'), PROFILE, job([DISK]));
    assert.equal(found.kind === 'found' && found.isControlPlane, true);
    for (const notes of [{}, { [DISK_SEEN]: 'of another plan' }]) {
      const unseen = await configs().configOf(machine('m1'), PROFILE, job([DISK], notes));
      assert.deepEqual(unseen, {
        kind: 'none',
        because: 'the disk of the plan was not looked at again before the boot',
      });
    }
  });

  it('are fetched in plain HTTP by a control plane only where the profile says so', () => {
    const fetched = profileDocument.parse({ ...PROFILE, args: [...PROFILE.args, 'talos.config={{config.talos}}'] });
    const said = (name: string, profile: ProfileDocument) => configs().problems(machine(name), profile, DISK);
    assert.match(said('m1', fetched)[0]?.because ?? '', /plain HTTP/);
    assert.deepEqual(said('m2', fetched), []);
    assert.deepEqual(said('m1', { ...fetched, plainSecrets: true }), []);
    assert.match(said('m1', { ...PROFILE, args: [] })[0]?.because ?? '', /talos.platform=metal/);
  });

  it('show no secrets where they are explained', () => {
    const { origins } = configs().explain(machine('m1'), PROFILE);
    assert.equal(origins.find(({ path }) => path.endsWith('machine.ca.key'))?.value, '***');
    assert.ok(!JSON.stringify(origins).includes('PRIVATE KEY'));
    assert.ok(!JSON.stringify(origins).includes(btoa(NO_SECRETS.ca.machine.crt)));
  });
});
