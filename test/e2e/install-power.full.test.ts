import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Job } from '#machines/contract/job.ts';
import type { Guest } from '#test/lab/guest.ts';
import { need } from '#test/lab/need.ts';
import { waitFor } from '#test/lab/wait.ts';
import { situation } from './boot-steps.ts';
import { BOOT_LIMIT_MS } from './boot-world.ts';
import { DISK_BYTES, INSTALL_NEEDS, INSTALLED, openInstallWorld } from './install-world.ts';

const MIB = 1 << 20;
/** Some twenty seconds for the disk. */
const SLOW = { writesPerSecond: 4 * MIB };
/** What lay on the disk before, and in no image. */
const OLD = Buffer.alloc(4096, 0x5a);

const stepOf = (job: Job, name: string) => job.steps.find((one) => one.name === name);
/** What only a person can do is told in the step that is at work. */
const waitsForAPerson = ({ steps }: Job): boolean =>
  steps.some(({ state, text }) => state === 'running' && text.startsWith('waits for a person'));
const inTheMiddleOf =
  (name: string) =>
  (job: Job): boolean => {
    const { state, progress = 0, text = '' } = stepOf(job, name) ?? {};
    return state === 'running' && progress > 0.1 && !text.startsWith('waits');
  };
const isNotZero = (byte: number): boolean => byte !== 0;
function bytesAt(path: string, position: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(4096);
    readSync(file, bytes, { position });
    return bytes;
  } finally {
    closeSync(file);
  }
}
const countOf = ({ serial }: Guest, what: string): number =>
  [...serial().matchAll(new RegExp(`-\\d+: ${what} of `, 'g'))].length;

test('the power fails in the middle of the wipe and of the write: no half image boots, nothing wiped is wiped again, and the job ends right', async (t: TestContext) => {
  const tools = need(t, INSTALL_NEEDS);
  if (!tools) return;
  await using world = await openInstallWorld(tools);
  const diskNow = (): Buffer => readFileSync(world.disk);
  let guest: Guest | undefined;
  try {
    writeFileSync(world.disk, Buffer.alloc(DISK_BYTES, OLD));
    const inspect = await world.begin('inspect');
    await world.when(inspect, 'the wish to start it', waitsForAPerson);
    guest = world.powerOn('network', SLOW);
    assert.equal((await world.ended(inspect)).state, 'done');

    const id = await world.begin('reprovision');
    await world.when(id, 'the middle of the wipe', inTheMiddleOf('wipe-disks'));
    // Its progress counts what the kernel has taken; only from outside is seen what the disk has.
    await waitFor('zeros on the disk', () => !bytesAt(world.disk, 8 * MIB).some(isNotZero), BOOT_LIMIT_MS);
    await guest.losePower();
    assert.ok(diskNow().includes(OLD), 'it was in the middle');
    assert.equal(stepOf(await world.job(id), 'wipe-disks')?.state, 'running');

    // Nobody turns it on before the job has noticed, and says what it needs.
    await world.when(id, 'the wish to restart it', waitsForAPerson);
    guest = world.powerOn('network', SLOW);
    await world.when(id, 'the middle of the write', inTheMiddleOf('write-image'));
    await waitFor('a piece of the image on the disk', () => bytesAt(world.disk, MIB).some(isNotZero), BOOT_LIMIT_MS);
    await guest.losePower();
    assert.equal(stepOf(await world.job(id), 'write-image')?.state, 'running');
    assert.equal(countOf(guest, 'wipe'), 1);
    const halfWritten = diskNow();
    assert.ok(!halfWritten.includes(OLD), 'the second wipe was whole');
    assert.ok(halfWritten.subarray(MIB).some(isNotZero), 'it was in the middle');
    for (const end of [halfWritten.subarray(0, MIB), halfWritten.subarray(-MIB)])
      assert.ok(!end.some(isNotZero), 'there is nothing to boot');

    await world.when(id, 'the wish to restart it', waitsForAPerson);
    guest = world.powerOn('network');
    const job = await world.ended(id);
    assert.equal(job.state, 'done', job.result?.because);
    assert.deepEqual([countOf(guest, 'wipe'), countOf(guest, 'write-image')], [0, 1]);
    assert.deepEqual([stepOf(job, 'wipe-disks')?.tries, stepOf(job, 'write-image')?.tries], [2, 2]);
    await guest.waitForPowerOff(BOOT_LIMIT_MS);
    guest = world.powerOn('disk');
    await guest.waitForSerial(INSTALLED, BOOT_LIMIT_MS);
  } catch (cause) {
    throw new Error(`${await situation(world.boot)}\n${guest?.serial().slice(-3000)}`, { cause });
  }
});
