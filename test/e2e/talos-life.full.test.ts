import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import { isOver, type Job } from '#machines/contract/job.ts';
import { kernelArguments } from '#machines/os/talos/kernel-arguments.ts';
import { parseTalosVersion } from '#machines/os/talos/version.ts';
import { talosName } from '#machines/rack/prepare.ts';
import { sure } from '#machines/values/parsed.ts';
import { waitFor } from '#test/lab/wait.ts';
import { createCluster, inspect, openTalosWorld } from './talos-world.ts';

/** Three control planes and a worker: etcd keeps its majority all along, and what does not boot is told. */
for (const [talos, next, ill] of [
  ['v1.13.2', 'v1.13.9', 'v1.13.8'],
  ['v1.14.0', 'v1.14.1', 'v1.14.2'],
] as const) {
  test(`a cluster of Talos ${talos} with three control planes: one by one, and back where it does not boot`, async () => {
    await using world = await openTalosWorld(4, { faults: [`no-boot=${ill}`] });
    const [first = '', second = '', third = '', worker = ''] = world.names;
    await createCluster(world, { controlPlane: [first, second, third], workers: [worker] }, talos);
    const state = await world.state();
    assert.deepEqual(new Set(state.etcd), new Set([first, second, third]));
    assert.ok(state.machines.every(({ ready, talos: runs }) => ready && runs === talos));

    const [failed] = await world.jobs('upgrade', [worker], { asked: { to: ill }, ends: 'failed' });
    assert.match(failed?.result?.because ?? '', /did not boot, and its loader fell back/);
    const kept = await world.state();
    assert.equal(kept.machines.find(({ name }) => name === worker)?.talos, talos);

    await world.jobs('upgrade', world.names, { asked: { to: next } });
    const upgraded = await world.state();
    assert.ok(upgraded.machines.every(({ ready, talos: runs }) => ready && runs === next));

    await world.jobs('rollback', [worker]);
    const back = await world.state();
    assert.equal(back.machines.find(({ name }) => name === worker)?.talos, talos);

    await world.jobs('reset', [third]);
    const less = await world.state();
    assert.deepEqual(new Set(less.etcd), new Set([first, second]));
  });
}

test('machines of Talos fetch their configuration by the token of their boot, and not after it', async () => {
  const talos = 'v1.13.2';
  await using world = await openTalosWorld(2);
  const [first = '', second = ''] = world.names;
  const fetched = {
    kind: 'Profile',
    name: 'talos-fetched',
    os: 'talos',
    image: talosName(talos),
    plainSecrets: true,
    args: kernelArguments({ version: sure(parseTalosVersion(talos)), config: '{{config.talos}}' }),
  };
  await world.daemon.apply([fetched]);
  await createCluster(world, { controlPlane: [first], workers: [second] }, talos, fetched.name);
  assert.ok((await world.state()).machines.every(({ ready }) => ready));
  for (const spec of world.specs) {
    assert.ok(world.screenOf(spec).some((line) => line.includes('machine configuration downloaded')));
    assert.ok(!world.screenOf(spec).some((line) => line.includes('fingerprint')), 'it was never in maintenance');
  }

  // What was installed has the address of its configuration, and the token is void: without STATE it would ask in vain.
  const asked = { kind: 'reset', machines: [second], erase: 'configuration' };
  const { items } = await world.daemon.api<PlanAnswer>('POST', '/api/v1/plans', asked);
  assert.match(items[0]?.refusals[0]?.because ?? '', /by the token of that boot, which is void/);
  await world.jobs('reset', [second]);
  // The plan names what is on its disk now.
  await inspect(world, [second]);
  await world.jobs('install', [second], { asked: { profile: fetched.name } });
  assert.ok((await world.state()).machines.every(({ ready }) => ready));
});

test('a daemon that is killed in the middle of an upgrade and of a rollback of Talos goes on, and does neither twice', async () => {
  const [talos, next] = ['v1.13.2', 'v1.13.9'];
  await using world = await openTalosWorld(2);
  const [first = '', second = ''] = world.names;
  await createCluster(world, { controlPlane: [first], workers: [second] }, talos);
  const worker = world.specs.find(({ name }) => name === second) ?? assert.fail();
  let { daemon } = world;
  for (const [kind, asked, runs] of [
    ['upgrade', { to: next }, next],
    ['rollback', {}, talos],
  ] as const) {
    const body = { kind, machines: [second], ...asked };
    const { items: plans } = await daemon.api<PlanAnswer>('POST', '/api/v1/plans', body);
    const jobs = plans.map(({ id, digest, machine }) => ({ kind, machine, plan: { id, digest }, acknowledge: [] }));
    const { items: begun } = await daemon.api<{ readonly items: readonly Job[] }>('POST', '/api/v1/jobs', { jobs });
    const [{ id } = assert.fail()] = begun;
    const job = () => daemon.api<Job>('GET', `/api/v1/jobs/${id}`);
    // The note is written just before the machine is told.
    await waitFor(`the ${kind} to be told`, async () => (await job()).notes['talos-boot'] !== undefined, 60_000);
    daemon = await world.restart();
    const ended = await waitFor(
      `the end of ${kind}`,
      async () => {
        const now = await job();
        return isOver(now.state) && now;
      },
      120_000,
    );
    const told = () => [ended.result?.because, ...world.screenOf(worker).slice(-20), daemon.output().slice(-3000)];
    assert.equal(ended.state, 'done', told().join('\n'));
    const { machines } = await daemon.api<Awaited<ReturnType<typeof world.state>>>(
      'GET',
      '/api/v1/clusters/home/state',
    );
    assert.equal(machines.find(({ name }) => name === second)?.talos, runs);
  }
  const boots = world
    .screenOf(worker)
    .flatMap((line) => / (v\S+) \(simulated\) boots from the disk/.exec(line)?.[1] ?? []);
  assert.deepEqual(boots, [talos, next, talos]);
});
