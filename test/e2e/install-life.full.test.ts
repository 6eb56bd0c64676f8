import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { signedCertificate } from '#machines/contract/certificate.ts';
import { verifyCertificate } from '#services/certificates/sign.ts';
import { need } from '#test/lab/need.ts';
import { situation } from './boot-steps.ts';
import { BOOT_LIMIT_MS } from './boot-world.ts';
import { DISK_BYTES, INSTALL_NEEDS, INSTALLED, openInstallWorld, OTHER_BYTES, SERIAL } from './install-world.ts';

/**
 * The whole life of a machine under real firmware: looked at, installed from an image by the agent, started from its own
 * disk, erased with a certificate, found blank from outside, installed again. Its switch is a person's: the test's.
 */
test('a machine is inspected, installed, boots its disk, is erased, and is installed again', async (t: TestContext) => {
  const tools = need(t, INSTALL_NEEDS);
  if (!tools) return;
  await using world = await openInstallWorld(tools, { others: true });
  try {
    const inspect = await world.begin('inspect');
    let guest = world.powerOn('network');
    assert.equal((await world.ended(inspect)).state, 'done');

    const installed = await world.ended(await world.begin('install'));
    assert.equal(installed.state, 'done', installed.result?.because);
    await guest.waitForPowerOff(BOOT_LIMIT_MS);
    guest = world.powerOn('disk');
    await guest.waitForSerial(INSTALLED, BOOT_LIMIT_MS);
    await guest.waitForPowerOff(BOOT_LIMIT_MS);

    // The kernel discards on all three kinds of disk; then each in the strongest way that it has by itself.
    for (const { path } of world.others) writeFileSync(path, Buffer.alloc(OTHER_BYTES, 0x5a));
    const all = [
      [world.disk, SERIAL, DISK_BYTES, 'zero-overwrite'],
      ...world.others.map(({ path, serial }, index) => {
        return [path, serial, OTHER_BYTES, index === 0 ? 'nvme-format-user-data' : 'zero-overwrite'] as const;
      }),
    ] as const;
    guest = world.powerOn('network');
    for (const method of ['block-discard', undefined] as const) {
      const wipe = await world.begin('wipe', method);
      const wiped = await world.ended(wipe);
      assert.equal(wiped.state, 'done', wiped.result?.because);
      const signed = signedCertificate.parse(await world.boot.daemon.api('GET', `/api/v1/jobs/${wipe}/certificate`));
      assert.equal(verifyCertificate(signed).kind, 'signed');
      assert.deepEqual(
        new Set(signed.certificate.erased.map((one) => `${one.serial} ${one.bytes} ${one.method} ${one.class}`)),
        new Set(all.map(([, serial, bytes, best]) => `${serial} ${bytes} ${method ?? best} clear`)),
      );
      for (const [path, serial] of all) {
        assert.ok(
          readFileSync(path).every((byte) => byte === 0),
          `${serial} is blank, seen from outside`,
        );
        if (method !== undefined) writeFileSync(path, Buffer.alloc(1 << 20, 0x5a), { flag: 'r+' });
      }
    }

    assert.equal((await world.ended(await world.begin('install'))).state, 'done');
    await guest.waitForPowerOff(BOOT_LIMIT_MS);
    guest = world.powerOn('disk');
    await guest.waitForSerial(INSTALLED, BOOT_LIMIT_MS);
  } catch (cause) {
    throw new Error(await situation(world.boot), { cause });
  }
});
