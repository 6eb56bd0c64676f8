import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { situation } from './boot-steps.ts';
import { BOOT_LIMIT_MS } from './boot-world.ts';
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
