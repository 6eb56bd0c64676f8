import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BootOnce } from '#machines/contract/power.ts';
import type { BmcQuirk } from '#machines/rack/bmc/quirks.ts';
import { openRedfish } from '#services/bmc/redfish/open-redfish.ts';
import { withCode } from './error-code.ts';
import { fromTree, plainTree, scripted, type ScriptedAnswer, simulatedBmc, soon, TEST_LIMITS } from './rig.ts';

const limits = TEST_LIMITS;
const NETWORK: BootOnce = { device: 'network', mode: 'uefi' };
const SYSTEM = '/redfish/v1/Systems/1';

const TAKEN: readonly (readonly [readonly BmcQuirk[], BootOnce, string])[] = [
  [[], NETWORK, 'Pxe'],
  [[], { device: 'network' }, 'Pxe'],
  [[], { device: 'network', mode: 'bios' }, 'Pxe'],
  [[], { device: 'http' }, 'UefiHttp'],
  [[], { device: 'disk' }, 'Hdd'],
  [[], { device: 'media' }, 'Cd'],
  [[], { device: 'setup' }, 'BiosSetup'],
  [[], { device: 'none' }, 'None'],
  [['no-http-boot'], { device: 'http' }, 'Pxe'],
  [['boot-in-settings'], NETWORK, 'Pxe'],
  [['boot-in-settings', 'whole-boot-object', 'weak-etags', 'wants-if-match'], NETWORK, 'Pxe'],
  [['whole-boot-object'], NETWORK, 'Pxe'],
  [['no-boot-mode'], NETWORK, 'Pxe'],
  [['once-only', 'wants-if-match'], NETWORK, 'Pxe'],
  [['no-etags'], NETWORK, 'Pxe'],
  [['weak-etags'], NETWORK, 'Pxe'],
  [['weak-etags', 'wants-if-match'], NETWORK, 'Pxe'],
  [['patch-200-with-errors'], NETWORK, 'Pxe'],
  [['redirects-to-slash', 'wants-if-match'], NETWORK, 'Pxe'],
  [['keeps-legacy'], { device: 'network' }, 'Pxe'],
];

describe('boot once', () => {
  for (const [quirks, wanted, target] of TAKEN) {
    const name = `${wanted.device}${wanted.mode === undefined ? '' : ` by ${wanted.mode}`}`;
    it(`${name} is stored as ${target} with ${quirks.join(', ') || 'no quirk'}`, async () => {
      await using rig = await simulatedBmc({ quirks });
      await using driver = await rig.open();
      await driver.bootOnce(wanted, soon());
      const { target: stored, enabled, mode } = rig.bmc.board.boot.get();
      assert.equal(stored, target);
      assert.equal(enabled, wanted.device === 'none' ? 'Disabled' : 'Once');
      if (wanted.mode === 'bios') assert.equal(mode, 'Legacy');
    });
  }

  it('is cleared again', async () => {
    await using rig = await simulatedBmc();
    await using driver = await rig.open();
    await driver.bootOnce(NETWORK, soon());
    await driver.bootOnce({ device: 'none' }, soon());
    assert.equal(rig.bmc.board.boot.get().enabled, 'Disabled');
  });

  it('that keeps another mode than it was told is not stored', async () => {
    await using rig = await simulatedBmc({ quirks: ['keeps-legacy'] });
    await using driver = await rig.open();
    await assert.rejects(driver.bootOnce(NETWORK, soon()), withCode('not-stored', /Pxe \/ Once \/ Legacy/));
  });

  it('is put off while the machine tests itself', async () => {
    await using service = await scripted(
      fromTree(plainTree(), ({ method }) =>
        method === 'PATCH' ? refusal(400, 'iLO.2.14.UnableToModifyDuringSystemPOST') : undefined,
      ),
    );
    await using driver = await openRedfish(service.target, undefined, { limits });
    await assert.rejects(driver.bootOnce(NETWORK, soon()), withCode('state'));
    assert.equal(service.lines().filter((line) => line.startsWith('PATCH')).length, 1);
  });

  it('remembers the ETag and the form that worked, and begins with them', async () => {
    await using rig = await simulatedBmc({ profile: 'ami' });
    let learned: Readonly<Record<string, string>> = {};
    await using first = await rig.open({ learned: (facts) => (learned = facts) });
    await first.bootOnce(NETWORK, soon());
    assert.deepEqual(learned, { auth: 'session', etag: 'strong', boot: 'full' });
    let again = 0;
    await using second = await rig.open({ learned: () => again++ }, { learned });
    await second.bootOnce(NETWORK, soon());
    assert.equal(again, 0);
  });

  it('is done where iDRAC says 400 and does it all the same', async () => {
    let stored = { BootSourceOverrideTarget: 'None', BootSourceOverrideEnabled: 'Disabled' };
    await using service = await scripted(
      fromTree(plainTree(), ({ method, path, body }) => {
        if (path !== SYSTEM) return undefined;
        if (method === 'GET') return { body: { PowerState: 'Off', Boot: stored } };
        stored = (body as { readonly Boot: typeof stored }).Boot;
        return refusal(400, 'IDRAC.2.8.SYS444');
      }),
    );
    await using driver = await openRedfish(service.target, undefined, { limits });
    await driver.bootOnce(NETWORK, soon());
  });

  it('goes where AMI says in its refusal that it is to go', async () => {
    const settings = `${SYSTEM}/SD`;
    let boot = {
      BootSourceOverrideTarget: 'None',
      BootSourceOverrideEnabled: 'Disabled',
      BootSourceOverrideMode: 'UEFI',
    };
    await using service = await scripted(
      fromTree(plainTree(), ({ method, path, body }) => {
        if (method === 'PATCH' && path === SYSTEM) {
          return refusal(400, 'Base.1.13.OperationSupportedInFutureStateURI', [settings]);
        }
        if (path !== settings) return undefined;
        if (method === 'PATCH') boot = (body as { readonly Boot: typeof boot }).Boot;
        return method === 'PATCH' ? { status: 204 } : { body: { Boot: boot } };
      }),
    );
    await using driver = await openRedfish(service.target, undefined, { limits });
    await driver.bootOnce(NETWORK, soon());
    assert.equal(boot.BootSourceOverrideTarget, 'Pxe');
  });

  it('stays at the system where the settings object has no override, or cannot be read', async () => {
    for (const settings of [
      { Boot: { BootOrder: ['Boot0001'] } },
      { Boot: { BootSourceOverrideMode: 'UEFI' } },
      undefined,
    ]) {
      let boot = { BootSourceOverrideTarget: 'None', BootSourceOverrideEnabled: 'Disabled' };
      await using service = await scripted(
        fromTree(plainTree({ [`${SYSTEM}/Settings`]: settings }), ({ method, path, body }) => {
          if (method === 'PATCH' && path === SYSTEM) boot = (body as { readonly Boot: typeof boot }).Boot;
          if (method === 'PATCH') return { status: path === SYSTEM ? 200 : 400 };
          const link = { SettingsObject: { '@odata.id': `${SYSTEM}/Settings` } };
          return path === SYSTEM ? { body: { PowerState: 'Off', Boot: boot, '@Redfish.Settings': link } } : undefined;
        }),
      );
      await using driver = await openRedfish(service.target, undefined, { limits });
      await driver.bootOnce(NETWORK, soon());
      assert.equal(boot.BootSourceOverrideTarget, 'Pxe');
    }
  });

  it('is not supported where the target is not among the allowed ones', async () => {
    const system = {
      PowerState: 'Off',
      Boot: { 'BootSourceOverrideTarget@Redfish.AllowableValues': ['Hdd', 'UsbCd'] },
    };
    await using service = await scripted(fromTree(plainTree({ [SYSTEM]: system })));
    await using driver = await openRedfish(service.target, undefined, { limits });
    await assert.rejects(driver.bootOnce(NETWORK, soon()), withCode('not-supported', /Pxe.*Hdd, UsbCd/));
    assert.ok(!service.lines().some((line) => line.startsWith('PATCH')));
  });

  it('is waited for where it is a task, and fails with it', async () => {
    for (const state of ['Completed', 'Exception']) {
      let looks = 0;
      let boot = { BootSourceOverrideTarget: 'None', BootSourceOverrideEnabled: 'Disabled' };
      await using service = await scripted(
        fromTree(plainTree(), ({ method, path, body }): ScriptedAnswer | undefined => {
          if (method === 'PATCH') {
            boot = (body as { readonly Boot: typeof boot }).Boot;
            return { status: 202, headers: { Location: 'https://bmc.lan/redfish/v1/TaskService/TaskMonitors/1' } };
          }
          if (method === 'GET' && path === SYSTEM) return { body: { PowerState: 'Off', Boot: boot } };
          if (path !== '/redfish/v1/TaskService/TaskMonitors/1') return undefined;
          // Dell: 404 at first, then New, then whatever comes of it.
          looks++;
          if (looks === 1) return { status: 404 };
          if (looks < 4) return { status: 202, headers: { 'Retry-After': '0' }, body: { TaskState: 'New' } };
          return { body: { TaskState: state, Messages: [{ Message: 'the job is over' }] } };
        }),
      );
      await using driver = await openRedfish(service.target, undefined, { limits });
      const asked = driver.bootOnce(NETWORK, soon());
      if (state === 'Completed') await asked;
      else await assert.rejects(asked, withCode('refused', /the job is over/));
      assert.equal(looks, 4);
    }
  });

  it('is looked at by its effect where its task was forgotten', async () => {
    let boot = { BootSourceOverrideTarget: 'None', BootSourceOverrideEnabled: 'Disabled' };
    await using service = await scripted(
      fromTree(plainTree(), ({ method, path, body }) => {
        if (method === 'PATCH') {
          boot = (body as { readonly Boot: typeof boot }).Boot;
          return { status: 202, headers: { Location: '/redfish/v1/TaskService/TaskMonitors/1' } };
        }
        return path === SYSTEM ? { body: { PowerState: 'Off', Boot: boot } } : undefined;
      }),
    );
    const short = { ...limits, taskAppearsMs: 50 };
    await using driver = await openRedfish(service.target, undefined, { limits: short });
    await driver.bootOnce(NETWORK, soon());
  });
});

function refusal(status: number, id: string, args: readonly string[] = []): ScriptedAnswer {
  const info = { MessageId: id, Message: 'not so', MessageArgs: args, Severity: 'Warning' };
  return { status, body: { error: { code: id, message: 'see', '@Message.ExtendedInfo': [info] } } };
}
