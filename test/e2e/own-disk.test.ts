import assert from 'node:assert/strict';
import { test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { bootsOwnDisk, bootToUserSpace, grantBoot, situation } from './boot-steps.ts';
import { BOOT_NEEDS, LINE_LIMIT_MS, MAC, machineDocument, openBootWorld } from './boot-world.ts';
import { startForeignDhcpServer } from './foreign-boot-server.ts';

const FIRMWARES = ['bios-pxe', 'uefi-pxe'] as const;

for (const mode of ['server', 'proxy'] as const) {
  for (const firmware of FIRMWARES) {
    test(`${mode} mode: a ${firmware} machine that nobody knows, network first, boots its own disk`, async (t) => {
      const tools = need(t, [...BOOT_NEEDS, 'dnsmasq']);
      if (!tools) return;
      const foreign = mode === 'proxy' ? { before: startsLeasing(tools) } : {};
      await using world = await openBootWorld(tools, { mode, ...foreign });
      await bootsOwnDisk(world, firmware);
      const [attempt] = await world.daemon.attempts({ mac: MAC });
      assert.ok(attempt && ['not-accepted', 'in-progress'].includes(attempt.verdict.code), await situation(world));
    });
  }
}

for (const firmware of FIRMWARES) {
  test(`a grant boots a ${firmware} machine once; at the next start it goes to its own disk`, async (t) => {
    const tools = need(t, BOOT_NEEDS);
    if (!tools) return;
    await using world = await openBootWorld(tools, { mode: 'server' });
    await world.daemon.apply([machineDocument()]);
    await grantBoot(world, 'r1-u1', 'once');
    await bootToUserSpace(world, firmware, { profile: 'once' });
    await world.verdicts.until(MAC, 'booted', LINE_LIMIT_MS);
    const spent = (await world.trace()).filter(({ kind }) => kind === 'grant-spent');
    assert.equal(spent.length, 1, await situation(world));
    await bootsOwnDisk(world, firmware);
    assert.equal((await world.daemon.attempts({ mac: MAC })).length, 2, await situation(world));
  });
}

const startsLeasing = (tools: { readonly dnsmasq: string }) => (lab: Parameters<typeof startForeignDhcpServer>[0]) =>
  startForeignDhcpServer(lab, tools);
