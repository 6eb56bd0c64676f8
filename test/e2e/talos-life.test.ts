import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCluster, openTalosWorld } from './talos-world.ts';

/** Nobody touches a machine: BMCs turn them on, the agent proves which they are, and Talos does the rest by its API. */
test('a cluster of Talos v1.14.0 is made of two blank machines, upgraded, rolled back and reset', async () => {
  const [talos, next] = ['v1.14.0', 'v1.14.1'];
  await using world = await openTalosWorld(2);
  const [first = '', second = ''] = world.names;
  await createCluster(world, { controlPlane: [first], workers: [second] }, talos);
  const state = await world.state();
  assert.deepEqual(state.etcd, [first]);
  assert.deepEqual(
    state.machines.map(({ name, ready, talos: runs }) => ({ name, ready, runs })),
    [first, second].map((name) => ({ name, ready: true, runs: talos })),
  );

  await world.jobs('upgrade', [first, second], { asked: { to: next } });
  const upgraded = await world.state();
  assert.deepEqual(new Set(upgraded.machines.map(({ talos: runs }) => runs)), new Set([next]));

  await world.jobs('rollback', [second]);
  const back = await world.state();
  assert.deepEqual(
    back.machines.map(({ talos: runs }) => runs),
    [next, talos],
  );

  await world.jobs('reset', [second]);
  await world.jobs('reset', [first], { asked: { graceful: false } });
});
