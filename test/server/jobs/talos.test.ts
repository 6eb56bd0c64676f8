import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { type ClusterDocument, clusterDocument } from '#machines/contract/cluster.ts';
import { profileDocument } from '#machines/contract/documents.ts';
import { isOver, type Job, type JobBatch, type JobKind, type Plan } from '#machines/contract/job.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { secretsYaml } from '#machines/os/talos/secrets.ts';
import { disksOf } from '#machines/rack/node/thin-disks.ts';
import type { MachineSpec } from '#machines/rack/spec.ts';
import type { TalosFaults } from '#machines/rack/talos/decide/faults.ts';
import { talosReach } from '#server/jobs/talos/reach.ts';
import { type UpkeepKind, upkeepPlanner } from '#server/jobs/talos/upkeep-plan.ts';
import { awaitTurnStep, type UpkeepParts } from '#server/jobs/talos/upkeep-steps.ts';
import type { RunningJobs } from '#services/jobs/open-jobs.ts';
import { openPlans } from '#services/jobs/plans.ts';
import { clusterSecrets } from '#services/talos/cluster-secrets.ts';
import { secretsName } from '#services/talos/secrets.ts';
import { clusterConfigs } from '#services/talos/configs.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';
import { definition, secretsFor, talosRig } from '#test/machines/rack/talos/rig.ts';
import { jobWorld, when } from './job-world.ts';

const VERSION = 'v1.13.2';
const NEXT = 'v1.13.9';
/** Their RSA key takes seconds. */
const SECRETS = secretsFor(VERSION);
const TIMES = {
  look: 50,
  maintenance: 3000,
  install: 20_000,
  bootstrap: 6000,
  ready: 20_000,
  reboot: 10_000,
  settle: 1500,
};
const INSTALL = ['apply-config', 'watch-install', 'await-ready'];
const BOOTSTRAP = ['apply-config', 'watch-install', 'bootstrap-etcd', 'await-ready'];
const PROFILE = profileDocument.parse({ kind: 'Profile', name: 'talos', os: 'talos', image: 'talos' });

/** The jobs of the daemon, and machines of the rack that wait in maintenance. */
async function talosWorld(options: {
  readonly net: number;
  readonly controlPlanes?: number;
  readonly workers?: number;
  readonly faults?: TalosFaults;
}) {
  const { net, controlPlanes = 1, workers = 0, faults } = options;
  const stack = new AsyncDisposableStack();
  const rig = stack.use(
    await talosRig({ version: VERSION, net, machines: controlPlanes + workers, ...(faults ? { faults } : {}) }),
  );
  const names = rig.machines.map(({ spec }) => spec.name);
  let cluster: ClusterDocument | undefined = clusterDocument.parse({
    kind: 'Cluster',
    name: 'home',
    talos: VERSION,
    kubernetes: '1.34.1',
    endpoint: 'https://192.0.2.1:6443',
    controlPlane: names.slice(0, controlPlanes),
    workers: names.slice(controlPlanes),
  });
  const sealed = new Map([[secretsName('home'), secretsYaml(await SECRETS)]]);
  const secrets = clusterSecrets({
    vault: {
      read: async (name) => sealed.get(name),
      write: async (name, text) => void sealed.set(name, text),
      remove: async (name) => sealed.delete(name),
    },
    random: randomBytes,
    now: Date.now,
  });
  const machineOf = (name: string): Machine => {
    const found = sampleMachine({});
    return { ...found, document: { ...found.document, name } };
  };
  const registry = {
    machine: machineOf,
    profile: () => PROFILE,
    cluster: () => cluster,
    clusterOf: (name: string) => (names.includes(name) ? cluster : undefined),
    classes: () => [],
    network: () => undefined,
    note: () => {},
  };
  const indexOf = (name: string): number => names.indexOf(name);
  const reach = talosReach({
    definition,
    secrets,
    addressesOf: async (name) => [rig.machine(indexOf(name)).address],
    now: Date.now,
  });
  const world = stack.use(
    await jobWorld({
      talos: (jobs) => ({
        reach,
        configs: clusterConfigs({ registry, secrets }),
        secrets,
        registry,
        jobs,
        times: TIMES,
      }),
    }),
  );
  let daemon = await world.daemon();
  const plans = openPlans<undefined>({ now: Date.now, newId: randomUUID });
  const upkeep = upkeepPlanner({ reach, now: Date.now });

  const submit = async (draft: Omit<Plan, 'id' | 'digest'>, batch?: JobBatch): Promise<Job> => {
    const plan = plans.keep(draft, undefined);
    const said = plan.acknowledge.map(({ say }) => say);
    const confirmed = { by: 'anna', at: Date.now(), digest: plan.digest, said };
    const wanted = { kind: plan.kind, machine: plan.machine, by: 'anna', plan, confirmed };
    return await daemon.jobs.submit({ ...wanted, ...(batch ? { batch } : {}) });
  };
  const install = async (index: number, change: Partial<Plan> = {}): Promise<Job> => {
    const { spec } = rig.machine(index);
    const role = index < controlPlanes ? 'controlplane' : 'worker';
    const steps = index === 0 ? BOOTSTRAP : INSTALL;
    return await ended(daemon.jobs, submit({ ...installPlan(spec, role), steps, ...change }));
  };
  return {
    rig,
    names,
    secrets,
    install,
    /** An install, while the daemon ends in each step and another one begins. */
    async installOverRestarts(): Promise<Job> {
      const { id } = await submit({ ...installPlan(rig.machine(0).spec, 'controlplane'), steps: BOOTSTRAP });
      for (const name of BOOTSTRAP) {
        const isBegun = (job: Job): boolean => job.steps.some((step) => step.name === name && step.state !== 'waiting');
        await when(daemon.jobs, id, (job) => isBegun(job) || isOver(job.state));
        await daemon.stop();
        daemon = await world.daemon();
      }
      return await when(daemon.jobs, id, ({ state }) => isOver(state));
    },
    async installed(indexes: readonly number[]): Promise<void> {
      for (const index of indexes) {
        const job = await install(index);
        assert.equal(job.state, 'done', `${told(job)}\n${rig.machine(index).screen.slice(-20).join('\n')}`);
      }
    },
    async upkeep(kind: UpkeepKind, indexes: readonly number[], asked: object = {}): Promise<readonly Job[]> {
      const drafts = await Promise.all(
        indexes.map(async (index) => {
          const name = names[index] ?? '';
          const outcome = await upkeep({ kind, machine: name, ...asked }, machineOf(name), cluster);
          assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
          assert.deepEqual(outcome.value.refusals, []);
          return outcome.value;
        }),
      );
      const begun: Promise<Job>[] = [];
      for (const draft of drafts)
        begun.push(
          ended(daemon.jobs, Promise.resolve(await submit(draft, { id: 'one', size: drafts.length, maxFailures: 0 }))),
        );
      return await Promise.all(begun);
    },
    plan: (kind: UpkeepKind, index: number, asked: object = {}) =>
      upkeep({ kind, machine: names[index] ?? '', ...asked }, machineOf(names[index] ?? ''), cluster),
    /** As of a machine that does not say which disk its system is on. */
    blindPlan: (kind: UpkeepKind, index: number, asked: object = {}) => {
      const node: typeof reach.node = async (...about) => {
        const opened = await reach.node(...about);
        return Object.assign(opened, { node: { ...opened.node, systemDisk: async () => undefined } });
      };
      const machine = names[index] ?? '';
      return upkeepPlanner({ reach: { node }, now: Date.now })(
        { kind, machine, ...asked },
        machineOf(machine),
        cluster,
      );
    },
    runs: async (index: number) => {
      using opened = await reach.node(cluster ?? assert.fail(), names[index] ?? '', AbortSignal.timeout(5000));
      return opened.node.version.patch;
    },
    forgetCluster: () => void (cluster = undefined),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function installPlan(spec: MachineSpec, role: 'controlplane' | 'worker'): Omit<Plan, 'id' | 'digest' | 'steps'> {
  const [disk] = disksOf(spec);
  assert.ok(disk);
  return {
    kind: 'install',
    machine: spec.name,
    createdAt: Date.now(),
    profile: 'talos',
    image: 'talos',
    disks: [
      {
        name: disk.name,
        serial: disk.serial,
        bytes: disk.bytes,
        signatures: [],
        act: 'write',
        because: '',
        vetoes: [],
      },
    ],
    identifiers: [
      { kind: 'uuid', value: spec.uuid },
      { kind: 'disk', value: disk.serial },
    ],
    talos: { cluster: 'home', role, keeps: [] },
    acknowledge: [],
    refusals: [],
  };
}

async function ended(jobs: RunningJobs, begun: Promise<Job>): Promise<Job> {
  const { id } = await begun;
  return await when(jobs, id, ({ state }) => isOver(state));
}

const told = (job: Job): string =>
  [
    `${job.state}: ${job.result?.because ?? ''}`,
    ...job.steps.map(({ name, tries, text }) => `${name} (${tries}): ${text}`),
  ].join('\n');
const kinds = (jobs: readonly Job[]): readonly [JobKind, string][] => jobs.map(({ kind, state }) => [kind, state]);

describe('jobs on machines that run Talos', () => {
  it('push a configuration, and bootstrap etcd once', async () => {
    await using world = await talosWorld({ net: 231 });
    world.rig.machines[0]?.powerOn();
    const job = await world.install(0);
    assert.equal(job.state, 'done', told(job));
    assert.deepEqual(await world.secrets.etcdHolders('home'), world.names);
    const again = await world.install(0, { steps: ['bootstrap-etcd'] });
    assert.equal(again.steps[0]?.text, 'etcd was bootstrapped already');
  });

  it('go on where they were when the daemon ended in each step', async () => {
    await using world = await talosWorld({ net: 239 });
    world.rig.machines[0]?.powerOn();
    const job = await world.installOverRestarts();
    assert.equal(job.state, 'done', told(job));
    assert.deepEqual(
      job.steps.map(({ name, state }) => [name, state]),
      BOOTSTRAP.map((name) => [name, 'done']),
    );
    // It was installed once: from the network into maintenance, then from its disk.
    assert.deepEqual(world.rig.machine(0).story, ['network kexec']);
  });

  it('join an etcd that lives elsewhere instead of beginning another', async () => {
    await using world = await talosWorld({ net: 232, controlPlanes: 2 });
    for (const machine of world.rig.machines) machine.powerOn();
    await world.installed([0, 1]);
    const job = await world.install(0, { steps: ['bootstrap-etcd'] });
    assert.match(job.steps[0]?.text ?? '', /^etcd of home lives on sim-r1-u02, and sim-r1-u01 joins it$/);
    await world.rig.machine(1).powerOff();
    const lost = await world.install(0, { steps: ['bootstrap-etcd'] });
    assert.match(told(lost), /^failed: .*etcd of home should live on sim-r1-u02, and none of them answers/);
    await world.secrets.changeEtcdHolders('home', () => []);
    const again = await world.install(0, { steps: ['bootstrap-etcd'] });
    assert.equal(again.steps[0]?.text, 'etcd was bootstrapped already');
  });

  const WRONG: readonly (readonly [name: string, change: (plan: Partial<Plan>) => Partial<Plan>, want: RegExp])[] = [
    [
      'another machine answers',
      () => ({ identifiers: [{ kind: 'uuid', value: '00112233-4455-6677-8899-aabbccddeeff' }] }),
      /another machine answers: uuid .*; nothing was sent to it/,
    ],
    [
      'only one kind of identifier agrees',
      ({ identifiers = [] }) => ({ identifiers: identifiers.slice(0, 1) }),
      /not proven: only uuid agrees.*; nothing was sent to it/,
    ],
    [
      'its disk has another size',
      ({ disks = [] }) => ({ disks: disks.map((disk) => ({ ...disk, bytes: disk.bytes + 1 })) }),
      /had \d+ bytes, now \d+; nothing was sent to it/,
    ],
    [
      'it has no such disk',
      ({ disks = [] }) => ({ disks: disks.map((disk) => ({ ...disk, serial: 'S-OTHER' })) }),
      /Talos sees no disk sda \(S-OTHER\); nothing was sent to it/,
    ],
  ];
  it('send nothing to a machine that is not the planned one', async () => {
    await using world = await talosWorld({ net: 233 });
    world.rig.machines[0]?.powerOn();
    for (const [name, change, want] of WRONG) {
      const job = await world.install(0, change(installPlan(world.rig.machine(0).spec, 'controlplane')));
      assert.equal(job.state, 'failed', name);
      assert.match(job.result?.because ?? '', want, name);
    }
    assert.deepEqual(world.rig.machine(0).story, []);
  });

  it('upgrade one machine at a time, and not the next after one that failed', async () => {
    await using world = await talosWorld({ net: 234, workers: 2, faults: { isUnwell: (version) => version === NEXT } });
    for (const machine of world.rig.machines) machine.powerOn();
    await world.installed([0, 1, 2]);
    const [first, second] = await world.upkeep('upgrade', [1, 2], { to: NEXT });
    assert.match(
      first?.result?.because ?? '',
      /the new release was not well: .*kubelet.*; it was rolled back to Talos v1\.13\.2, which runs and is ready/,
    );
    assert.match(second?.result?.because ?? '', /^batch stopped: .* failed: /);
    assert.deepEqual([await world.runs(1), await world.runs(2)], [2, 2]);
  });

  it('wait for the one whose turn it is, also where the order of their ids is another one', async () => {
    await using world = await talosWorld({ net: 239, workers: 1 });
    const draft = {
      ...installPlan(world.rig.machine(0).spec, 'worker'),
      kind: 'upgrade' as const,
      id: 'p',
      digest: 'd',
    };
    const jobOf = (id: string, state: 'running' | 'done') =>
      ({
        id,
        machine: id,
        state: 'running',
        plan: { ...draft, steps: ['await-turn'] },
        notes: {},
        steps: [{ name: 'await-turn', state }],
      }) as Partial<Job> as Job;
    const all = [jobOf('a', 'running'), jobOf('b', 'done')];
    const waits: string[] = [];
    const step = awaitTurnStep({
      times: { look: 1 },
      jobs: () => ({ unfinished: () => all }),
    } as Partial<UpkeepParts> as UpkeepParts);
    const outcome = await step.run({
      job: () => all[0] ?? assert.fail(),
      signal: AbortSignal.timeout(5000),
      progress(text) {
        waits.push(text);
        all.length = 1;
      },
      note: async () => {},
    });
    assert.equal(outcome.kind, 'done');
    assert.match(waits.join(), /^waits for b: one machine of home at a time$/);
  });

  it('tell a release that does not boot from one that is slow', async () => {
    await using world = await talosWorld({ net: 235, faults: { cannotBoot: (version) => version === NEXT } });
    world.rig.machines[0]?.powerOn();
    await world.installed([0]);
    const [job] = await world.upkeep('upgrade', [0], { to: NEXT });
    assert.match(job?.result?.because ?? '', /it is back with Talos v1\.13\.2: v1\.13\.9 did not boot/);
  });

  it('do not take a control plane away from an etcd that cannot do without it', async () => {
    await using world = await talosWorld({ net: 236, controlPlanes: 3 });
    for (const machine of world.rig.machines) machine.powerOn();
    await world.installed([0, 1, 2]);
    await world.rig.machine(2).powerOff();
    const [job] = await world.upkeep('upgrade', [0], { to: NEXT });
    assert.match(job?.result?.because ?? '', /1 of 3 members of etcd are well, want 2; nothing was done/);
    assert.equal(await world.runs(0), 2);
  });

  it('refuse in the plan what cannot be', async () => {
    await using world = await talosWorld({ net: 237 });
    world.rig.machines[0]?.powerOn();
    await world.installed([0]);
    const refusals = async (...about: Parameters<typeof world.plan>) => {
      const outcome = await world.plan(...about);
      return outcome.kind === 'done'
        ? outcome.value.refusals.map(({ because }) => because).join()
        : JSON.stringify(outcome);
    };
    assert.match(await refusals('upgrade', 0), /it runs Talos v1\.13\.2 already/);
    assert.match(await refusals('upgrade', 0, { to: 'v1.15.0' }), /more than one minor release/);
    assert.match(await refusals('upgrade', 0, { to: 'v1.12.0' }), /older than v1\.13\.2/);
    assert.match(await refusals('upgrade', 0, { to: 'newest' }), /"kind":"invalid","path":"to"/);
    assert.match(await refusals('reset', 0), /the only control plane/);
    const blind = await world.blindPlan('reset', 0, { graceful: false });
    assert.match(JSON.stringify(blind), /does not say which disk its system is on/);
    await world.rig.machine(0).powerOff();
    assert.match(await refusals('reset', 0, { graceful: false }), /does not answer/);
    world.forgetCluster();
    assert.match(await refusals('rollback', 0), /no cluster names/);
  });

  it('reset a machine only after it has left, and forget what it had of etcd', async () => {
    await using world = await talosWorld({ net: 238, controlPlanes: 2 });
    for (const machine of world.rig.machines) machine.powerOn();
    await world.installed([0, 1]);
    const done = await world.upkeep('reset', [1]);
    assert.deepEqual(kinds(done), [['reset', 'done']], told(done[0] ?? assert.fail()));
    assert.deepEqual(await world.secrets.etcdHolders('home'), [world.names[0]]);
    const last = await world.upkeep('reset', [0], { graceful: false, erase: 'configuration' });
    assert.deepEqual(kinds(last), [['reset', 'done']], told(last[0] ?? assert.fail()));
    assert.deepEqual(await world.secrets.etcdHolders('home'), []);
  });
});
