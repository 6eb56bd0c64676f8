import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { type BmcDriver, BmcError, type BmcErrorCode } from '#services/bmc/contract.ts';
import { changePassword, createAccount, deleteAccount } from '#services/bmc/ipmi/accounts.ts';
import type { IpmiLimits } from '#services/bmc/ipmi/limits.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { pingRmcp } from '#services/bmc/ipmi/ping-rmcp.ts';
import { need } from '#test/lab/need.ts';
import { startLossyProxy } from '#test/services/bmc/ipmi/lossy-proxy.ts';
import { LOSSY, QUICK, STEADY } from '#test/services/bmc/ipmi/quick-limits.ts';
import { assertEchoes } from './console-echo.ts';
import { type IpmiSim, SIM_KG, SIM_LOOKER, SIM_USER, startIpmiSim } from './ipmi-sim.ts';

const signal = () => AbortSignal.timeout(20_000);
const code = (want: BmcErrorCode) => (error: unknown) => {
  assert.ok(error instanceof BmcError, String(error));
  assert.equal(error.code, want, error.message);
  return true;
};

/** What Debian's ipmitool says of the simulator. */
async function ipmitool(program: string, { port }: IpmiSim, words: readonly string[]): Promise<string> {
  const where = ['-I', 'lanplus', '-C', '3', '-H', '127.0.0.1', '-p', String(port), '-U', SIM_USER.username, '-E'];
  const env = { ...process.env, IPMI_PASSWORD: SIM_USER.password };
  return (await promisify(execFile)(program, [...where, ...words], { env })).stdout;
}

async function rig(
  t: TestContext,
  credential: { readonly username: string; readonly password: string; readonly kg?: string } = SIM_USER,
  options: { readonly kg?: string; readonly limits?: IpmiLimits } = {},
): Promise<{ readonly sim: IpmiSim; readonly bmc: BmcDriver; readonly learned: Record<string, string>[] } | undefined> {
  const tools = need(t, ['ipmi_sim']);
  if (!tools) return undefined;
  const sim = await startIpmiSim(tools.ipmi_sim, options);
  t.after(() => sim[Symbol.asyncDispose]());
  const learned: Record<string, string>[] = [];
  const bmc = await openIpmi(
    { type: 'ipmi', address: `127.0.0.1:${sim.port}`, credential },
    { learned: (facts) => void learned.push({ ...facts }) },
    options.limits ?? STEADY,
  );
  t.after(() => bmc[Symbol.asyncDispose]());
  return { sim, bmc, learned };
}

test('ipmi_sim is driven through all of power, and each order reaches it once', async (t) => {
  const lab = await rig(t);
  if (!lab) return;
  const { sim, bmc, learned } = lab;
  assert.deepEqual(await pingRmcp(`127.0.0.1:${sim.port}`, signal()), {
    kind: 'speaks',
    isIpmi: true,
    hasIpmi20: true,
    allowsAnonymous: false,
  });
  assert.equal((await bmc.status(signal())).power, 'off');
  assert.deepEqual(learned, [{ suite: '3' }]);
  await bmc.power('on', signal());
  assert.equal((await bmc.status(signal())).power, 'on');
  await bmc.power('reset', signal());
  await bmc.identify(30, signal());
  await bmc.identify(0, signal());
  await bmc.power('soft', signal());
  assert.equal((await bmc.status(signal())).power, 'off');
  await bmc.power('on', signal());
  await bmc.power('off', signal());
  await bmc.power('off', signal());
  assert.deepEqual(await sim.orders(), [
    'set power 1',
    'set reset 1',
    'set identify 30 0',
    'set identify 0 0',
    'set shutdown 1',
    'set power 1',
    'set power 0',
  ]);
});

test('ipmi_sim takes a boot device and says that it is not valid: not stored', async (t) => {
  const lab = await rig(t);
  if (!lab) return;
  const { sim, bmc } = lab;
  await assert.rejects(bmc.bootOnce({ device: 'network', mode: 'uefi' }, signal()), code('not-stored'));
  await bmc.bootOnce({ device: 'none' }, signal());
  assert.deepEqual(await sim.orders(), ['set boot pxe', 'set boot none']);
});

test('what ipmi_sim tells of its machine is what its configuration says', async (t) => {
  const lab = await rig(t);
  if (!lab) return;
  const { bmc } = lab;
  assert.deepEqual(await bmc.identity(signal()), {
    manufacturer: 'Maker',
    product: 'Machine',
    serial: 'SER-0042',
    uuid: '33221100-5544-7766-8899-aabbccddeeff',
    bmcVendor: 'MontaVista',
    bmcVersion: '9.08',
    macs: [],
  });
  const inventory = await bmc.inventory(signal());
  assert.deepEqual(inventory.board, { manufacturer: 'Board Maker', product: 'Board One', serial: 'BO-8' });
  assert.equal(inventory.system.assetTag, 'ASSET-5');
  assert.equal(inventory.system.version, 'v2');
});

test('sensors of ipmi_sim say what ipmitool reads of them', async (t) => {
  const tools = need(t, ['ipmitool']);
  const lab = tools && (await rig(t));
  if (!tools || !lab) return;
  const { sensors = [], health, powerWatts } = await lab.bmc.inventory(signal());
  const shown = sensors.map(({ name, value, unit, state }) => `${name}: ${value ?? ''} ${unit ?? ''} ${state ?? ''}`);
  assert.deepEqual(shown, [
    'Outside: -10 °C ',
    '12V: 12.088 V ',
    'FAN1: 6000 rpm ',
    'System Power: 180 W ',
    'PS1 Status:   present, input lost',
  ]);
  assert.deepEqual([health, powerWatts], ['critical', 180]);
  const stdout = await ipmitool(tools.ipmitool, lab.sim, ['sdr']);
  for (const { name, value } of sensors) {
    const line = stdout.split('\n').find((one) => one.startsWith(name));
    assert.ok(line, `${name} in ${stdout}`);
    // It rounds to two digits after the point.
    if (value !== undefined) assert.equal(Number.parseFloat(line.split('|')[1] ?? '').toFixed(2), value.toFixed(2));
  }
});

test('events that ipmitool writes into the log of ipmi_sim are read, the newest last', async (t) => {
  const tools = need(t, ['ipmitool']);
  const lab = tools && (await rig(t));
  if (!tools || !lab) return;
  const { sim, bmc } = lab;
  assert.deepEqual(await bmc.events(signal()), []);
  const add = (record: string) => ipmitool(tools.ipmitool, sim, ['raw', '0x0a', '0x44', ...record.split(' ')]);
  // Memory 8 says uncorrectable ECC; power supply 4 is well again; a record of a maker's own.
  await add('0 0 0x02 0 0 0 0 0x20 0 4 0x0c 8 0x6f 1 0xff 0xff');
  await add('0 0 0x02 0 0 0 0 0x20 0 4 0x08 4 0xef 1 0xff 0xff');
  await add('0 0 0xe1 1 2 3 4 5 6 7 8 9 10 11 12 13');
  const events = await bmc.events(signal());
  assert.deepEqual(
    events.map(({ text, severity }) => ({ text, severity })),
    [
      { text: 'memory 08: uncorrectable ECC error', severity: 'critical' },
      { text: 'power supply 04: no longer: failed', severity: 'ok' },
      { text: 'OEM record e1: 0102030405060708090a0b0c0d', severity: 'ok' },
    ],
  );
});

test('ipmi_sim refuses a wrong password and a wrong user, and who may only look looks', async (t) => {
  const wrong = await rig(t, { ...SIM_USER, password: 'wrong' });
  if (!wrong) return;
  await assert.rejects(wrong.bmc.status(signal()), code('credential'));
  const nobody = await rig(t, { ...SIM_USER, username: 'nobody' });
  await assert.rejects(nobody?.bmc.status(signal()) ?? Promise.resolve(), code('credential'));
  const looker = await rig(t, SIM_LOOKER);
  assert.equal((await looker?.bmc.status(signal()))?.power, 'off');
});

test('a password is changed in ipmi_sim, and proven', async (t) => {
  const tools = need(t, ['ipmi_sim']);
  if (!tools) return;
  const sim = await startIpmiSim(tools.ipmi_sim);
  t.after(() => sim[Symbol.asyncDispose]());
  const target = { type: 'ipmi', address: `127.0.0.1:${sim.port}`, credential: SIM_USER } as const;
  await changePassword(target, 'aNewPassword0016', signal(), STEADY);
  await assert.rejects(changePassword(target, 'other', signal(), STEADY), code('credential'));
  const renewed = { ...target, credential: { ...SIM_USER, password: 'aNewPassword0016' } };
  await assert.rejects(changePassword(renewed, 'x'.repeat(21), signal(), STEADY), code('credential'));
  // It takes twenty letters and keeps sixteen, whoever sets them; the one before is set again.
  await assert.rejects(changePassword(renewed, 'aPasswordOf20Letters', signal(), STEADY), code('refused'));
  await changePassword(renewed, 'yetAnother000016', signal(), STEADY);
});

test('an administrator of our own is made in ipmi_sim, may switch, and is taken away again', async (t) => {
  const tools = need(t, ['ipmi_sim']);
  if (!tools) return;
  const sim = await startIpmiSim(tools.ipmi_sim);
  t.after(() => sim[Symbol.asyncDispose]());
  const target = { type: 'ipmi', address: `127.0.0.1:${sim.port}`, credential: SIM_USER } as const;
  const own = { username: 'ingot', password: 'aNewPassword0016' };
  await createAccount(target, own, signal(), STEADY);
  await using mine = await openIpmi({ ...target, credential: own }, {}, STEADY);
  await mine.power('on', signal());
  assert.equal((await mine.status(signal())).power, 'on');
  await changePassword({ ...target, credential: own }, 'yetAnother000016', signal(), STEADY);
  await assert.rejects(createAccount(target, own, signal(), STEADY), code('refused'));
  await deleteAccount(target, own.username, signal(), STEADY);
  const late = { ...target, credential: { ...own, password: 'yetAnother000016' } };
  await using gone = await openIpmi(late, {}, STEADY);
  await assert.rejects(gone.status(signal()), code('credential'));
});

test('ipmi_sim with K_g is opened by K_g only', async (t) => {
  const right = await rig(t, { ...SIM_USER, kg: `${Buffer.from(SIM_KG).toString('hex')}00000000` }, { kg: SIM_KG });
  if (!right) return;
  assert.equal((await right.bmc.status(signal())).power, 'off');
  const without = await rig(t, SIM_USER, { kg: SIM_KG });
  await assert.rejects(without?.bmc.status(signal()) ?? Promise.resolve(), code('credential'));
});

test('with a tenth of all datagrams lost ipmi_sim is read, and no order is given twice', async (t) => {
  const tools = need(t, ['ipmi_sim']);
  if (!tools) return;
  const sim = await startIpmiSim(tools.ipmi_sim);
  t.after(() => sim[Symbol.asyncDispose]());
  const proxy = await startLossyProxy(sim.port, (number) => number % 10 === 4);
  t.after(() => proxy[Symbol.asyncDispose]());
  const bmc = await openIpmi({ type: 'ipmi', address: `127.0.0.1:${proxy.port}`, credential: SIM_USER }, {}, LOSSY);
  t.after(() => bmc[Symbol.asyncDispose]());
  let given = 0;
  for (let round = 0; round < 10; round++) {
    const want = (await bmc.status(signal())).power === 'on' ? 'off' : 'on';
    await bmc.power(want, signal()).catch((error: unknown) => assert.ok(code('timeout')(error)));
    const { power } = await bmc.status(signal());
    if (power === want) given += 1;
    assert.equal((await sim.orders()).length, given);
    await bmc.identity(signal());
  }
  assert.ok(given >= 8, `${given} orders came through`);
  assert.ok(proxy.counts.lost > 5, `${proxy.counts.lost} datagrams were lost`);
});

for (const [name, isLost] of [
  ['', () => false],
  [', with each seventh datagram lost', (number: number) => number % 7 === 6],
] as const) {
  test(`the console of ipmi_sim leads to a serial line and back${name}`, async (t) => {
    const tools = need(t, ['ipmi_sim']);
    if (!tools) return;
    const line = createServer((socket) => void socket.on('error', () => {}).pipe(socket));
    line.listen(0, '127.0.0.1');
    await once(line, 'listening');
    t.after(() => line.close());
    const { port: serialPort } = line.address() as AddressInfo;
    const sim = await startIpmiSim(tools.ipmi_sim, { serialPort });
    t.after(() => sim[Symbol.asyncDispose]());
    const proxy = await startLossyProxy(sim.port, isLost);
    t.after(() => proxy[Symbol.asyncDispose]());
    const bmc = await openIpmi({ type: 'ipmi', address: `127.0.0.1:${proxy.port}`, credential: SIM_USER }, {}, LOSSY);
    t.after(() => bmc[Symbol.asyncDispose]());
    await using console = await bmc.console(signal());
    await assertEchoes(console, 16);
  });
}

test('an ipmi_sim that is stopped is a timeout, and one that goes on is read again', async (t) => {
  const lab = await rig(t, SIM_USER, { limits: QUICK });
  if (!lab) return;
  const { sim, bmc } = lab;
  await bmc.status(signal());
  sim.program.signal('SIGSTOP');
  await assert.rejects(bmc.status(signal()), code('timeout'));
  sim.program.signal('SIGCONT');
  assert.equal((await bmc.status(signal())).power, 'off');
  sim.program.signal('SIGKILL');
  await sim.program.ended;
  await assert.rejects(bmc.status(signal()), code('timeout'));
});
