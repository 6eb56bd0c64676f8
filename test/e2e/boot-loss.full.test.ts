import { test } from 'node:test';
import { FIRMWARES } from '#test/lab/guest.ts';
import { need } from '#test/lab/need.ts';
import { assertBooted, bootToUserSpace } from './boot-steps.ts';
import { BOOT_NEEDS, machineDocument, openBootWorld } from './boot-world.ts';

for (const firmware of FIRMWARES) {
  test(`server mode, one frame in twenty lost: ${firmware} boots`, async (t) => {
    const tools = need(t, [...BOOT_NEEDS, 'nft']);
    if (!tools) return;
    await using world = await openBootWorld(tools, { mode: 'server' });
    await world.daemon.apply([machineDocument({ profile: 'live' })]);
    await bootToUserSpace(world, firmware, { loss: { nft: tools.nft, percent: 5 } });
    await assertBooted(world);
  });
}
