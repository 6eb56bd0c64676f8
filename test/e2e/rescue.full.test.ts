import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { situation } from './boot-steps.ts';
import { BOOT_LIMIT_MS, BOOT_NEEDS, machineDocument, openBootWorld } from './boot-world.ts';
import { INSTALL_NEEDS, openInstallWorld } from './install-world.ts';

test('a rescue gives a shell on the console of a machine, and writes nothing', async (t: TestContext) => {
  const tools = need(t, INSTALL_NEEDS);
  if (!tools) return;
  await using world = await openInstallWorld(tools);
  try {
    const rescue = await world.begin('rescue');
    const guest = world.powerOn('network');
    const job = await world.ended(rescue);
    assert.equal(job.state, 'done', job.result?.because);
    await guest.waitForSerial(/^ingot: rescue shell/m, BOOT_LIMIT_MS);
    assert.doesNotMatch(guest.serial(), /registered/, 'no agent runs');
    assert.ok(
      readFileSync(world.disk).every((byte) => byte === 0),
      'the disk is as it was',
    );
  } catch (cause) {
    throw new Error(await situation(world.boot), { cause });
  }
});

test('a machine boots a memory test', async (t: TestContext) => {
  const tools = need(t, [...BOOT_NEEDS, 'memtest']);
  if (!tools) return;
  await using world = await openBootWorld(tools, { mode: 'server' });
  try {
    await world.daemon.apply([
      { kind: 'Image', name: 'memtest', arch: 'x86_64', assets: [{ role: 'kernel', path: tools.memtest }] },
      {
        kind: 'Profile',
        name: 'memtest',
        os: 'kernel',
        image: 'memtest',
        when: 'always',
        writes: 'none',
        args: ['console=ttyS0,115200'],
      },
      machineDocument({ profile: 'memtest' }),
    ]);
    const guest = world.powerOn({ firmware: 'bios-pxe' });
    await guest.waitForSerial(/Memtest86\+/, BOOT_LIMIT_MS);
  } catch (cause) {
    throw new Error(await situation(world), { cause });
  }
});
