import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { carryOut, type PowerOrder, type PowerResult } from '#services/bmc/carry-out.ts';
import { openConnection } from '#services/bmc/connection.ts';
import { POWER_TIMES } from '#services/bmc/power-times.ts';
import { openTurns } from '#services/bmc/turns.ts';
import { type FakeMachine, fakeMachine } from './fake-driver.ts';
import { virtualClock } from './virtual-clock.ts';

function world(options: Partial<Parameters<typeof fakeMachine>[0]> = {}) {
  const clock = virtualClock();
  const machine = fakeMachine({ clock, ...options });
  const bmc = openConnection({
    address: '192.0.2.1',
    open: () => machine.open(),
    everywhere: openTurns(8),
    clock,
    random: () => 0.5,
  });
  const said: string[] = [];
  const order = (action: PowerOrder['action'], more: Partial<PowerOrder> = {}): Promise<PowerResult> =>
    carryOut(
      { machine: 'r1-u1', action, ...more },
      {
        bmc,
        verbs: machine.verbs,
        clock,
        random: () => 0.5,
        times: POWER_TIMES,
        say: (text) => said.push(text),
        signal: new AbortController().signal,
      },
    );
  return { clock, machine, bmc, said, order };
}

const commands = ({ asked }: FakeMachine): readonly string[] => asked.filter((one) => one !== 'status');

function isDone(result: PowerResult): Extract<PowerResult, { kind: 'done' }> {
  assert.equal(result.kind, 'done', JSON.stringify(result));
  if (result.kind !== 'done') throw new Error('not done');
  return result;
}
function isFailed(result: PowerResult, code: string): string {
  if (result.kind !== 'failed') throw new assert.AssertionError({ message: JSON.stringify(result) });
  assert.equal(result.code, code, JSON.stringify(result));
  assert.notEqual(result.next, '');
  return result.because;
}

describe('a power action', () => {
  it('on: sets the boot right before, and is done when the BMC says on', async () => {
    const { machine, order } = world();
    assert.deepEqual(await order('on', { boot: { device: 'network' } }), {
      kind: 'done',
      power: 'on',
      confirmed: true,
      text: 'on',
    });
    assert.deepEqual(commands(machine), ['boot network', 'on']);
    assert.deepEqual(machine.boots, ['network']);
  });

  it('on: leaves a machine that is on alone, and refuses to boot it from elsewhere', async () => {
    const { machine, order } = world();
    machine.set('on');
    assert.equal(isDone(await order('on')).text, 'it was on');
    assert.match(isFailed(await order('on', { boot: { device: 'network' } }), 'state'), /would not boot network/);
    assert.deepEqual(commands(machine), []);
  });

  it('on: reads the power before it gives the command again after a lost answer', async () => {
    const { machine, order } = world();
    machine.faults.answersLost = 1;
    isDone(await order('on'));
    assert.deepEqual(commands(machine), ['on'], 'it was on by then: one command is enough');
  });

  it('on: gives the command again, boot setting first, when the BMC was busy and is still off', async () => {
    const { machine, order } = world();
    // Status; boot; the command itself.
    machine.faults.failing = [undefined, undefined, 'busy'];
    isDone(await order('on', { boot: { device: 'network' } }));
    assert.deepEqual(commands(machine), ['boot network', 'on', 'boot network', 'on']);
    assert.deepEqual(machine.boots, ['network']);
  });

  it('on: says so when the BMC says yes and nothing happens, after three commands at most', async () => {
    const { machine, order, clock } = world();
    machine.faults.ignoresPower = true;
    assert.match(isFailed(await order('on'), 'no-effect'), /took power on and still says off/);
    assert.deepEqual(commands(machine), ['on', 'on', 'on']);
    assert.ok(clock.slept() < 5 * 60_000, `${clock.slept()} ms`);
  });

  it('on: does not press again while it is powering on for ever', async () => {
    const { machine, order } = world();
    machine.faults.stuckPoweringOn = true;
    assert.match(isFailed(await order('on'), 'no-effect'), /powering-on/);
    assert.deepEqual(commands(machine), ['on']);
  });

  it('on: without a way to read power it is sent, and says that nothing proves it', async () => {
    const { machine, order } = world({ verbs: ['on'] });
    const result = isDone(await order('on'));
    assert.equal(result.confirmed, false);
    assert.deepEqual(machine.asked, ['on']);
  });

  it('on: refuses to boot from the network where the BMC cannot choose, and leaves it off', async () => {
    const { machine, order } = world({ verbs: ['status', 'on', 'off'] });
    isFailed(await order('on', { boot: { device: 'network' } }), 'not-supported');
    assert.equal(machine.power(), 'off');
  });

  it('off: asks the system first, and takes the power away only when that did not help', async () => {
    const { machine, order } = world();
    machine.set('on');
    assert.equal(isDone(await order('off')).text, 'shut down by itself');
    assert.deepEqual(commands(machine), ['soft']);
    machine.set('on');
    machine.faults.ignoresSoft = true;
    assert.equal(isDone(await order('off')).power, 'off');
    assert.deepEqual(commands(machine), ['soft', 'soft', 'off']);
  });

  it('soft: never takes the power away', async () => {
    const { machine, order } = world();
    machine.set('on');
    machine.faults.ignoresSoft = true;
    isFailed(await order('soft'), 'no-effect');
    assert.equal(machine.power(), 'on');
  });

  it('force-off: does not ask', async () => {
    const { machine, order } = world();
    machine.set('on');
    isDone(await order('force-off'));
    assert.deepEqual(commands(machine), ['off']);
  });

  it('cycle: is off, proven off, and on, with the boot set between them', async () => {
    const { machine, order, said } = world();
    machine.set('on');
    assert.equal(isDone(await order('cycle', { boot: { device: 'network' } })).text, 'off, then on');
    assert.deepEqual(commands(machine), ['soft', 'boot network', 'on']);
    assert.deepEqual(machine.boots, ['network']);
    assert.deepEqual(said, ['asks the system to shut down', 'next boot: network', 'power on']);
  });

  it('cycle: does not turn on what could not be turned off', async () => {
    const { machine, order } = world();
    machine.set('on');
    machine.faults.ignoresPower = true;
    isFailed(await order('cycle'), 'no-effect');
    assert.ok(!machine.asked.includes('on'));
  });

  it('reset: is given once, whatever the answer', async () => {
    const { machine, order } = world();
    machine.set('on');
    machine.faults.answersLost = 1;
    assert.match(isFailed(await order('reset'), 'timeout'), /is not known/);
    assert.deepEqual(commands(machine), ['reset']);
    assert.equal(isDone(await order('reset')).confirmed, false);
    machine.set('off');
    isFailed(await order('reset'), 'state');
  });

  it('stops at the first refusal of its credential', async () => {
    const { machine, order, bmc } = world();
    machine.faults.failing = ['credential'];
    isFailed(await order('on'), 'credential');
    assert.deepEqual(machine.asked, ['status']);
    machine.faults.failing = ['credential'];
    isFailed(await order('on'), 'credential');
    // And after two it is not even asked, until somebody gives it another one.
    assert.match(isFailed(await order('on'), 'credential'), /may lock the account/);
    assert.equal(machine.asked.length, 2);
    await bmc.renew();
    isDone(await order('on'));
  });

  for (const code of ['unreachable', 'timeout', 'sessions', 'malformed', 'certificate', 'privilege'] as const) {
    it(`comes to a stated result inside its deadline when every request ends in ${code}`, async () => {
      const { machine, order, clock } = world();
      machine.faults.failing = Array.from({ length: 1000 }, () => code);
      isFailed(await order('cycle'), code);
      assert.ok(clock.slept() <= 3 * 60_000, `${clock.slept()} ms`);
    });
  }

  it('comes to a stated result when the BMC hangs and its driver does not heed the deadline', async () => {
    const { machine, order, clock } = world();
    machine.faults.hangs = true;
    isFailed(await order('on'), 'timeout');
    assert.ok(clock.slept() <= 3 * 60_000, `${clock.slept()} ms`);
  });

  it('comes to a stated result when the BMC dies in the middle', async () => {
    const { machine, order } = world();
    machine.faults.failing = [undefined, undefined, ...Array.from({ length: 1000 }, () => 'unreachable' as const)];
    assert.match(isFailed(await order('on'), 'unreachable'), /what came of it cannot be read/);
    assert.deepEqual(commands(machine), ['on']);
  });

  it('never has two requests in flight', async () => {
    const { machine, order } = world();
    await Promise.all([order('on'), order('on'), order('off'), order('cycle')]);
    assert.equal(machine.most(), 1);
    assert.equal(machine.sessions().opened, 1);
  });
});
