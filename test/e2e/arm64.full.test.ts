import { test } from 'node:test';
import { ARM64_FIRMWARES } from '#test/lab/guest.ts';
import { need } from '#test/lab/need.ts';
import { assertHealthyBoot, bootToUserSpace } from './boot-steps.ts';
import { ARM64_BOOT_NEEDS, machineDocument, openBootWorld } from './boot-world.ts';
import { proxyBoots } from './proxy-boot.ts';

for (const firmware of ARM64_FIRMWARES) {
  test(`server mode: ${firmware} boots from its first packet to its user space`, async (t) => {
    const tools = need(t, ARM64_BOOT_NEEDS);
    if (!tools) return;
    await using world = await openBootWorld(tools, { mode: 'server' });
    await world.daemon.apply([machineDocument({ profile: 'live' })]);
    await bootToUserSpace(world, firmware);
    await assertHealthyBoot(world, firmware);
  });
}

test('proxy mode beside dnsmasq: arm64-pxe boots with dnsmasq’s address and our boot file', async (t) => {
  const tools = need(t, [...ARM64_BOOT_NEEDS, 'dnsmasq']);
  if (tools) await proxyBoots(tools, 'arm64-pxe');
});
