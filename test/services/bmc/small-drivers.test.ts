import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { BMC_VERBS } from '#machines/contract/power.ts';
import { openAsks } from '#services/bmc/asks.ts';
import { systemClock } from '#services/bmc/clock.ts';
import { BmcError, type BmcErrorCode } from '#services/bmc/contract.ts';
import { openManual } from '#services/bmc/manual.ts';
import { openWebhook, WEBHOOK_VERBS } from '#services/bmc/webhook.ts';
import { openWol } from '#services/bmc/wol.ts';
import { bmcConformance } from './conformance.ts';
import { fakeMachine } from './fake-driver.ts';
import { webhookReceiver } from './webhook-receiver.ts';

const MAC = '52:54:00:00:00:01';
const KEY = 'a key of the operator';
const within = (): AbortSignal => AbortSignal.timeout(10_000);
const withCode = (code: BmcErrorCode) => (error: unknown) => error instanceof BmcError && error.code === code;

/** A NIC that listens for its packet. */
async function sleeper() {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const packets: Buffer[] = [];
  const woken = Promise.withResolvers<Buffer>();
  socket.on('message', (packet) => {
    packets.push(packet);
    woken.resolve(packet);
  });
  return {
    packets,
    woken: woken.promise,
    open: () => openWol({ address: MAC }, () => [{ address: '127.0.0.1', port: socket.address().port }]),
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, 'close');
    },
  };
}

bmcConformance('Wake-on-LAN', { verbs: ['on'], stateless: true }, async () => {
  const at = await sleeper();
  return {
    open: () => at.open(),
    machine: {
      power: () => (at.packets.length > 0 ? 'on' : 'off'),
      boots: () => [],
      requests: () => at.packets.length,
    },
    [Symbol.asyncDispose]: () => at[Symbol.asyncDispose](),
  };
});

bmcConformance('a webhook', { verbs: WEBHOOK_VERBS }, async () => {
  const receiver = await webhookReceiver({ key: KEY });
  return {
    open: () =>
      openWebhook({ address: receiver.address, credential: { username: '', password: KEY }, verbs: WEBHOOK_VERBS }),
    machine: {
      power: () => receiver.power(),
      boots: () => receiver.boots,
      requests: () => receiver.orders.length,
    },
    [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose](),
  };
});

bmcConformance('a person', { verbs: ['status', 'on', 'off', 'reset', 'boot-once'], stateless: true }, async () => {
  const asks = openAsks({ clock: systemClock, personMs: 60_000 });
  let power: 'on' | 'off' = 'off';
  const boots: string[] = [];
  let asked = 0;
  // Somebody who does at once what they are asked to.
  const timer = setInterval(() => {
    for (const { wanted, boot, machine } of asks.pending()) {
      asked += 1;
      if (wanted !== 'off') boots.push(boot?.device ?? 'own');
      power = wanted === 'off' ? 'off' : 'on';
      asks.answer(machine, { did: true, by: 'bert' });
    }
  }, 1);
  return {
    open: async () => openManual({ machine: 'old', asks, now: Date.now }),
    machine: { power: () => power, boots: () => boots, requests: () => asked },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
    },
  };
});

bmcConformance('the fake of the tests', { verbs: BMC_VERBS }, async () => {
  const fake = fakeMachine({ clock: systemClock, takesMs: 1, identity: { macs: [], serial: 'S1' } });
  return {
    open: () => fake.open(),
    machine: {
      power: () => (fake.power() === 'on' ? 'on' : 'off'),
      boots: () => fake.boots,
    },
    async [Symbol.asyncDispose]() {},
  };
});

describe('Wake-on-LAN', () => {
  it('sends six times FF and the address sixteen times', async () => {
    await using at = await sleeper();
    await using driver = await at.open();
    await driver.power('on', within());
    const packet = await at.woken;
    assert.equal(packet.toString('hex'), 'ff'.repeat(6) + '525400000001'.repeat(16));
  });

  it('refuses what is no MAC', async () => {
    await assert.rejects(openWol({ address: 'r1-u1' }), withCode('refused'));
  });
});

describe('a webhook', () => {
  const opened = (address: string, password = KEY) =>
    openWebhook({ address, credential: { username: '', password }, machine: 'r1-u1', verbs: ['status', 'on'] });

  it('names the machine, signs, and sends nothing twice with one signature', async () => {
    await using receiver = await webhookReceiver({ key: KEY });
    await using driver = await opened(receiver.address);
    await driver.power('on', within());
    await driver.power('on', within());
    assert.deepEqual(receiver.orders, [
      { verb: 'on', machine: 'r1-u1' },
      { verb: 'on', machine: 'r1-u1' },
    ]);
  });

  it('with the wrong key, or an old clock, has a refused credential', async () => {
    await using receiver = await webhookReceiver({ key: KEY });
    await using wrong = await opened(receiver.address, 'another');
    await assert.rejects(wrong.status(within()), withCode('credential'));
    const old = await openWebhook({ address: receiver.address, credential: { username: '', password: KEY } }, () => 0);
    await assert.rejects(old.status(within()), withCode('credential'));
    assert.deepEqual(receiver.orders, []);
  });

  const refusals: readonly (readonly [status: number, code: BmcErrorCode])[] = [
    [403, 'credential'],
    [404, 'not-supported'],
    [409, 'state'],
    [429, 'busy'],
    [500, 'refused'],
    [503, 'busy'],
  ];
  for (const [status, code] of refusals) {
    it(`takes ${status} for ${code}`, async () => {
      await using receiver = await webhookReceiver({ key: KEY });
      await using driver = await opened(receiver.address);
      receiver.fail({ status, headers: { 'retry-after': '7' } });
      const error: unknown = await driver.power('on', within()).catch((cause: unknown) => cause);
      assert.ok(error instanceof BmcError && error.code === code, String(error));
      assert.equal(error.retryAfterMs, 7000);
    });
  }

  it('does not follow elsewhere, and takes no nonsense', async () => {
    await using receiver = await webhookReceiver({ key: KEY });
    await using elsewhere = await webhookReceiver({ key: KEY });
    await using driver = await opened(receiver.address);
    receiver.fail({ status: 307, headers: { location: elsewhere.address } });
    await assert.rejects(driver.power('on', within()), withCode('unreachable'));
    assert.deepEqual(elsewhere.orders, []);
    for (const body of ['{', '{"power":"maybe"}', '[]', 'x'.repeat(100_000)]) {
      receiver.fail({ status: 200, body });
      await assert.rejects(driver.status(within()), withCode('malformed'), body.slice(0, 20));
    }
    receiver.fail({ status: 200, body: '' });
    assert.deepEqual(await driver.status(within()), { power: 'unknown' });
  });

  it('that nobody answers is unreachable', async () => {
    const receiver = await webhookReceiver({ key: KEY });
    await receiver[Symbol.asyncDispose]();
    await using driver = await opened(receiver.address);
    await assert.rejects(driver.status(within()), withCode('unreachable'));
  });
});
