import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOver, type Job, type Plan } from '#machines/contract/job.ts';
import { awaitTurnStep, type UpkeepParts } from '#server/jobs/talos/upkeep-steps.ts';
import { BOOTSTRAP, installPlan, kinds, NEXT, talosWorld, told, VERSION } from './talos-world.ts';

// They mostly wait, each for machines of its own.
describe('jobs on machines that run Talos', { concurrency: 4 }, () => {
  it('push a configuration, and bootstrap etcd once', async () => {
    await using world = await talosWorld({});
    world.rig.machines[0]?.powerOn();
    const job = await world.install(0);
    assert.equal(job.state, 'done', told(job));
    assert.deepEqual(await world.secrets.etcdHolders('home'), world.names);
    const again = await world.install(0, { steps: ['bootstrap-etcd'] });
    assert.equal(again.steps[0]?.text, 'etcd was bootstrapped already');
  });

  it('go on where they were when the daemon ended in each step', async () => {
    await using world = await talosWorld({});
    world.rig.machines[0]?.powerOn();
    const { id } = await world.submitInstall(0);
    for (const name of BOOTSTRAP) {
      const isBegun = (job: Job): boolean => job.steps.some((step) => step.name === name && step.state !== 'waiting');
      await world.when(id, (job) => isBegun(job) || isOver(job.state));
      await world.restarted();
    }
    const job = await world.over(id);
    assert.equal(job.state, 'done', told(job));
    assert.deepEqual(
      job.steps.map(({ name, state }) => [name, state]),
      BOOTSTRAP.map((name) => [name, 'done']),
    );
    // It was installed once: from the network into maintenance, then from its disk.
    assert.deepEqual(world.rig.machine(0).story, ['network kexec']);
  });

  it('join an etcd that lives elsewhere instead of beginning another', async () => {
    await using world = await talosWorld({ controlPlanes: 2 });
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
    await using world = await talosWorld({});
    world.rig.machines[0]?.powerOn();
    for (const [name, change, want] of WRONG) {
      const job = await world.install(0, change(installPlan(world.rig.machine(0).spec, 'controlplane')));
      assert.equal(job.state, 'failed', name);
      assert.match(job.result?.because ?? '', want, name);
    }
    assert.deepEqual(world.rig.machine(0).story, []);
  });

  it('upgrade one machine at a time, and not the next after one that failed', async () => {
    const faults = { isUnwell: (version: string) => version === NEXT };
    await using world = await talosWorld({ workers: 2, faults, times: { settle: 3000 } });
    for (const machine of world.rig.machines) machine.powerOn();
    await world.installed([0, 1, 2]);
    const [first, second] = await world.upkeep('upgrade', [1, 2], { to: NEXT });
    assert.match(
      first?.result?.because ?? '',
      /the new release was not well: .*kubelet.*; it was rolled back to Talos v1\.13\.2, which runs and is ready/,
    );
    assert.match(second?.result?.because ?? '', /^batch stopped: .* failed: /);
    assert.deepEqual([await world.runs(1), await world.runs(2)], [2, 2]);
    assert.equal(world.cluster().talos, VERSION, 'what failed is not what is installed from now on');
  });

  it('wait for the one whose turn it is, also where the order of their ids is another one', async () => {
    await using world = await talosWorld({ workers: 1 });
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
      wait: async () => {},
    });
    assert.equal(outcome.kind, 'done');
    assert.match(waits.join(), /^waits for b: one machine of home at a time$/);
  });

  it('tell a release that does not boot from one that is slow', async () => {
    await using world = await talosWorld({ faults: { cannotBoot: (version) => version === NEXT } });
    world.rig.machines[0]?.powerOn();
    await world.installed([0]);
    const [job] = await world.upkeep('upgrade', [0], { to: NEXT });
    assert.match(job?.result?.because ?? '', /it is back with Talos v1\.13\.2: v1\.13\.9 did not boot/);
  });

  it('do not take a control plane away from an etcd that cannot do without it', async () => {
    await using world = await talosWorld({ controlPlanes: 3, times: { settle: 1500 } });
    for (const machine of world.rig.machines) machine.powerOn();
    await world.installed([0, 1, 2]);
    await world.rig.machine(2).powerOff();
    const [job] = await world.upkeep('upgrade', [0], { to: NEXT });
    assert.match(job?.result?.because ?? '', /1 of 3 members of etcd are well, want 2; nothing was done/);
    assert.equal(await world.runs(0), 2);
  });

  it('refuse in the plan what cannot be', async () => {
    await using world = await talosWorld({});
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
    assert.match(
      await refusals('upgrade', 0, { to: 'v1.14.0' }),
      /home with Talos v1\.14\.0: Kubernetes 1\.31\.4 does not run/,
    );
    const said = async (other: Parameters<typeof world.planOfOther>[0], asked: object): Promise<string> =>
      JSON.stringify(await world.planOfOther(other, 'reset', 0, { graceful: false, ...asked }));
    assert.match(await said({ systemDisk: async () => undefined }, {}), /does not say which disk its system is on/);
    const line = (url: string) => ({ commandLine: async () => ['talos.platform=metal', `talos.config=${url}`] });
    const configuration = { erase: 'configuration' };
    const ours = 'http://192.0.2.1:8081/m/talos?token=AAAA';
    assert.match(await said(line(ours), configuration), /the token of that boot, which is void/);
    assert.doesNotMatch(await said(line(ours), {}), /which is void/);
    assert.doesNotMatch(await said(line('http://192.0.2.9/own.yaml'), configuration), /which is void/);
    await world.rig.machine(0).powerOff();
    assert.match(await refusals('reset', 0, { graceful: false }), /does not answer/);
    world.forgetCluster();
    assert.match(await refusals('rollback', 0), /no cluster names/);
  });

  it('reset a machine only after it has left, and forget what it had of etcd', async () => {
    await using world = await talosWorld({ controlPlanes: 2 });
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
