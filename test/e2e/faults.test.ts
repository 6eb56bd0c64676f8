import assert from 'node:assert/strict';
import { after, before, describe, it, test } from 'node:test';
import { VERDICT_CODES } from '#machines/contract/trace.ts';
import type { MachineSpec } from '#machines/rack/spec.ts';
import type { Daemon } from '#test/harness/daemon.ts';
import { type Verdicts, watchVerdicts } from '#test/harness/verdicts.ts';
import { need } from '#test/lab/need.ts';
import { FAULT_CASES, type TestMachine } from './faults/cases.ts';
import { openWorld, power, register, specOf } from './faults/world.ts';

/** TFTP alone tries for half a minute before it gives a client up. */
const VERDICT_LIMIT_MS = 60_000;

test('each fault that a verdict can name is made to happen', () => {
  // A token that two have needs an agent: test/server/machine/ makes it happen.
  const elsewhere: readonly string[] = ['in-progress', 'booted', 'token-abused'];
  const faults = VERDICT_CODES.filter((code) => !elsewhere.includes(code));
  assert.deepEqual(new Set(FAULT_CASES.map(({ code }) => code)), new Set(faults));
});

describe('faults that really happen', { concurrency: true }, () => {
  let daemon: Daemon;
  let verdicts: Verdicts;
  const stop = new AbortController();
  const running: Promise<unknown>[] = [];

  before(async () => {
    daemon = await openWorld();
    verdicts = await watchVerdicts(daemon);
  });
  after(async () => {
    stop.abort();
    await Promise.all(running);
    await verdicts[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  async function start(machine: TestMachine, number: number): Promise<MachineSpec> {
    const spec = specOf(machine, number);
    await register(daemon, spec, machine);
    running.push(power(daemon, spec, stop.signal));
    return spec;
  }

  it('a relay that never added option 82 is no fault', async (t) => {
    // Without it, answers go to the relay's port 67.
    if (!need(t, ['root'])) return;
    const machine = { firmware: 'bios', faults: ['plain-relay'], place: 'plain-relay', profile: 'live' } as const;
    const { mac } = await start(machine, 2 * FAULT_CASES.length + 1);
    await verdicts.until(mac, 'booted', VERDICT_LIMIT_MS);
    assert.deepEqual(verdicts.codes(mac), new Set(['in-progress', 'booted']));
  });

  for (const [index, { name, code, broken, twin, twinFirst }] of FAULT_CASES.entries()) {
    const numbers = { broken: 2 * index + 1, twin: 2 * index + 2 };
    const twinEnds = Promise.withResolvers<void>();

    it(`${name}: ${code}`, async () => {
      if (twinFirst) await twinEnds.promise;
      const { mac } = await start(broken, numbers.broken);
      const { verdict } = await verdicts.until(mac, code, VERDICT_LIMIT_MS);
      assert.notEqual(verdict.cause, '');
      assert.notEqual(verdict.next, '');
      const others = [...verdicts.codes(mac)].filter((one) => one !== code && one !== 'in-progress');
      assert.deepEqual(others, [], 'it had another verdict before');
    });

    it(`${name}: not where it ${twin.is}`, async () => {
      try {
        const { mac } = await start(twin, numbers.twin);
        await verdicts.until(mac, twin.ends, VERDICT_LIMIT_MS);
        const others = [...verdicts.codes(mac)].filter((one) => one !== twin.ends && one !== 'in-progress');
        assert.deepEqual(others, [], 'it had another verdict before');
      } finally {
        twinEnds.resolve();
      }
    });
  }
});
