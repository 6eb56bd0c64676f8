import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Job } from '#machines/contract/job.ts';
import { need } from '#test/lab/need.ts';
import { situation } from './boot-steps.ts';
import { BOOT_LIMIT_MS } from './boot-world.ts';
import { INSTALL_NEEDS, INSTALLED, openInstallWorld } from './install-world.ts';

const stepOf = (job: Job, name: string) => job.steps.find((one) => one.name === name);
const isIn =
  (name: string) =>
  (job: Job): boolean =>
    stepOf(job, name)?.state === 'running';
const wroteOn = (serial: string, what: string): number =>
  [...serial.matchAll(new RegExp(`-${what}-\\d+: (?:wipe|write-image) of `, 'g'))].length;

test('the daemon is killed in each step of a reprovision: it ends right, and nothing is written twice', async (t: TestContext) => {
  const tools = need(t, INSTALL_NEEDS);
  if (!tools) return;
  await using world = await openInstallWorld(tools);
  try {
    const inspect = await world.begin('inspect');
    let guest = world.powerOn('network');
    assert.equal((await world.ended(inspect)).state, 'done');
    const id = await world.begin('reprovision');
    for (const step of ['prove-machine', 'wipe-disks', 'write-image', 'boot-disk']) {
      await world.when(id, step, (job) => isIn(step)(job) || stepOf(job, step)?.state === 'done');
      await world.boot.crashDaemon();
    }
    const job = await world.ended(id);
    assert.equal(job.state, 'done', job.result?.because);
    await guest.waitForPowerOff(BOOT_LIMIT_MS);
    assert.equal(wroteOn(guest.serial(), 'wipe-disks'), 1, guest.serial());
    assert.equal(wroteOn(guest.serial(), 'write-image'), 1, guest.serial());
    guest = world.powerOn('disk');
    await guest.waitForSerial(INSTALLED, BOOT_LIMIT_MS);
  } catch (cause) {
    throw new Error(await situation(world.boot), { cause });
  }
});
