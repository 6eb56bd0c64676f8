import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIRMWARES } from '#test/lab/guest.ts';
import { need } from '#test/lab/need.ts';
import { assertHealthyBoot, bootToUserSpace } from './boot-steps.ts';
import { BOOT_NEEDS, machineDocument, openBootWorld } from './boot-world.ts';

for (const firmware of FIRMWARES) {
  test(`server mode: ${firmware} boots from its first packet to its user space`, async (t) => {
    const tools = need(t, BOOT_NEEDS);
    if (!tools) return;
    await using world = await openBootWorld(tools, { mode: 'server' });
    await world.daemon.apply([machineDocument({ profile: 'live', address: '192.168.77.12' })]);
    const address = await bootToUserSpace(world, firmware);
    assert.equal(address, '192.168.77.12');
    await assertHealthyBoot(world, firmware);
  });
}
