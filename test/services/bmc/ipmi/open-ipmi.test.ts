import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { type BmcDriver, BmcError, type BmcErrorCode } from '#services/bmc/contract.ts';
import type { IpmiLimits } from '#services/bmc/ipmi/limits.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { PAYLOAD } from '#services/bmc/ipmi/wire/session-packet.ts';
import { pingRmcp } from '#services/bmc/ipmi/ping-rmcp.ts';
import {
  isProtected,
  type Said,
  type Seen,
  type SmallBmc,
  type SmallBmcOptions,
  spoiled,
  startSmallBmc,
} from './small-bmc.ts';
import { waitFor } from '#test/lab/wait.ts';
import { bytes } from './bytes.ts';
import { QUICK } from './quick-limits.ts';
import { startLossyProxy } from './lossy-proxy.ts';

const USER = { username: 'admin', password: 'secretpw' };
const signal = () => AbortSignal.timeout(20_000);
const code = (want: BmcErrorCode) => (error: unknown) => {
  assert.ok(error instanceof BmcError, String(error));
  assert.equal(error.code, want, error.message);
  return true;
};

/** Chassis with power that can be switched; `power` counts what was done to it. */
function chassis(): { readonly answer: (request: Seen) => Said; isOn: boolean; orders: number } {
  const machine = {
    isOn: false,
    orders: 0,
    answer({ netFn, cmd, data }: Seen): Said {
      if (netFn !== 0) return { completion: 0xc1 };
      if (cmd === 1) return { completion: 0, data: Uint8Array.of(machine.isOn ? 1 : 0, 0, 0x40) };
      if (cmd === 4) return data.length === 1 ? { completion: 0 } : { completion: 0xc7 };
      if (cmd !== 2) return { completion: 0xc1 };
      machine.orders += 1;
      machine.isOn = data[0] === 1 || data[0] === 3;
      return { completion: 0 };
    },
  };
  return machine;
}

async function rig(
  t: TestContext,
  options: SmallBmcOptions,
  more: {
    readonly port?: (bmc: SmallBmc) => number | Promise<number>;
    readonly learned?: Record<string, string>;
    readonly password?: string;
    readonly kg?: string;
    readonly limits?: IpmiLimits;
  } = {},
): Promise<{ readonly bmc: SmallBmc; readonly driver: BmcDriver; readonly learned: Record<string, string>[] }> {
  const bmc = await startSmallBmc(options);
  t.after(() => bmc[Symbol.asyncDispose]());
  const learned: Record<string, string>[] = [];
  const port = (await more.port?.(bmc)) ?? bmc.port;
  const credential = {
    ...USER,
    ...(more.password === undefined ? {} : { password: more.password }),
    ...(more.kg === undefined ? {} : { kg: more.kg }),
  };
  const driver = await openIpmi(
    { type: 'ipmi', address: `127.0.0.1:${port}`, credential, ...(more.learned ? { learned: more.learned } : {}) },
    { learned: (facts) => void learned.push({ ...facts }) },
    more.limits ?? QUICK,
  );
  t.after(() => driver[Symbol.asyncDispose]());
  return { bmc, driver, learned };
}

const commands = (bmc: SmallBmc): readonly string[] =>
  bmc.seen.map(({ netFn, cmd }) => `${netFn.toString(16)}/${cmd.toString(16)}`);

test('a new BMC is asked what it offers, a known one is not; one session serves many requests and is closed', async (t) => {
  const { bmc, driver, learned } = await rig(t, { answer: chassis().answer });
  assert.deepEqual(await driver.status(signal()), { power: 'off', identifying: false });
  await driver.status(signal());
  assert.deepEqual(commands(bmc), ['6/38', '6/54', '6/3b', '0/1', '0/1']);
  assert.deepEqual(learned, [{ suite: '17' }]);
  assert.equal(bmc.sessions.size, 1);
  await driver[Symbol.asyncDispose]();
  assert.equal(bmc.sessions.size, 0);
  assert.equal(commands(bmc).at(-1), '6/3c');
  await assert.rejects(driver.status(signal()), code('refused'));

  const known = await rig(t, { answer: chassis().answer, suites: [3] }, { learned: { suite: '3', other: 'kept' } });
  await known.driver.status(signal());
  assert.deepEqual(commands(known.bmc), ['6/3b', '0/1']);
  assert.deepEqual(known.learned, []);
});

test('a BMC whose suite is no longer there is asked anew', async (t) => {
  const { driver, learned } = await rig(
    t,
    { answer: chassis().answer, suites: [17, 0] },
    { learned: { suite: '3', other: 'kept' } },
  );
  await driver.status(signal());
  assert.deepEqual(learned, [{ suite: '17', offersSuite0: 'yes', other: 'kept' }]);
});

test('a BMC that does not list its suites is tried with 17, then 3', async (t) => {
  const { driver, learned } = await rig(t, { answer: chassis().answer, suites: [3], answersSuites: false });
  await driver.status(signal());
  assert.deepEqual(learned, [{ suite: '3' }]);
});

test('suite 0 alone is refused, and so are IPMI 1.5 and full tables', async (t) => {
  const zero = await rig(t, { suites: [0, 1] });
  await assert.rejects(zero.driver.status(signal()), code('not-supported'));
  assert.deepEqual(zero.bmc.setUps, []);
  const old = await rig(t, { isIpmi20: false });
  await assert.rejects(old.driver.status(signal()), code('not-supported'));
  const full = await rig(t, { openStatus: 0x01 });
  await assert.rejects(full.driver.status(signal()), code('sessions'));
});

test('wrong user, wrong password, missing and wrong K_g are refused credentials, and not tried twice', async (t) => {
  const kg = Uint8Array.from({ length: 20 }, (_, index) => index);
  const rightKg = Buffer.from(kg).toString('hex');
  for (const { options, more } of [
    { options: { user: 'other' }, more: {} },
    { options: {}, more: { password: 'wrong' } },
    { options: { kg }, more: {} },
    { options: { kg }, more: { kg: rightKg.replace('00', '99') } },
  ]) {
    const { bmc, driver } = await rig(t, { ...options, answer: chassis().answer }, more);
    await assert.rejects(driver.status(signal()), code('credential'));
    assert.deepEqual(commands(bmc), ['6/38', '6/54']);
  }
  const right = await rig(t, { kg, answer: chassis().answer }, { kg: rightKg });
  assert.equal((await right.driver.status(signal())).power, 'off');
});

test('who does not know the password gets no proof of ours, and who would have us talk in clear is refused', async (t) => {
  const { bmc, driver } = await rig(t, { impostor: true }, { learned: { suite: '17' } });
  await assert.rejects(driver.status(signal()), code('credential'));
  // It is told that we leave, and nothing that it could guess passwords by.
  const last = await waitFor('RAKP 3', () => bmc.setUps.find(({ type }) => type === PAYLOAD.rakp3), 5000);
  assert.deepEqual([last.payload[1], last.payload.length], [0x0f, 8]);
  const chosen = bytes('0000000801000000 0100000800000000 0200000800000000');
  const clear = await rig(t, { chosen, answersSuites: false });
  await assert.rejects(clear.driver.status(signal()), code('not-supported'));
  assert.ok(clear.bmc.setUps.every(({ type }) => type === PAYLOAD.openRequest));
});

test('credentials that IPMI cannot take are refused before anything is sent', async () => {
  const open = (credential: object, address = '127.0.0.1:1') =>
    openIpmi({ type: 'ipmi', address, credential: { ...USER, ...credential } });
  await assert.rejects(open({ password: 'x'.repeat(21) }), code('credential'));
  await assert.rejects(open({ username: 'x'.repeat(17) }), code('credential'));
  await assert.rejects(open({ kg: '00' }), code('credential'));
  await assert.rejects(openIpmi({ type: 'ipmi', address: '127.0.0.1' }), code('credential'));
  for (const address of ['', '-oProxyCommand=x', '10.0.0.1:0', '10.0.0.1:99999', 'https://10.0.0.1', '[::1', 'a b']) {
    await assert.rejects(open({}, address), code('refused'), address);
  }
});

test('an account that may only look can still read the power', async (t) => {
  const { driver } = await rig(t, {
    level: 2,
    answer: ({ cmd }) => (cmd === 1 ? { completion: 0, data: Uint8Array.of(1, 0, 0) } : { completion: 0xd4 }),
  });
  assert.equal((await driver.status(signal())).power, 'on');
  await assert.rejects(driver.power('off', signal()), code('privilege'));
});

test('what needs an administrator gets a session of one, and the order is done once', async (t) => {
  const machine = chassis();
  let privilege = 0;
  const { bmc, driver } = await rig(t, {
    answer: (request) => (request.cmd === 2 && privilege < 4 ? { completion: 0xd4 } : machine.answer(request)),
    leaving(datagram) {
      privilege = bmc.seen.findLast(({ cmd }) => cmd === 0x3b)?.data[0] ?? 0;
      return datagram;
    },
  });
  await driver.power('on', signal());
  assert.equal(machine.orders, 1);
  assert.equal(bmc.sessions.size, 1);
});

test('on and off that are so already are success without an order; a reset of what is off is not', async (t) => {
  const machine = chassis();
  const { driver } = await rig(t, machine);
  await driver.power('off', signal());
  await driver.power('soft', signal());
  await assert.rejects(driver.power('reset', signal()), code('state'));
  assert.equal(machine.orders, 0);
  await driver.power('on', signal());
  await driver.power('on', signal());
  assert.equal(machine.orders, 1);
});

test('a power order whose answer is lost is not given again', async (t) => {
  const machine = chassis();
  const { bmc, driver } = await rig(t, {
    answer: (request) => {
      const said = machine.answer(request);
      return request.cmd === 2 ? 'silence' : said;
    },
  });
  await assert.rejects(driver.power('on', signal()), code('timeout'));
  assert.equal(machine.orders, 1);
  assert.equal((await driver.status(signal())).power, 'on');
  assert.equal(commands(bmc).filter((command) => command === '0/2').length, 1);
});

test('a read whose answer is lost is sent again: another session sequence, the same request sequence', async (t) => {
  let asked = 0;
  const machine = chassis();
  const { bmc, driver } = await rig(t, { answer: (request) => (asked++ < 2 ? 'silence' : machine.answer(request)) });
  await driver.status(signal());
  const reads = bmc.seen.filter(({ netFn }) => netFn === 0);
  assert.equal(reads.length, 3);
  assert.equal(new Set(reads.map(({ seq }) => seq)).size, 1);
  assert.deepEqual(
    reads.map(({ sequence }) => sequence - (reads[0]?.sequence ?? 0)),
    [0, 1, 2],
  );
});

test('a session that the BMC lost is opened again, for a read and before a power order', async (t) => {
  const machine = chassis();
  const { bmc, driver } = await rig(t, machine);
  await driver.status(signal());
  bmc.forgetSessions();
  assert.equal((await driver.status(signal())).power, 'off');
  bmc.forgetSessions();
  await driver.power('on', signal());
  assert.equal(machine.orders, 1);
  assert.equal(bmc.sessions.size, 1);
});

test('a BMC that hangs in the middle answers no more: timeout, in bounded time, and it recovers by itself', async (t) => {
  let hangs = false;
  const { driver } = await rig(t, { ...chassis(), leaving: (datagram) => (hangs ? undefined : datagram) });
  await driver.status(signal());
  hangs = true;
  await assert.rejects(driver.status(signal()), code('timeout'));
  hangs = false;
  assert.equal((await driver.status(signal())).power, 'off');
});

test('nobody there is unreachable, whether the host says so or not', async (t) => {
  const closed = await startSmallBmc();
  await closed[Symbol.asyncDispose]();
  const nobody = await openIpmi({ type: 'ipmi', address: `127.0.0.1:${closed.port}`, credential: USER }, {}, QUICK);
  t.after(() => nobody[Symbol.asyncDispose]());
  await assert.rejects(nobody.status(signal()), code('unreachable'));
  assert.deepEqual(await pingRmcp(`127.0.0.1:${closed.port}`, signal()), { kind: 'silence' });

  const silent = createSocket('udp4');
  silent.bind(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const address = `127.0.0.1:${silent.address().port}`;
  const mute = await openIpmi({ type: 'ipmi', address, credential: USER }, {}, QUICK);
  t.after(() => mute[Symbol.asyncDispose]());
  await assert.rejects(mute.status(signal()), code('unreachable'));
  assert.deepEqual(await pingRmcp(address, signal(), [50]), { kind: 'silence' });
});

test('answers whose integrity is broken are never believed', async (t) => {
  const { driver } = await rig(t, {
    ...chassis(),
    leaving: (datagram) => (isProtected(datagram) ? spoiled(datagram) : datagram),
  });
  await assert.rejects(driver.status(signal()), code('malformed'));
});

test('an answer that is too short is malformed, and busy is asked again', async (t) => {
  const short = await rig(t, { answer: () => ({ completion: 0, data: Uint8Array.of(1) }) });
  await assert.rejects(short.driver.status(signal()), code('malformed'));
  let busy = 2;
  const machine = chassis();
  const later = await rig(t, { answer: (request) => (busy-- > 0 ? { completion: 0xc0 } : machine.answer(request)) });
  assert.equal((await later.driver.status(signal())).power, 'off');
  const never = await rig(t, { answer: () => ({ completion: 0xc0 }) });
  await assert.rejects(never.driver.status(signal()), code('busy'));
});

test('who gives up hears their own reason, and the next one is served', async (t) => {
  let answers = false;
  const machine = chassis();
  const { driver } = await rig(t, { answer: (request) => (answers ? machine.answer(request) : 'silence') });
  const reason = new Error('no longer wanted');
  const giveUp = new AbortController();
  const asked = driver.status(giveUp.signal);
  setTimeout(() => giveUp.abort(reason), 30);
  await assert.rejects(asked, (error) => error === reason);
  answers = true;
  assert.equal((await driver.status(signal())).power, 'off');
});

test('a driver that is closed while it logs in leaves no session', async (t) => {
  const { bmc, driver } = await rig(t, chassis());
  const asked = driver.status(signal());
  await driver[Symbol.asyncDispose]();
  await assert.rejects(asked, code('refused'));
  assert.equal(bmc.sessions.size, 0);
});

test('a session that rests is closed, and opened again when it is needed', async (t) => {
  const { bmc, driver } = await rig(t, chassis(), { limits: { ...QUICK, idleMs: 20 } });
  await driver.status(signal());
  await waitFor('the session to be closed', () => bmc.sessions.size === 0, 5000);
  assert.equal((await driver.status(signal())).power, 'off');
});

test('a light that cannot stay on for longer is lit for as long as the BMC can count', async (t) => {
  const { bmc, driver } = await rig(t, chassis());
  await driver.identify(1000, signal());
  assert.deepEqual(
    bmc.seen.filter(({ netFn, cmd }) => netFn === 0 && cmd === 4).map(({ data }) => [...data]),
    [[255, 1], [255]],
  );
});

for (const [name, isLost] of [
  ['each tenth datagram of either direction', (number: number) => number % 10 === 3],
  ['each third answer', (number: number, direction: string) => direction === 'out' && number % 3 === 2],
] as const) {
  test(`with ${name} lost, all is read and each order is given once`, async (t) => {
    const machine = chassis();
    const { driver } = await rig(t, machine, {
      async port(bmc) {
        const proxy = await startLossyProxy(bmc.port, isLost);
        t.after(() => proxy[Symbol.asyncDispose]());
        return proxy.port;
      },
    });
    let given = 0;
    for (let round = 0; round < 8; round++) {
      const want = machine.isOn ? 'off' : 'on';
      await driver.power(want, signal()).catch((error: unknown) => assert.ok(code('timeout')(error)));
      if (machine.isOn === (want === 'on')) given += 1;
      assert.equal(machine.orders, given);
      assert.equal((await driver.status(signal())).power, machine.isOn ? 'on' : 'off');
    }
    assert.ok(given >= 5, `${given} orders came through`);
  });
}
