import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type BmcConsole, type BmcDriver, BmcError, type BmcErrorCode } from '#services/bmc/contract.ts';
import type { IpmiLimits } from '#services/bmc/ipmi/limits.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { PAYLOAD } from '#services/bmc/ipmi/wire/session-packet.ts';
import { decodeSol, encodeSol, SOL_STATUS, type SolPacket } from '#services/bmc/ipmi/wire/sol.ts';
import { QUICK } from './quick-limits.ts';
import { type Said, type Seen, type SmallBmc, type SmallBmcOptions, startSmallBmc } from './small-bmc.ts';

const USER = { username: 'admin', password: 'secretpw' };
const signal = () => AbortSignal.timeout(20_000);
const code = (want: BmcErrorCode) => (error: unknown) => {
  assert.ok(error instanceof BmcError, String(error));
  assert.equal(error.code, want, error.message);
  return true;
};
const NONE = new Uint8Array(0);
const text = (words: string) => new TextEncoder().encode(words);
const EMPTY: SolPacket = { sequence: 0, ack: 0, accepted: 0, flags: 0, data: NONE };

/** The activation of a console that takes 12 bytes of a packet. */
const ACTIVATED: Said = { completion: 0, data: Uint8Array.of(0, 0, 0, 0, 16, 0, 16, 0, 0x6f, 2, 0xff, 0xff) };
const activates = ({ netFn, cmd }: Seen): Said =>
  netFn !== 6 ? { completion: 0xc1 } : cmd === 0x48 ? ACTIVATED : { completion: 0, data: new Uint8Array(15) };

async function rig(
  t: TestContext,
  options: SmallBmcOptions,
  limits: IpmiLimits = QUICK,
): Promise<{ readonly bmc: SmallBmc; readonly driver: BmcDriver }> {
  const bmc = await startSmallBmc({ answer: activates, ...options });
  t.after(() => bmc[Symbol.asyncDispose]());
  const target = {
    type: 'ipmi',
    address: `127.0.0.1:${bmc.port}`,
    credential: USER,
    learned: { suite: '17' },
  } as const;
  const driver = await openIpmi(target, {}, limits);
  t.after(() => driver[Symbol.asyncDispose]());
  return { bmc, driver };
}

const push = (bmc: SmallBmc, packet: Partial<SolPacket>): void =>
  bmc.push(PAYLOAD.sol, encodeSol({ ...EMPTY, ...packet }));

function solOf(payload: Uint8Array): SolPacket {
  const decoded = decodeSol(payload);
  if (!decoded.ok) throw new Error(decoded.because);
  return decoded.value;
}

async function readAll(console: BmcConsole, length: number): Promise<string> {
  let got = '';
  for await (const bytes of console.output) {
    got += new TextDecoder().decode(bytes);
    if (got.length >= length) break;
  }
  return got;
}

test('what comes is acknowledged, comes out once though it came twice, and what grew meanwhile is not lost', async (t) => {
  const heard: SolPacket[] = [];
  const { bmc, driver } = await rig(t, { onPayload: (_type, payload) => void heard.push(solOf(payload)) });
  const console = await driver.console(signal());
  push(bmc, { sequence: 1, data: text('one ') });
  push(bmc, { sequence: 1, data: text('one ') });
  push(bmc, { sequence: 1, data: text('one two ') });
  push(bmc, { sequence: 2, data: text('three') });
  assert.equal(await readAll(console, 13), 'one two three');
  assert.deepEqual(
    heard.map(({ sequence, ack, accepted }) => [sequence, ack, accepted]),
    [
      [0, 1, 4],
      [0, 1, 4],
      [0, 1, 8],
      [0, 2, 5],
    ],
  );
  assert.equal(bmc.sessions.size, 0);
  assert.equal(bmc.seen.findLast(({ cmd }) => cmd === 0x49)?.cmd, 0x49);
});

test('a datagram that somebody recorded and sends again is not heard again', async (t) => {
  const recorded: Uint8Array[] = [];
  const { bmc, driver } = await rig(t, {
    leaving(datagram) {
      recorded.push(datagram.slice());
      return datagram;
    },
  });
  const console = await driver.console(signal());
  const first = recorded.length;
  push(bmc, { sequence: 1, data: text('a') });
  push(bmc, { sequence: 2, data: text('b') });
  const old = recorded[first];
  assert.ok(old);
  bmc.replay(old);
  push(bmc, { sequence: 3, data: text('c') });
  assert.equal(await readAll(console, 3), 'abc');
});

test('what is typed goes out in packets that fit, each again until it is acknowledged, and what is not taken goes next', async (t) => {
  const typed: [number, string][] = [];
  const { driver } = await rig(t, {
    onPayload(_type, payload, bmc) {
      const { sequence, data } = solOf(payload);
      typed.push([sequence, new TextDecoder().decode(data)]);
      // The first is lost; of the second, four characters are taken.
      if (typed.length === 1) return;
      const isPart = typed.length === 2;
      push(bmc, { ack: sequence, accepted: isPart ? 4 : data.length, flags: isPart ? SOL_STATUS.nack : 0 });
    },
  });
  await using console = await driver.console(signal());
  await console.write(text('abcdefghijklmnop'));
  assert.deepEqual(typed, [
    [1, 'abcdefghijkl'],
    [1, 'abcdefghijkl'],
    [2, 'efghijklmnop'],
  ]);
});

test('two who type at once do not mix', async (t) => {
  let got = '';
  const { driver } = await rig(t, {
    onPayload(_type, payload, bmc) {
      const { sequence, data } = solOf(payload);
      got += new TextDecoder().decode(data);
      push(bmc, { ack: sequence, accepted: data.length });
    },
  });
  await using console = await driver.console(signal());
  await Promise.all([console.write(text('a'.repeat(50))), console.write(text('b'.repeat(50)))]);
  assert.equal(got, 'a'.repeat(50) + 'b'.repeat(50));
});

test('a console that takes nothing is a timeout for who types', async (t) => {
  const mute = await rig(t, {});
  await using silent = await mute.driver.console(signal());
  await assert.rejects(silent.write(text('x')), code('timeout'));
});

test('the BMC ends it: what came before is read, then it is over', async (t) => {
  const { bmc, driver } = await rig(t, {});
  const console = await driver.console(signal());
  push(bmc, { sequence: 1, data: text('last words') });
  push(bmc, { flags: SOL_STATUS.deactivated });
  assert.equal(await readAll(console, Number.POSITIVE_INFINITY), 'last words');
  await assert.rejects(console.write(text('x')), code('refused'));
});

test('a session that is lost is told to who reads', async (t) => {
  const { bmc, driver } = await rig(t, {}, { ...QUICK, keepAliveMs: 50 });
  const console = await driver.console(signal());
  bmc.forgetSessions();
  await assert.rejects(readAll(console, 1), code('timeout'));
});

test('a console whose activation was answered and lost is ours if the BMC says so', async (t) => {
  let tries = 0;
  const { bmc, driver } = await rig(t, {
    answer(request) {
      if (request.cmd === 0x48) return tries++ === 0 ? 'silence' : { completion: 0x80 };
      // The first session that it gives is 0x1000.
      if (request.cmd === 0x4b) return { completion: 0, data: Uint8Array.of(0, 0x10, 0, 0, 0, 0) };
      return activates(request);
    },
  });
  const console = await driver.console(signal());
  push(bmc, { sequence: 1, data: text('here') });
  assert.equal(await readAll(console, 4), 'here');
});

for (const [completion, want] of [
  [0x80, 'busy'],
  [0x81, 'not-supported'],
  [0x82, 'busy'],
  [0x84, 'not-supported'],
  [0xc1, 'not-supported'],
] as const) {
  test(`completion code ${completion.toString(16)} of the activation is ${want}, and leaves no session`, async (t) => {
    const { bmc, driver } = await rig(t, { answer: () => ({ completion }) });
    await assert.rejects(driver.console(signal()), code(want));
    assert.equal(bmc.sessions.size, 0);
  });
}

test('a console that only administrators may open is opened as one', async (t) => {
  const { bmc, driver } = await rig(t, {
    answer: (request) =>
      bmc.seen.findLast(({ cmd }) => cmd === 0x3b)?.data[0] === 4 ? activates(request) : { completion: 0xd4 },
  });
  const console = await driver.console(signal());
  assert.equal(bmc.sessions.size, 1);
  await console[Symbol.asyncDispose]();
  assert.equal(bmc.sessions.size, 0);
});

test('the end of the driver is the end of its console', async (t) => {
  const { bmc, driver } = await rig(t, {});
  const console = await driver.console(signal());
  const reading = readAll(console, 1);
  await driver[Symbol.asyncDispose]();
  assert.equal(await reading, '');
  assert.equal(bmc.sessions.size, 0);
});
