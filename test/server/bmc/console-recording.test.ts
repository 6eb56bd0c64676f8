import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { profileDocument } from '#machines/contract/documents.ts';
import type { Attempt, TraceBody } from '#machines/contract/trace.ts';
import { consoleRecording } from '#server/bmc/console-recording.ts';
import type { MachineBmc } from '#services/bmc/bmcs.ts';
import { openConsoles } from '#services/bmc/consoles.ts';
import { BmcError } from '#services/bmc/contract.ts';
import { attemptOf } from '#test/server/api/memory-recorder.ts';
import { openSerialLine } from '#test/services/bmc/serial-line.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';
import { virtualClock } from '#test/services/bmc/virtual-clock.ts';

const BMC: MachineBmc = { machine: 'a', type: 'ipmi', address: '192.0.2.1', credential: 'rack1' };
const NEVER = new AbortController().signal;

/** A machine whose console a test speaks for, and the traces that are written of it. */
function world(document: object = { recordConsole: true }) {
  const line = openSerialLine();
  const consoles = openConsoles({ bmcs: { openSerial: async () => line.driver() }, newId: () => crypto.randomUUID() });
  const listeners = new Set<(attempt: Attempt, event: undefined) => void>();
  const written: { readonly attempt: string | undefined; readonly text: string }[] = [];
  const machine = sampleMachine({ name: 'a', ...document });
  const recording = consoleRecording({
    recorder: {
      record({ attempt }, body: TraceBody) {
        if (body.kind === 'log' && body.source === 'console') written.push({ attempt, text: body.text });
        return attempt;
      },
      watch(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
    registry: {
      machine: (name) => (name === 'a' ? machine : undefined),
      profile: (name) =>
        name === 'loud' ? profileDocument.parse({ kind: 'Profile', name, os: 'disk', recordConsole: true }) : undefined,
    },
    consoles,
    bmcOf: () => BMC,
    clock: virtualClock(),
    limits: { bytes: 1000, lines: 5 },
    log: { info() {}, error() {} },
  });
  const stop = new AbortController();
  const running = recording.run(stop.signal);
  return {
    line,
    consoles,
    written,
    attempt(id: string, more: Partial<Attempt> = {}): void {
      for (const listener of listeners) listener(attemptOf('a', { id, ...more }), undefined);
    },
    /** So many lines are in the traces. */
    async lines(count: number): Promise<readonly string[]> {
      while (written.length < count) await new Promise(setImmediate);
      return written.map(({ attempt, text }) => `${attempt ?? ''}: ${text}`);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      assert.equal(line.open(), 0, 'no console is left open');
    },
  };
}

describe('the console of a boot attempt', () => {
  it('is in its trace, from its beginning to its end, and goes on into the next one', async () => {
    await using at = world();
    at.attempt('one');
    await at.line.opened(1);
    at.line.says('System BIOS\r\nPXE-E53\r\n');
    assert.deepEqual(await at.lines(2), ['one: System BIOS', 'one: PXE-E53']);
    at.attempt('two', { startedAt: 1_700_000_100_000 });
    at.line.says('System BIOS\r\n');
    assert.deepEqual((await at.lines(3)).slice(2), ['two: System BIOS']);
    // Of the one before, a download may still end.
    at.attempt('one');
    at.line.says('iPXE\r\n');
    assert.deepEqual((await at.lines(4)).slice(3), ['two: iPXE']);
    at.attempt('two', { startedAt: 1_700_000_100_000, endedAt: 1_700_000_200_000 });
    await at.line.closed();
    at.attempt('two', { startedAt: 1_700_000_100_000 });
    assert.equal(at.line.count(), 1, 'what is over is not begun again');
  });

  it('is not asked for where nobody wants it; a profile may want it for its machines', async () => {
    await using quiet = world({});
    quiet.attempt('one');
    await using loud = world({ profile: 'loud' });
    loud.attempt('one');
    await loud.line.opened(1);
    assert.equal(quiet.line.count(), 0);
    await using against = world({ profile: 'loud', recordConsole: false });
    against.attempt('one');
    assert.equal(against.line.count(), 0, 'the machine’s own word counts');
  });

  it('gives way to a person at once, and says so; and takes the console from nobody', async () => {
    await using at = world();
    at.attempt('one');
    await at.line.opened(1);
    {
      await using person = await at.consoles.open(BMC, 'alice', NEVER);
      assert.ok(at.consoles.get(person.id));
      assert.equal(at.line.open(), 1, 'never two at once');
      assert.deepEqual(await at.lines(1), ['one: the recording ends here: alice opened the console']);
      at.attempt('two', { startedAt: 1_700_000_100_000 });
      assert.match((await at.lines(2))[1] ?? '', /two: the console is not recorded: alice has the console of a open/);
      await assert.rejects(at.consoles.open(BMC, 'bob', NEVER), /alice has the console/);
    }
    at.attempt('three', { startedAt: 1_700_000_200_000 });
    await at.line.opened(3);
  });

  it('gives way while it is still being opened', async () => {
    await using at = world();
    at.line.hold();
    at.attempt('one');
    await at.line.asked(1);
    await using _person = await at.consoles.open(BMC, 'alice', NEVER);
    assert.equal(at.line.open(), 1);
  });

  it('keeps so much of one attempt and no more, and says so once', async () => {
    await using at = world();
    at.attempt('one');
    await at.line.opened(1);
    at.line.says(Array.from({ length: 50 }, (_, n) => `line ${n}\n`).join(''));
    const found = await at.lines(6);
    assert.deepEqual(found.at(-1), 'one: no more of the console is kept of this attempt: it has 1 KiB or 5 lines');
    at.attempt('two', { startedAt: 1_700_000_100_000 });
    at.line.says('again\n');
    assert.deepEqual((await at.lines(7)).slice(6), ['two: again']);
  });

  it('is opened anew where the BMC drops it, and told where it cannot be had', async () => {
    await using at = world();
    at.attempt('one');
    await at.line.opened(1);
    at.line.says('before\n');
    at.line.drops();
    await at.line.opened(2);
    at.line.says('after\n');
    assert.deepEqual(await at.lines(2), ['one: before', 'one: after']);
    await using none = world();
    none.line.fails(new BmcError('not-supported', 'its serial over LAN is disabled'));
    none.attempt('one');
    assert.deepEqual(await none.lines(1), ['one: the console is not recorded: its serial over LAN is disabled']);
  });
});
