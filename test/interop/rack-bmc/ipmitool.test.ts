import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { OPERATOR, type RackBmc, type RackBmcOptions, rackBmc, READER, USER } from '#test/machines/rack/bmc/rig.ts';
import { type Answer, runTool, type ToolRun } from './run-tool.ts';

type Ask = (command: string, answer?: Answer) => Promise<ToolRun>;
type Login = { readonly username: string; readonly password: string };

/** Debian's ipmitool against a BMC of the rack, as a person types it; `ask` wants it to succeed. */
async function rig(
  t: TestContext,
  suite: number,
  options: RackBmcOptions & { readonly login?: Login; readonly more?: readonly string[] } = {},
): Promise<{ readonly at: RackBmc; readonly ask: Ask; readonly tryTo: Ask } | undefined> {
  const tools = need(t, ['ipmitool']);
  if (!tools) return undefined;
  const at = await rackBmc(options);
  t.after(() => at[Symbol.asyncDispose]());
  const { username, password } = options.login ?? USER;
  const where = ['-I', 'lanplus', '-C', String(suite), '-H', '127.0.0.1', '-p', String(at.port.ipmi)];
  const who = ['-U', username, '-E', '-N', '1', '-R', '3', ...(options.more ?? [])];
  const tryTo: Ask = (command, answer) =>
    runTool([tools.ipmitool, ...where, ...who, ...command.split(' ')], {
      env: { IPMI_PASSWORD: password },
      ...(answer ? { answer } : {}),
    });
  return {
    at,
    tryTo,
    async ask(command, answer) {
      const run = await tryTo(command, answer);
      assert.equal(run.status, 0, `${command}: ${run.output}`);
      return run;
    },
  };
}

for (const suite of [17, 3]) {
  test(`ipmitool -C ${suite} switches the power, and sets the next boot`, async (t) => {
    const lab = await rig(t, suite);
    if (!lab) return;
    const { at, ask } = lab;
    const settled = () => at.bmc.board.power.settled();
    assert.match((await ask('power status')).output, /Chassis Power is off/);
    await ask('chassis bootdev pxe options=efiboot');
    assert.match((await ask('chassis bootparam get 5')).output, /only next boot[^]*EFI boot[^]*Force PXE/);
    await ask('power on');
    await settled();
    assert.match((await ask('power status')).output, /Chassis Power is on/);
    assert.match((await ask('chassis bootparam get 5')).output, /Boot Flag Invalid/);
    await ask('power reset');
    await settled();
    await ask('chassis bootdev disk options=persistent');
    await ask('power cycle');
    await settled();
    await ask('power reset');
    await settled();
    await ask('power soft');
    assert.deepEqual(at.boots, ['network uefi', 'none uefi', 'disk bios', 'disk bios']);
    assert.equal(at.backend.stage(), 'off');
    // What is off cannot be reset.
    assert.match((await lab.tryTo('power reset')).output, /not supported in present state/);
  });
}

test('ipmitool reads who the BMC and its machine are', async (t) => {
  const lab = await rig(t, 17, { profile: 'dell-idrac' });
  if (!lab) return;
  const { ask } = lab;
  assert.match((await ask('mc info')).output, /Firmware Revision +: 7.10\n[^]*Manufacturer ID +: 674\n/);
  assert.match((await ask('mc guid')).output, /12345678-1234-5678-9abc-def012345678/);
  const { output } = await ask('fru print');
  assert.match(output, /Chassis Serial +: SN0001\n/);
  assert.match(output, /Board Serial +: BRDSN0001\n/);
  assert.match(output, /Product Manufacturer +: Simulated\n Product Name +: Server 1\n/);
  assert.match((await ask('lan print 1')).output, /IP Address +: 127.0.0.1\n[^]*RMCP\+ Cipher Suites +: 3,17\n/);
  assert.match((await ask('channel getciphers ipmi')).output, /^3 +N\/A +hmac_sha1 +[^]*^17 +N\/A +hmac_sha256 +/m);
});

test('ipmitool reads the sensors, those of a machine that is off and those of a fan that stands still', async (t) => {
  const lab = await rig(t, 17);
  if (!lab) return;
  const { at, ask } = lab;
  const off = (await ask('sdr elist all')).output;
  assert.match(off, /Inlet Temp .* ok .* 21 degrees C\n[^]*Fan 1 .* ns .* No Reading\n/);
  await ask('power on');
  await at.bmc.board.power.settled();
  at.bmc.faults.add('fan-failed');
  const on = (await ask('sdr elist all')).output;
  assert.match(
    on,
    /Fan 1 .* lcr .* 0 RPM\n[^]*PS1 Status .* ok .* Presence detected\n[^]*Pwr Consumption .* 180 Watts/,
  );
  assert.match((await ask('chassis status')).output, /Cooling\/Fan Fault +: true/);
});

test('ipmitool reads the event log, and clears it', async (t) => {
  const lab = await rig(t, 17);
  if (!lab) return;
  const { at, ask } = lab;
  await ask('power on');
  await at.bmc.board.power.settled();
  const { output } = await ask('sel list');
  assert.match(output, /System Event #0x02[^]*OEM System boot event[^]*Power Unit #0x01/);
  await ask('sel clear');
  assert.match((await ask('sel list')).output, /SEL has no entries/);
});

test('ipmitool opens the console, types a line, and reads the answer', async (t) => {
  const lab = await rig(t, 17);
  if (!lab) return;
  const { at, ask } = lab;
  await ask('power on');
  await at.bmc.board.power.settled();
  const steps: readonly (readonly [RegExp, string])[] = [
    [/SOL Session operational/, 'who\r'],
    [/-sh: who: not found/, '\r~.'],
  ];
  let step = 0;
  const { output } = await ask('sol activate', (text) => {
    const [wanted, next] = steps[step] ?? [];
    if (!wanted?.test(text)) return undefined;
    step += 1;
    return next;
  });
  assert.match(output, /terminated ipmitool/);
  // The tool has given it back.
  assert.match((await lab.tryTo('sol deactivate')).output, /already de-activated/);
});

test('ipmitool changes a user, who can then do what he may', async (t) => {
  const lab = await rig(t, 17);
  if (!lab) return;
  const { at, ask } = lab;
  await ask('user set name 5 newcomer');
  await ask('user set password 5 nine-Password9 20');
  await ask('user priv 5 3 1');
  await ask('user enable 5');
  assert.match((await ask('user list 1')).output, /^5 +newcomer .* OPERATOR$/m);
  assert.equal(at.bmc.board.accounts.login('newcomer', 'nine-Password9').kind, 'in');
  assert.match((await ask('user test 5 20 nine-Password9')).output, /Success/);
});

test('ipmitool with a wrong password, user or suite gets nowhere', async (t) => {
  const wrong = await rig(t, 17, { login: { ...USER, password: 'wrong' }, more: ['-v'] });
  if (!wrong) return;
  assert.match((await wrong.tryTo('power status')).output, /RAKP 2 HMAC is invalid/);
  const nobody = await rig(t, 3, { login: { ...USER, username: 'nobody' }, more: ['-v'] });
  assert.match((await nobody?.tryTo('power status'))?.output ?? '', /unauthorized name/);
  for (const suite of [0, 1, 2, 8]) {
    const refused = await rig(t, suite, { more: ['-v'] });
    assert.match((await refused?.tryTo('power status'))?.output ?? '', /open session response[^]*(?:algorithm|suite)/);
  }
  const old = await rig(t, 17, { quirks: ['no-suite-17'], more: ['-v'] });
  assert.match((await old?.tryTo('power status'))?.output ?? '', /invalid authentication algorithm/);
});

test('suite 0 with any password is what the quirk offers, for whoever looks for that hole', async (t) => {
  const lab = await rig(t, 0, { quirks: ['offers-suite-0'], login: { ...USER, password: 'whatever' } });
  if (!lab) return;
  assert.match((await lab.ask('power status')).output, /Chassis Power is off/);
});

test('ipmitool may do what the role allows, and no more', async (t) => {
  const operator = await rig(t, 17, { login: OPERATOR, more: ['-L', 'OPERATOR'] });
  const reader = await rig(t, 17, { login: READER, more: ['-L', 'USER'] });
  const climber = await rig(t, 17, { login: READER, more: ['-L', 'ADMINISTRATOR', '-v'] });
  if (!operator || !reader || !climber) return;
  await operator.ask('power on');
  assert.match((await operator.tryTo('user set name 6 friend')).output, /Insufficient privilege/);
  assert.match((await reader.ask('power status')).output, /off/);
  assert.match((await reader.tryTo('power on')).output, /Insufficient privilege/);
  assert.match((await climber.tryTo('power status')).output, /unauthorized role/);
});

test('ipmitool with K_g is let in, and without it is not', async (t) => {
  const kg = 'key-of-this-one-here';
  const right = await rig(t, 17, { kg: new TextEncoder().encode(kg), more: ['-k', kg] });
  const without = await rig(t, 17, { kg: new TextEncoder().encode(kg) });
  if (!right || !without) return;
  assert.match((await right.ask('power status')).output, /off/);
  assert.notEqual((await without.tryTo('power status')).status, 0);
});

test('ipmitool is not let in while all sessions are taken', async (t) => {
  const lab = await rig(t, 17, { change: { sessions: 1 }, more: ['-v'] });
  if (!lab) return;
  const { ask, tryTo } = lab;
  let refused: Promise<ToolRun> | undefined;
  // The console holds the one session until another ipmitool has been told so.
  await ask('sol activate', (text) => {
    if (refused || !/SOL Session operational/.test(text)) return undefined;
    refused = tryTo('power status');
    return refused.then(() => '~.');
  });
  assert.match((await refused)?.output ?? '', /insufficient resources/);
  assert.match((await ask('power status')).output, /off/);
});
