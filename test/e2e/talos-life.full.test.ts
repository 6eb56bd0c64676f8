import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCluster, openTalosWorld } from './talos-world.ts';

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

    await world.jobs('reset', [third]);
    const less = await world.state();
    assert.deepEqual(new Set(less.etcd), new Set([first, second]));
  });
}
