import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { machineDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { BmcIdentity } from '#machines/contract/power.ts';
import { parseUuid } from '#machines/values/uuid.ts';
import { sure } from '#machines/values/parsed.ts';
import { openAsks } from '#services/bmc/asks.ts';
import { openBmcs } from '#services/bmc/bmcs.ts';
import { BmcError } from '#services/bmc/contract.ts';
import { openCredentials } from '#services/bmc/credentials.ts';
import { openOperations } from '#services/bmc/operations.ts';
import { openPoller } from '#services/bmc/poller.ts';
import { type MachineApiPower, openPower, type PowerRequest, type Refusal } from '#services/bmc/power.ts';
import { POWER_TIMES } from '#services/bmc/power-times.ts';
import type { BmcRecord, BmcStore } from '#services/store/contract.ts';
import { type FakeMachine, fakeMachine } from './fake-driver.ts';
import { virtualClock } from './virtual-clock.ts';

const UUID = '12345678-1234-5678-9abc-def012345678';
const MINUTE = 60_000;

function memoryBmcs(): BmcStore & { readonly kept: Map<string, BmcRecord> } {
  const kept = new Map<string, BmcRecord>();
  return {
    kept,
    all: async () => [...kept.values()],
    put: async (record) => void kept.set(record.address, record),
    remove: async (address) => kept.delete(address),
  };
}

async function world(
  options: { bmc?: object; identity?: BmcIdentity; machineApi?: MachineApiPower; verbs?: FakeMachine['verbs'] } = {},
) {
  const clock = virtualClock();
  const { bmc = { type: 'redfish', address: 'https://192.0.2.1' }, identity = { macs: [], uuid: UUID } } = options;
  const fake = fakeMachine({ clock, identity, ...(options.verbs ? { verbs: [...options.verbs] } : {}) });
  const machine: Machine = {
    document: machineDocument.parse({
      kind: 'Machine',
      name: 'r1-u1',
      macs: ['52:54:00:00:00:01'],
      ...(Object.keys(bmc).length > 0 ? { bmc } : {}),
    }),
    acceptance: 'accepted',
    service: 'none',
    locked: false,
    identifiers: { macs: [], uuids: [sure(parseUuid(UUID))], serials: [] },
    facts: {},
    rev: 1,
  };
  const machines = new Map([['r1-u1', machine]]);
  const store = memoryBmcs();
  const secrets = new Map<string, string>();
  const asks = openAsks({ clock, personMs: POWER_TIMES.personMs });
  const log = { info() {}, warn() {}, error() {} };
  const bmcs = await openBmcs({
    store,
    credentials: openCredentials({
      vault: {
        read: async (name) => secrets.get(name),
        write: async (name, text) => void secrets.set(name, text),
        remove: async (name) => secrets.delete(name),
        names: async () => [...secrets.keys()],
      },
      now: () => clock.now(),
    }),
    drivers: {
      redfish: () => fake.open(),
      ipmi: () => fake.open(),
      wol: () => fake.open(),
      webhook: () => fake.open(),
    },
    asks,
    clock,
    random: () => 0.5,
    log,
  });
  let held: Refusal | undefined;
  const power = openPower({
    bmcs,
    asks,
    machine: (name) => machines.get(name),
    held: () => held,
    ...(options.machineApi ? { machineApi: options.machineApi } : {}),
    clock,
    random: () => 0.5,
    log,
  });
  const { signal } = new AbortController();
  return {
    clock,
    fake,
    store,
    asks,
    bmcs,
    power,
    machines,
    machine,
    hold: (refusal: Refusal | undefined) => (held = refusal),
    act: (request: Partial<PowerRequest> & Pick<PowerRequest, 'action'>, say: (text: string) => void = () => {}) =>
      power.act({ machine: 'r1-u1', by: 'anna', ...request }, { say, signal }),
  };
}

describe('power of a machine', () => {
  it('is commanded once its BMC is proven to be its own, which is kept', async () => {
    const at = await world();
    assert.equal((await at.act({ action: 'on' })).kind, 'done');
    assert.equal(at.store.kept.get('https://192.0.2.1')?.proven?.by, `UUID ${UUID}`);
    await at.act({ action: 'off' });
    assert.equal(at.fake.asked.filter((one) => one === 'identity').length, 1);
  });

  it('is not commanded before, however often it is asked for', async () => {
    const at = await world({ identity: { macs: [] } });
    const result = await at.act({ action: 'on' });
    assert.ok(result.kind === 'failed' && result.code === 'not-proven');
    assert.match(result.next, /--unproven/);
    assert.deepEqual(at.fake.asked, ['identity']);
    assert.equal((await at.act({ action: 'on', unproven: true })).kind, 'done');
    await at.power.prove('r1-u1', 'a nonce that came back');
    assert.equal((await at.act({ action: 'off' })).kind, 'done');
  });

  it('is one action at a time', async () => {
    const at = await world();
    const first = at.act({ action: 'on' });
    const second = await at.act({ action: 'off' });
    assert.ok(second.kind === 'failed' && second.code === 'refused');
    assert.match(second.because, /power on, asked for by anna, is under way/);
    assert.equal((await first).kind, 'done');
  });

  it('is left alone where the table, a lock or a writing agent says so', async () => {
    const at = await world();
    at.hold({ because: 'its agent is writing nvme0n1', next: 'wait' });
    const off = await at.act({ action: 'off' });
    assert.ok(off.kind === 'failed' && /writing nvme0n1/.test(off.because));
    assert.equal((await at.act({ action: 'on' })).kind, 'done', 'turning on harms nothing');
    at.hold(undefined);
    at.machines.set('r1-u1', { ...at.machine, locked: true });
    const locked = await at.act({ action: 'cycle' });
    assert.ok(locked.kind === 'failed' && /locked/.test(locked.because), JSON.stringify(locked));
    assert.deepEqual(
      at.fake.asked.filter((one) => one === 'off' || one === 'soft'),
      [],
    );
  });

  it('is not cycled again by a program within a quarter of an hour, and is by a person', async () => {
    const at = await world();
    at.fake.set('on');
    assert.equal((await at.act({ action: 'cycle', automatic: true, by: 'job' })).kind, 'done');
    const again = await at.act({ action: 'cycle', automatic: true, by: 'job' });
    assert.ok(again.kind === 'failed' && /was rebooted/.test(again.because));
    assert.equal((await at.act({ action: 'cycle' })).kind, 'done');
    await at.clock.sleep(15 * MINUTE);
    assert.equal((await at.act({ action: 'cycle', automatic: true, by: 'job' })).kind, 'done');
  });

  it('without a BMC is a person’s to change: asked, answered, told', async () => {
    const at = await world({ bmc: {} });
    const acting = at.act({ action: 'on', boot: { device: 'network' } });
    while (at.asks.pending().length === 0) await new Promise(setImmediate);
    const [ask] = at.asks.pending();
    assert.deepEqual([ask?.wanted, ask?.boot?.device], ['on', 'network']);
    at.asks.answer('r1-u1', { did: true, by: 'bert' });
    const result = await acting;
    assert.ok(result.kind === 'done' && result.power === 'on', JSON.stringify(result));
    assert.deepEqual(at.asks.pending(), []);
  });

  it('without a BMC is restarted by one walk, and whoever watches reads what is waited for', async () => {
    const at = await world({ bmc: {} });
    const said: string[] = [];
    const acting = at.act({ action: 'cycle', boot: { device: 'network' } }, (text) => void said.push(text));
    while (at.asks.pending().length === 0) await new Promise(setImmediate);
    assert.equal(at.asks.pending()[0]?.wanted, 'reset');
    assert.equal(
      said.at(-1),
      'waits for a person: restart r1-u1, and let it boot from network; then: ingot power confirm r1-u1',
    );
    at.asks.answer('r1-u1', { did: true, by: 'bert' });
    assert.equal((await acting).kind, 'done');
    assert.deepEqual(at.asks.pending(), []);
  });

  it('says so when the person did not, or nobody answered', async () => {
    const at = await world({ bmc: {} });
    const acting = at.act({ action: 'on' });
    while (at.asks.pending().length === 0) await new Promise(setImmediate);
    at.asks.answer('r1-u1', { did: false, by: 'bert' });
    const refused = await acting;
    assert.ok(
      refused.kind === 'failed' && /bert says that it was not done/.test(refused.because),
      JSON.stringify(refused),
    );
    const silent = await at.act({ action: 'on' });
    assert.ok(silent.kind === 'failed' && /nobody answered within 60 min/.test(silent.because), JSON.stringify(silent));
  });

  it('that a BMC cannot change falls to the machine’s own system, then to a person', async () => {
    const called: string[] = [];
    const machineApi: MachineApiPower = {
      has: () => true,
      command: async (_machine, command) => {
        called.push(command);
        if (command === 'reset') throw new BmcError('refused', 'not now');
      },
    };
    const wol = { type: 'wol' };
    const at = await world({ bmc: wol, verbs: new Set(['on']), machineApi });
    assert.deepEqual(
      await at.power
        .means('r1-u1', new AbortController().signal)
        .then(({ on, off, soft, reset, inventory }) => ({ on, off, soft, reset, inventory })),
      {
        on: 'bmc',
        off: 'machine-api',
        soft: 'machine-api',
        reset: 'machine-api',
        inventory: 'nobody',
      },
    );
    const off = await at.act({ action: 'off' });
    assert.ok(off.kind === 'done' && !off.confirmed && /nothing here can tell/.test(off.text), JSON.stringify(off));
    const reset = await at.act({ action: 'reset' });
    assert.ok(reset.kind === 'failed' && reset.code === 'refused');
    assert.deepEqual(called, ['soft', 'reset']);
    const on = await at.act({ action: 'on' });
    assert.ok(on.kind === 'done' && !on.confirmed);
    assert.deepEqual(at.fake.asked, ['on']);
  });
});

describe('operations of power', () => {
  it('go on when nobody watches, and tell how they ended', async () => {
    const at = await world();
    await using operations = openOperations({ power: at.power, clock: at.clock, newId: () => 'one' });
    const started = operations.start({ machine: 'r1-u1', action: 'on', by: 'anna' });
    assert.ok('operation' in started);
    let seen = started.operation;
    while (seen.state === 'running') {
      const next = await operations.after('one', seen.seq, 25_000, new AbortController().signal);
      assert.ok(next);
      seen = next;
    }
    assert.deepEqual([seen.state, seen.power, seen.confirmed], ['done', 'on', true]);
    const refused = operations.start({ machine: 'nobody', action: 'on', by: 'anna' });
    assert.ok('refusal' in refused && /no machine nobody/.test(refused.refusal.because));
  });

  it('end with the daemon, and say so', async () => {
    const at = await world();
    at.fake.faults.hangs = true;
    const operations = openOperations({ power: at.power, clock: at.clock, newId: () => 'one' });
    operations.start({ machine: 'r1-u1', action: 'on', by: 'anna' });
    await operations[Symbol.asyncDispose]();
    assert.deepEqual(operations.get('one')?.code, 'cancelled');
  });
});

describe('polling', () => {
  it('reads each once a period, over one session, and tells what changed', async () => {
    const at = await world();
    const changes: string[] = [];
    const poller = openPoller({
      bmcs: at.bmcs,
      machines: () => [...at.machines.values()],
      clock: at.clock,
      onChange: (reading) => changes.push(reading.error?.code ?? reading.power),
    });
    const stop = new AbortController();
    const running = poller.run(stop.signal);
    await at.clock.sleep(5 * MINUTE);
    assert.equal(at.fake.asked.length, 10);
    assert.deepEqual(at.fake.sessions(), { opened: 1, closed: 0 });
    at.fake.set('on');
    await at.clock.sleep(MINUTE);
    at.fake.faults.failing = Array.from({ length: 100 }, () => 'unreachable' as const);
    await at.clock.sleep(10 * MINUTE);
    const asked = at.fake.asked.length;
    assert.ok(asked < 12 + 12, `a dead BMC was asked ${asked - 12} times in ten minutes`);
    assert.equal(poller.reading('r1-u1')?.power, 'unknown');
    at.fake.faults.failing = [];
    await at.clock.sleep(16 * MINUTE);
    assert.deepEqual(changes, ['off', 'on', 'unreachable', 'on']);
    at.machines.clear();
    await at.clock.sleep(MINUTE);
    const before = at.fake.asked.length;
    await at.clock.sleep(5 * MINUTE);
    stop.abort();
    await running;
    assert.equal(at.fake.asked.length, before, 'who is gone is not asked');
  });
});
