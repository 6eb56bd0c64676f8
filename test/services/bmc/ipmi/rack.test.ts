import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { BmcFault } from '#machines/rack/bmc/faults.ts';
import { sure } from '#machines/values/parsed.ts';
import { parseUuid } from '#machines/values/uuid.ts';
import { BMC_PROFILE_NAMES, type BmcProfileName } from '#machines/rack/bmc/quirks.ts';
import { BmcError, type BmcErrorCode } from '#services/bmc/contract.ts';
import { changePassword, createAccount, deleteAccount } from '#services/bmc/ipmi/accounts.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { bmcConformance, type ConformanceRig } from '../conformance.ts';
import { CREDENTIAL, HARDWARE, simulatedBmc } from '../redfish/rig.ts';
import { QUICK, STEADY } from './quick-limits.ts';

// The rack's BMCs share no code with the client: what both understand is likely what the standard says.

const signal = () => AbortSignal.timeout(20_000);
const code = (want: BmcErrorCode) => (error: unknown) => {
  assert.ok(error instanceof BmcError, String(error));
  assert.equal(error.code, want, error.message);
  return true;
};

async function conforming(profile: BmcProfileName): Promise<ConformanceRig> {
  const at = await simulatedBmc({ profile });
  return {
    open: () => openIpmi({ type: 'ipmi', address: at.bmc.ipmi, credential: CREDENTIAL }, {}, STEADY),
    machine: {
      power: () => (at.backend.stage() === 'off' ? 'off' : 'on'),
      boots: () => at.boots.map((device) => (device === 'none' ? 'own' : device)),
    },
    [Symbol.asyncDispose]: () => at[Symbol.asyncDispose](),
  };
}

for (const profile of BMC_PROFILE_NAMES) {
  bmcConformance(
    `IPMI of ${profile}`,
    { verbs: ['status', 'on', 'off', 'soft', 'reset', 'boot-once', 'identify', 'inventory', 'events', 'console'] },
    () => conforming(profile),
  );
}

async function rig(t: TestContext, fault?: BmcFault) {
  const at = await simulatedBmc();
  t.after(() => at[Symbol.asyncDispose]());
  if (fault) at.bmc.faults.add(fault);
  const driver = await openIpmi({ type: 'ipmi', address: at.bmc.ipmi, credential: CREDENTIAL }, {}, QUICK);
  t.after(() => driver[Symbol.asyncDispose]());
  return { at, driver };
}

for (const quirk of [undefined, 'reversed-guid', 'swapped-uuid'] as const) {
  test(`who the machine is, is what the rack made it${quirk === undefined ? '' : `, with ${quirk}`}`, async (t) => {
    const hardware = { ...HARDWARE, uuid: sure(parseUuid('d1b6f5a2-0f3c-4e02-9a7b-112233445566')) };
    await using at = await simulatedBmc({ hardware, quirks: quirk === undefined ? [] : [quirk] });
    const driver = await openIpmi({ type: 'ipmi', address: at.bmc.ipmi, credential: CREDENTIAL }, {}, QUICK);
    t.after(() => driver[Symbol.asyncDispose]());
    const { uuid, serial, manufacturer } = await driver.identity(signal());
    const { uuid: wanted, serial: wantedSerial, manufacturer: maker } = hardware;
    assert.deepEqual({ uuid, serial, manufacturer }, { uuid: wanted, serial: wantedSerial, manufacturer: maker });
  });
}

for (const [fault, want] of [
  ['hangs', 'unreachable'],
  ['ipmi-off', 'unreachable'],
  ['hangs-mid-session', 'timeout'],
  ['unavailable', 'busy'],
  ['no-sessions', 'sessions'],
  ['password-changed', 'credential'],
] as const) {
  test(`a BMC that ${fault} is ${want}`, async (t) => {
    const { driver } = await rig(t, fault);
    await assert.rejects(driver.status(signal()), code(want));
  });
}

test('a password is changed, and proven; a BMC that keeps the old one is found out', async (t) => {
  const { at } = await rig(t);
  const target = { type: 'ipmi', address: at.bmc.ipmi, credential: CREDENTIAL } as const;
  await changePassword(target, 'aNewPassword0016', signal(), QUICK);
  const renewed = { ...target, credential: { ...CREDENTIAL, password: 'aNewPassword0016' } };
  at.bmc.faults.add('lies');
  await assert.rejects(changePassword(renewed, 'another-Password', signal(), QUICK), code('not-stored'));
});

test('sensors tell how it is, and a fan that stands still is critical, but not while the machine is off', async (t) => {
  const { at, driver } = await rig(t, 'fan-failed');
  const off = await driver.inventory(signal());
  assert.equal(off.health, 'ok', JSON.stringify(off.sensors));
  await driver.power('on', signal());
  await at.bmc.board.power.settled();
  const on = await driver.inventory(signal());
  assert.equal(on.health, 'critical');
  assert.equal(on.powerWatts, HARDWARE.watts);
  assert.deepEqual(
    on.sensors?.find(({ name }) => name === 'Fan 1'),
    {
      name: 'Fan 1',
      kind: 'fan',
      value: 0,
      unit: 'rpm',
      health: 'critical',
      state: 'below the lower critical threshold',
    },
  );
  assert.equal((await driver.status(signal())).health, 'warning');
});

test('an administrator of our own is made, does all, and is taken away again', async (t) => {
  const { at } = await rig(t);
  const target = { type: 'ipmi', address: at.bmc.ipmi, credential: CREDENTIAL } as const;
  const own = { username: 'ingot-own', password: 'aPasswordOf20Letters' };
  await createAccount(target, own, signal(), QUICK);
  await using mine = await openIpmi({ ...target, credential: own }, {}, QUICK);
  await mine.power('on', signal());
  await using console = await mine.console(signal());
  await console[Symbol.asyncDispose]();
  await assert.rejects(createAccount(target, own, signal(), QUICK), code('refused'));
  await assert.rejects(deleteAccount(target, CREDENTIAL.username, signal(), QUICK), code('refused'));
  await deleteAccount(target, own.username, signal(), QUICK);
  await using gone = await openIpmi({ ...target, credential: own }, {}, QUICK);
  await assert.rejects(gone.status(signal()), code('credential'));
  await assert.rejects(deleteAccount(target, own.username, signal(), QUICK), code('refused'));
});

test('of an administrator that the BMC does not keep nothing is left', async (t) => {
  const { at } = await rig(t);
  const target = { type: 'ipmi', address: at.bmc.ipmi, credential: CREDENTIAL } as const;
  // The rack wants eight characters: refused between name and access.
  await assert.rejects(createAccount(target, { username: 'ingot-own', password: 'short' }, signal(), QUICK), BmcError);
  at.bmc.faults.add('lies');
  const own = { username: 'ingot-own', password: 'aNewPassword0016' };
  await assert.rejects(createAccount(target, own, signal(), QUICK), code('not-stored'));
  at.bmc.faults.delete('lies');
  await createAccount(target, own, signal(), QUICK);
});

test('a BMC that lies about the next boot is found out', async (t) => {
  const { driver } = await rig(t, 'lies');
  await assert.rejects(driver.bootOnce({ device: 'network', mode: 'uefi' }, signal()), code('not-stored'));
});

test('a BMC that loses packets is driven all the same', async (t) => {
  const { at, driver } = await rig(t, 'loses-packets');
  for (let round = 0; round < 4; round++) {
    await driver.power('on', signal()).catch((error: unknown) => assert.ok(code('timeout')(error)));
    await driver.identity(signal());
    const { power } = await driver.status(signal());
    assert.equal(power, at.backend.stage() === 'off' ? 'off' : 'on');
  }
});

test('a BMC that hangs for a while is asked again when it is back', async (t) => {
  const { at, driver } = await rig(t);
  await driver.status(signal());
  at.bmc.faults.add('hangs');
  await assert.rejects(driver.status(signal()), code('timeout'));
  at.bmc.faults.delete('hangs');
  assert.equal((await driver.status(signal())).power, 'off');
});
