import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Job } from '#machines/contract/job.ts';
import { need } from '#test/lab/need.ts';
import { situation } from './boot-steps.ts';
import { BOOT_LIMIT_MS } from './boot-world.ts';
import { INSTALL_NEEDS, INSTALLED, openInstallWorld } from './install-world.ts';

const MIB = 1 << 20;
const stepOf = (job: Job, name: string) => job.steps.find((one) => one.name === name);
const isIn =
  (name: string) =>
  (job: Job): boolean =>
    stepOf(job, name)?.state === 'running';
/** Nothing was permitted before. */
const waitsForAPerson = ({ steps }: Job): boolean => steps.some(({ text }) => text.startsWith('waits for a person'));
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

test('the power of the machine fails in the middle of a write and of a wipe: no half image boots, and the job ends right', async (t: TestContext) => {
  const tools = need(t, INSTALL_NEEDS);
  if (!tools) return;
  await using world = await openInstallWorld(tools);
  try {
    const inspect = await world.begin('inspect');
    let guest = world.powerOn('network');
    assert.equal((await world.ended(inspect)).state, 'done');

    const install = await world.begin('install');
    const half = await world.when(install, 'half of the write', (job) => {
      const { state, progress = 0 } = stepOf(job, 'write-image') ?? {};
      return state === 'running' && progress > 0.1;
    });
    assert.ok((stepOf(half, 'write-image')?.progress ?? 1) < 1);
    await guest.stop();
    // What the guest had not synced yet is lost as well; the first MiB was not even sent.
    const head = readFileSync(world.disk).subarray(0, MIB);
    assert.ok(
      head.every((byte) => byte === 0),
      'there is nothing to boot',
    );
    await world.when(install, 'the wish to restart it', waitsForAPerson);
    guest = world.powerOn('network');
    const installed = await world.ended(install);
    assert.equal(installed.state, 'done', installed.result?.because);
    await guest.waitForPowerOff(BOOT_LIMIT_MS);

    const wipe = await world.begin('wipe');
    guest = world.powerOn('network');
    await world.when(wipe, 'the middle of the wipe', isIn('wipe-disks'));
    await guest.waitForSerial(/-wipe-disks-1: wipe of /, BOOT_LIMIT_MS);
    await guest.stop();
    await world.when(wipe, 'the wish to restart it', waitsForAPerson);
    guest = world.powerOn('network');
    const wiped = await world.ended(wipe);
    assert.equal(wiped.state, 'done', wiped.result?.because);
    assert.ok(
      readFileSync(world.disk).every((byte) => byte === 0),
      'the disk is blank, seen from outside',
    );
  } catch (cause) {
    throw new Error(await situation(world.boot), { cause });
  }
});
