import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inventory } from '#machines/contract/inventory.ts';
import { BMC_VERBS, type BmcVerb, POWER_STATES } from '#machines/contract/power.ts';
import { type BmcDriver, BmcError } from '#services/bmc/contract.ts';

/** A driver, and the machine behind it as it truly is. */
export type ConformanceRig = AsyncDisposable & {
  open(): Promise<BmcDriver>;
  readonly machine: {
    /** Settled: whatever was under way is over. */
    power(): Promise<'on' | 'off'>;
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
const within = (): AbortSignal => AbortSignal.timeout(WITHIN_MS);

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

    test('rejects the verbs that it has not as not-supported, and asks nobody', [], async ({ machine }, driver) => {
      const before = machine.requests?.();
      for (const verb of BMC_VERBS.filter((one) => !has(one))) {
        const isIt = (error: unknown): boolean => error instanceof BmcError && error.code === 'not-supported';
        await assert.rejects(verbOf(driver)[verb](within()), isIt, verb);
      }
      assert.equal(machine.requests?.(), before);
    });

    test('does nothing for a signal that has aborted', [], async ({ machine }, driver) => {
      const reason = new Error('nobody wants it any more');
      for (const verb of traits.verbs) {
        const ask = verbOf(driver)[verb];
        const refused = await ask(AbortSignal.abort(reason)).then(
          () => undefined,
          (error: unknown) => error,
        );
        assert.ok(refused === reason || refused instanceof BmcError, `${verb}: ${String(refused)}`);
      }
      assert.equal(await machine.power(), 'off');
      assert.deepEqual(machine.boots(), []);
    });

    test('turns on, and to turn on what is on is success', ['on'], async ({ machine }, driver) => {
      await driver.power('on', within());
      assert.equal(await machine.power(), 'on');
      await driver.power('on', within());
      assert.equal(await machine.power(), 'on');
      if (traits.stateless !== true) assert.equal(machine.boots().length, 1, 'it was not restarted');
    });

    test('turns off by force, and to turn off what is off is success', ['on', 'off'], async ({ machine }, driver) => {
      await driver.power('off', within());
      await driver.power('on', within());
      assert.equal(await machine.power(), 'on');
      await driver.power('off', within());
      assert.equal(await machine.power(), 'off');
    });

    test('asks a system to shut down', ['on', 'soft'], async ({ machine }, driver) => {
      await driver.power('on', within());
      assert.equal(await machine.power(), 'on');
      await driver.power('soft', within());
      assert.equal(await machine.power(), 'off');
    });

    test('resets what is on', ['on', 'reset'], async ({ machine }, driver) => {
      await driver.power('on', within());
      await machine.power();
      await driver.power('reset', within());
      assert.equal(await machine.power(), 'on');
      assert.equal(machine.boots().length, 2);
    });

    test('does not turn on by a reset', ['status', 'reset'], async ({ machine }, driver) => {
      if (traits.stateless === true) return;
      await assert.rejects(
        driver.power('reset', within()),
        (error: unknown) => error instanceof BmcError && error.code === 'state',
      );
      assert.equal(await machine.power(), 'off');
    });

    test('tells the power as it is', ['status', 'on'], async ({ machine }, driver) => {
      assert.ok(POWER_STATES.includes((await driver.status(within())).power));
      await driver.power('on', within());
      await machine.power();
      assert.equal((await driver.status(within())).power, 'on');
    });

    test(
      'boots once from where it is told, and then as ever',
      ['on', 'off', 'boot-once'],
      async ({ machine }, driver) => {
        await driver.bootOnce({ device: 'network' }, within());
        await driver.power('on', within());
        await machine.power();
        await driver.power('off', within());
        await machine.power();
        await driver.power('on', within());
        await machine.power();
        assert.deepEqual(machine.boots(), ['network', 'own']);
      },
    );

    test('forgets the next boot when it is told so', ['on', 'boot-once'], async ({ machine }, driver) => {
      await driver.bootOnce({ device: 'network' }, within());
      await driver.bootOnce({ device: 'none' }, within());
      await driver.power('on', within());
      await machine.power();
      assert.deepEqual(machine.boots(), ['own']);
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
