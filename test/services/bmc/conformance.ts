import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inventory } from '#machines/contract/inventory.ts';
import { BMC_VERBS, type BmcVerb, POWER_STATES } from '#machines/contract/power.ts';
import { type BmcDriver, BmcError } from '#services/bmc/contract.ts';

/** A driver, and the machine behind it as it truly is. */
export type ConformanceRig = AsyncDisposable & {
  open(): Promise<BmcDriver>;
  readonly machine: {
    /** Truly, whatever the BMC says. */
    power(): 'on' | 'off';
    /** What each boot attempt was told to boot, `own` where nothing. */
    boots(): readonly string[];
    /** Requests that reached it, where they can be counted. */
    requests?(): number;
  };
};

export type ConformanceTraits = {
  readonly verbs: readonly BmcVerb[];
  /** What it is told about power takes no effect that could be seen, such as Wake-on-LAN's. */
  readonly blind?: boolean;
  /** Does not know a state itself, and so asks again for what is there already. */
  readonly stateless?: boolean;
};

const WITHIN_MS = 20_000;
const LOOK_MS = 2;
const within = (): AbortSignal => AbortSignal.timeout(WITHIN_MS);

/** What was asked for takes its time. */
async function becomes({ machine }: ConformanceRig, wanted: 'on' | 'off'): Promise<void> {
  const until = within();
  while (machine.power() !== wanted && !until.aborted) await sleep(LOOK_MS);
  assert.equal(machine.power(), wanted);
}

/** A boot begins a moment after the power is there. */
async function boots({ machine }: ConformanceRig, wanted: readonly string[]): Promise<void> {
  const until = within();
  while (machine.boots().length < wanted.length && !until.aborted) await sleep(LOOK_MS);
  assert.deepEqual(machine.boots(), wanted);
}

/** What every driver of BMCs keeps to, whatever protocol it speaks: services/bmc/contract.ts, verb by verb. */
export function bmcConformance(name: string, traits: ConformanceTraits, rig: () => Promise<ConformanceRig>): void {
  const has = (verb: BmcVerb): boolean => traits.verbs.includes(verb);
  const verbOf = (driver: BmcDriver): Readonly<Record<BmcVerb, (signal: AbortSignal) => Promise<unknown>>> => ({
    status: (signal) => driver.status(signal),
    on: (signal) => driver.power('on', signal),
    off: (signal) => driver.power('off', signal),
    soft: (signal) => driver.power('soft', signal),
    reset: (signal) => driver.power('reset', signal),
    'boot-once': (signal) => driver.bootOnce({ device: 'network' }, signal),
    identify: (signal) => driver.identify(1, signal),
    inventory: (signal) => driver.inventory(signal),
    events: (signal) => driver.events(signal),
    console: (signal) => driver.console(signal),
  });

  describe(`${name} as a driver of BMCs`, () => {
    const test = (
      title: string,
      needs: readonly BmcVerb[],
      body: (rig: ConformanceRig, driver: BmcDriver) => Promise<void>,
    ): void => {
      if (!needs.every(has)) return;
      it(title, async () => {
        await using at = await rig();
        await using driver = await at.open();
        await body(at, driver);
      });
    };

    test('declares the verbs that it has', [], async (_at, driver) => {
      assert.deepEqual([...driver.verbs].toSorted(), traits.verbs.toSorted());
    });

    test('rejects the verbs that it has not as not-supported, and asks nobody', [], async (at, driver) => {
      const before = at.machine.requests?.();
      for (const verb of BMC_VERBS.filter((one) => !has(one))) {
        const isIt = (error: unknown): boolean => error instanceof BmcError && error.code === 'not-supported';
        await assert.rejects(verbOf(driver)[verb](within()), isIt, verb);
      }
      assert.equal(at.machine.requests?.(), before);
    });

    test('does nothing for a signal that has aborted', [], async (at, driver) => {
      const reason = new Error('nobody wants it any more');
      for (const verb of traits.verbs) {
        const ask = verbOf(driver)[verb];
        const refused = await ask(AbortSignal.abort(reason)).then(
          () => undefined,
          (error: unknown) => error,
        );
        assert.ok(refused === reason || refused instanceof BmcError, `${verb}: ${String(refused)}`);
      }
      await becomes(at, 'off');
      await boots(at, []);
    });

    test('turns on, and to turn on what is on is success', ['on'], async (at, driver) => {
      await driver.power('on', within());
      await becomes(at, 'on');
      await driver.power('on', within());
      await becomes(at, 'on');
      if (traits.stateless !== true) assert.equal(at.machine.boots().length, 1, 'it was not restarted');
    });

    test('turns off by force, and to turn off what is off is success', ['on', 'off'], async (at, driver) => {
      await driver.power('off', within());
      await driver.power('on', within());
      await becomes(at, 'on');
      await driver.power('off', within());
      await becomes(at, 'off');
    });

    test('asks a system to shut down', ['on', 'soft'], async (at, driver) => {
      await driver.power('on', within());
      await becomes(at, 'on');
      await driver.power('soft', within());
      await becomes(at, 'off');
    });

    test('resets what is on', ['on', 'reset'], async (at, driver) => {
      await driver.power('on', within());
      await becomes(at, 'on');
      await driver.power('reset', within());
      await becomes(at, 'on');
      await boots(at, ['own', 'own']);
    });

    test('does not turn on by a reset', ['status', 'reset'], async (at, driver) => {
      if (traits.stateless === true) return;
      await assert.rejects(
        driver.power('reset', within()),
        (error: unknown) => error instanceof BmcError && error.code === 'state',
      );
      await becomes(at, 'off');
    });

    test('tells the power as it is', ['status', 'on'], async (at, driver) => {
      assert.ok(POWER_STATES.includes((await driver.status(within())).power));
      await driver.power('on', within());
      await becomes(at, 'on');
      assert.equal((await driver.status(within())).power, 'on');
    });

    test('boots once from where it is told, and then as ever', ['on', 'off', 'boot-once'], async (at, driver) => {
      await driver.bootOnce({ device: 'network' }, within());
      await driver.power('on', within());
      await becomes(at, 'on');
      await driver.power('off', within());
      await becomes(at, 'off');
      await driver.power('on', within());
      await becomes(at, 'on');
      await boots(at, ['network', 'own']);
    });

    test('forgets the next boot when it is told so', ['on', 'boot-once'], async (at, driver) => {
      await driver.bootOnce({ device: 'network' }, within());
      await driver.bootOnce({ device: 'none' }, within());
      await driver.power('on', within());
      await becomes(at, 'on');
      await boots(at, ['own']);
    });

    test('turns its light on and off', ['identify'], async (_at, driver) => {
      await driver.identify(60, within());
      await driver.identify(0, within());
    });

    test('says who it is and what its machine is made of', ['inventory'], async (_at, driver) => {
      const identity = await driver.identity(within());
      const found = inventory.parse(await driver.inventory(within()));
      assert.equal(found.source, 'bmc');
      assert.ok(Array.isArray(identity.macs));
      assert.ok(identity.uuid !== undefined || identity.serial !== undefined, 'something to be proven by');
    });

    test('tells its events, each with a severity', ['events'], async (_at, driver) => {
      for (const event of await driver.events(within())) {
        assert.match(event.severity, /^(ok|warning|critical)$/);
        assert.equal(typeof event.text, 'string');
      }
    });

    test('ends a console when its reader has had enough', ['console'], async (_at, driver) => {
      const stop = new AbortController();
      await using line = await driver.console(AbortSignal.any([stop.signal, within()]));
      const reading = (async () => {
        for await (const bytes of line.output) assert.ok(bytes instanceof Uint8Array);
      })();
      await line.write(Buffer.from('\r'));
      stop.abort();
      await reading.catch((error: unknown) => assert.equal(error, stop.signal.reason));
    });

    test('may be disposed of twice', [], async (_at, driver) => {
      await driver[Symbol.asyncDispose]();
      await driver[Symbol.asyncDispose]();
    });
  });
}
