import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type RackBmc, rackBmc } from '../rig.ts';
import { ask, bootAt, errorOf } from './ask.ts';

const SYSTEM = '/redfish/v1/Systems/1';
const RESET = `${SYSTEM}/Actions/ComputerSystem.Reset`;
const PXE_ONCE = {
  BootSourceOverrideTarget: 'Pxe',
  BootSourceOverrideEnabled: 'Once',
  BootSourceOverrideMode: 'UEFI',
};

const patchBoot = (at: RackBmc, Boot: unknown, path = SYSTEM) => ask(at, 'PATCH', path, { body: { Boot } });

async function reset(at: RackBmc, ResetType: string): Promise<number> {
  const { status } = await ask(at, 'POST', RESET, { body: { ResetType } });
  await at.bmc.board.power.settled();
  return status;
}

describe('a boot override', () => {
  it('Once is spent by an attempt, not by its success', async () => {
    // It never comes out of its self-test.
    await using at = await rackBmc({ selfTest: new Promise(() => {}) });
    assert.equal((await patchBoot(at, PXE_ONCE)).status, 204);
    assert.equal(await bootAt(at, SYSTEM), 'Pxe Once UEFI');
    await reset(at, 'On');
    assert.equal(at.backend.stage(), 'self-test');
    assert.equal(await bootAt(at, SYSTEM), 'None Disabled UEFI');
    await reset(at, 'ForceRestart');
    assert.deepEqual(at.boots, ['network uefi', 'none uefi']);
  });

  it('Continuous stays until it is turned off', async () => {
    await using at = await rackBmc();
    await patchBoot(at, { ...PXE_ONCE, BootSourceOverrideEnabled: 'Continuous' });
    await reset(at, 'On');
    await reset(at, 'ForceRestart');
    await patchBoot(at, { BootSourceOverrideEnabled: 'Disabled' });
    await reset(at, 'PowerCycle');
    assert.deepEqual(at.boots, ['network uefi', 'network uefi', 'none uefi']);
  });

  it('is lost with the BMC that forgets it, and nobody is told', async () => {
    await using at = await rackBmc({ faults: ['forgets-once'] });
    await patchBoot(at, PXE_ONCE);
    assert.equal(await bootAt(at, SYSTEM), 'Pxe Once UEFI');
    await reset(at, 'On');
    assert.deepEqual(at.boots, ['none uefi']);
  });

  it('is taken whole or not at all', async () => {
    await using at = await rackBmc();
    const wrong = await patchBoot(at, { ...PXE_ONCE, BootSourceOverrideMode: 'Uefi' });
    assert.equal(wrong.status, 400);
    assert.deepEqual(errorOf(wrong), {
      key: 'PropertyValueNotInList',
      related: ['#/Boot/BootSourceOverrideMode'],
    });
    assert.equal(await bootAt(at, SYSTEM), 'None Disabled UEFI');
    assert.equal(errorOf(await patchBoot(at, { ...PXE_ONCE, BootSource: 'Pxe' })).key, 'PropertyUnknown');
    assert.equal(errorOf(await patchBoot(at, 'Pxe')).key, 'PropertyValueTypeError');
  });

  it('goes into the settings object where there is one, and shows in the system', async () => {
    await using at = await rackBmc({ quirks: ['boot-in-settings', 'whole-boot-object'] });
    const system = await ask(at, 'GET', SYSTEM);
    assert.deepEqual(system.body['@Redfish.Settings'], {
      '@odata.type': '#Settings.v1_3_5.Settings',
      SettingsObject: { '@odata.id': `${SYSTEM}/SD` },
    });
    assert.doesNotMatch(system.text, /BootSourceOverrideTarget@Redfish/);
    assert.match((await ask(at, 'GET', `${SYSTEM}/SD`)).text, /BootSourceOverrideTarget@Redfish.AllowableValues/);
    assert.equal(errorOf(await patchBoot(at, PXE_ONCE)).key, 'PropertyNotWritable');
    const half = { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' };
    assert.equal(errorOf(await patchBoot(at, half, `${SYSTEM}/SD`)).key, 'PropertyMissing');
    assert.equal((await patchBoot(at, PXE_ONCE, `${SYSTEM}/SD`)).status, 204);
    await reset(at, 'On');
    assert.deepEqual(at.boots, ['network uefi']);
  });

  for (const [quirk, wanted, status, want] of [
    ['no-boot-mode', PXE_ONCE, 400, 'None Disabled -'],
    ['once-only', { ...PXE_ONCE, BootSourceOverrideEnabled: 'Continuous' }, 400, 'None Disabled UEFI'],
    ['no-http-boot', { ...PXE_ONCE, BootSourceOverrideTarget: 'UefiHttp' }, 400, 'None Disabled UEFI'],
    ['keeps-legacy', PXE_ONCE, 204, 'Pxe Once Legacy'],
    ['patch-200-with-errors', PXE_ONCE, 200, 'Pxe Once UEFI'],
  ] as const) {
    it(`with the quirk ${quirk} is answered by ${status} and is ${want}`, async () => {
      await using at = await rackBmc({ quirks: [quirk] });
      assert.equal((await patchBoot(at, wanted)).status, status);
      assert.equal(await bootAt(at, SYSTEM), want);
    });
  }

  it('is not changed during the self-test where the firmware refuses that', async () => {
    const selfTest = Promise.withResolvers<void>();
    await using at = await rackBmc({ quirks: ['refuses-during-post'], selfTest: selfTest.promise });
    await reset(at, 'On');
    assert.equal(errorOf(await patchBoot(at, PXE_ONCE)).key, 'UnableToModifyDuringSystemPOST');
    const running = new Promise<void>((resolve) => {
      at.backend.onStage((stage) => stage === 'running' && resolve());
    });
    selfTest.resolve();
    await running;
    assert.equal((await patchBoot(at, PXE_ONCE)).status, 204);
  });
});

describe('power', () => {
  it('is PoweringOn and PoweringOff for a while, and each state is told as it is', async () => {
    await using at = await rackBmc({ times: { onMs: 60_000, offMs: 60_000 } });
    assert.equal((await ask(at, 'GET', SYSTEM)).body['PowerState'], 'Off');
    assert.equal((await ask(at, 'POST', RESET, { body: { ResetType: 'On' } })).status, 204);
    assert.equal((await ask(at, 'GET', SYSTEM)).body['PowerState'], 'PoweringOn');
    assert.equal(at.backend.stage(), 'off');
    // It is on its way there: no second command.
    assert.equal((await ask(at, 'POST', RESET, { body: { ResetType: 'On' } })).status, 204);
    assert.equal((await ask(at, 'POST', RESET, { body: { ResetType: 'ForceOff' } })).status, 204);
    assert.equal((await ask(at, 'GET', SYSTEM)).body['PowerState'], 'PoweringOff');
  });

  it('stays PoweringOn for ever where it is stuck', async () => {
    await using at = await rackBmc({ faults: ['stuck-powering-on'] });
    await reset(at, 'On');
    assert.equal((await ask(at, 'GET', SYSTEM)).body['PowerState'], 'PoweringOn');
    assert.deepEqual(at.boots, []);
  });

  it('off is not restarted, and on is not turned on where that is a conflict', async () => {
    await using at = await rackBmc({ quirks: ['conflict-when-already'] });
    assert.equal(await reset(at, 'ForceRestart'), 409);
    assert.equal(await reset(at, 'On'), 204);
    const again = await ask(at, 'POST', RESET, { body: { ResetType: 'On' } });
    assert.deepEqual([again.status, errorOf(again).key], [409, 'ActionParameterValueConflict']);
    await using calm = await rackBmc();
    assert.equal(await reset(calm, 'On'), 204);
    assert.equal(await reset(calm, 'On'), 204);
    assert.equal(calm.boots.length, 1);
  });

  it('a graceful shutdown is a running system’s own; the firmware ignores it', async () => {
    const selfTest = Promise.withResolvers<void>();
    await using at = await rackBmc({ selfTest: selfTest.promise });
    await reset(at, 'On');
    assert.equal(await reset(at, 'GracefulShutdown'), 204);
    assert.equal(at.backend.stage(), 'self-test');
    const gone = new Promise<void>((resolve) => {
      at.backend.onStage((stage) => (stage === 'running' ? at.backend.soft() : stage === 'off' && resolve()));
    });
    selfTest.resolve();
    await gone;
    assert.equal((await ask(at, 'GET', SYSTEM)).body['PowerState'], 'Off');
  });

  for (const [body, key] of [
    [{}, 'ActionParameterMissing'],
    [{ ResetType: 'Explode' }, 'ActionParameterValueNotInList'],
    [{ ResetType: 'On', Now: true }, 'ActionParameterNotSupported'],
    ['{"ResetType": ', 'MalformedJSON'],
  ] as const) {
    it(`a command ${JSON.stringify(body)} is ${key}`, async () => {
      await using at = await rackBmc();
      const told = await ask(at, 'POST', RESET, { body });
      assert.deepEqual([told.status, errorOf(told).key], [400, key]);
      assert.equal(at.backend.stage(), 'off');
    });
  }

  it('names its allowed values inline, or in its ActionInfo alone', async () => {
    await using at = await rackBmc({ quirks: ['action-info-only', 'no-force-off'] });
    const system = await ask(at, 'GET', SYSTEM);
    assert.doesNotMatch(system.text, /ResetType@Redfish.AllowableValues/);
    const info = await ask(at, 'GET', `${RESET}ActionInfo`);
    assert.match(info.text, /"AllowableValues":\["On","ForceOn","GracefulShutdown"/);
    assert.equal(await reset(at, 'ForceOff'), 400);
  });
});
