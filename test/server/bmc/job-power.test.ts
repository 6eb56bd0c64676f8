import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job } from '#machines/contract/job.ts';
import { heldByJobs } from '#server/bmc/held-by-jobs.ts';
import { jobPower } from '#server/bmc/job-power.ts';
import { openAsks } from '#services/bmc/asks.ts';
import type { PowerResult } from '#services/bmc/carry-out.ts';
import { BmcError } from '#services/bmc/contract.ts';
import type { Power } from '#services/bmc/power.ts';
import { virtualClock } from '#test/services/bmc/virtual-clock.ts';

const NEVER = new AbortController().signal;
const MINUTE = 60_000;
const failed = (code: Extract<PowerResult, { kind: 'failed' }>['code']): PowerResult => ({
  kind: 'failed',
  code,
  power: 'unknown',
  because: `because of ${code}`,
  next: 'look',
});
const DONE: PowerResult = { kind: 'done', power: 'on', confirmed: true, text: 'it is on' };

/** Power that comes to one result, and a person who may be asked. */
function world(result: PowerResult) {
  const asked: Parameters<Power['act']>[0][] = [];
  const asks = openAsks({ clock: virtualClock(), personMs: 30 * MINUTE });
  const told: string[] = [];
  const power = jobPower({
    asks,
    power: {
      act: async (request) => {
        asked.push(request);
        return result;
      },
    } as Pick<Power, 'act'> as Power,
  });
  return { asked, asks, told, power, say: (text: string) => void told.push(text) };
}

const BY = { by: 'alice', again: false };

describe('power for jobs', () => {
  it('netboots by a cycle with the network set for the next boot, and tells how it went', async () => {
    const at = world(DONE);
    await at.power.netboot('a', BY, NEVER, at.say);
    assert.deepEqual(at.asked, [
      { machine: 'a', action: 'cycle', boot: { device: 'network' }, by: 'alice', automatic: false },
    ]);
    assert.deepEqual(at.told, ['it is on']);
  });

  it('says that a program asks where it tries once more: the cool-down is for that', async () => {
    const at = world(DONE);
    await at.power.off('a', { by: 'alice', again: true }, NEVER, at.say);
    assert.deepEqual(at.asked, [{ machine: 'a', action: 'off', by: 'alice', automatic: true }]);
  });

  for (const code of ['not-proven', 'not-supported'] as const) {
    it(`asks a person where its BMC is ${code}, and goes on when it was done`, async () => {
      const at = world(failed(code));
      const doing = at.power.netboot('a', BY, NEVER, at.say);
      while (at.asks.pending().length === 0) await new Promise(setImmediate);
      const [ask] = at.asks.pending();
      assert.deepEqual([ask?.machine, ask?.wanted, ask?.boot], ['a', 'reset', { device: 'network' }]);
      assert.match(
        at.told[0] ?? '',
        new RegExp(`restart a and let it netboot \\(because of ${code}\\).*ingot power confirm a`),
      );
      at.asks.answer('a', { did: true, by: 'bob' });
      await doing;
    });
  }

  it('ends with the reason where the person did not, where nobody came, and when the job is called off', async () => {
    for (const [end, want] of [
      [
        (at: ReturnType<typeof world>) => void at.asks.answer('a', { did: false, by: 'bob' }),
        /bob says that it was not done/,
      ],
      [() => {}, /nobody answered within 30 min/],
    ] as const) {
      const at = world(failed('not-proven'));
      const doing = at.power.off('a', BY, NEVER, at.say);
      doing.catch(() => {});
      while (at.asks.pending().length === 0) await new Promise(setImmediate);
      assert.equal(at.asks.pending()[0]?.wanted, 'off');
      end(at);
      await assert.rejects(doing, want);
    }
    const at = world(failed('not-proven'));
    const stop = new AbortController();
    const doing = at.power.off('a', BY, stop.signal, at.say);
    doing.catch(() => {});
    while (at.asks.pending().length === 0) await new Promise(setImmediate);
    stop.abort(new Error('cancelled'));
    await assert.rejects(doing, /not wanted any more/);
    assert.deepEqual(at.asks.pending(), []);
  });

  for (const code of ['declined', 'cool-down', 'unreachable', 'no-effect'] as const) {
    it(`fails with the reason where it is ${code}, and asks nobody`, async () => {
      const at = world(failed(code));
      await assert.rejects(
        at.power.netboot('a', BY, NEVER, at.say),
        (error) => error instanceof BmcError && error.message === `because of ${code}; next: look`,
      );
      assert.deepEqual(at.asks.pending(), []);
    });
  }
});

describe('a machine that a job is at', () => {
  const job = (name: string, state: Job['steps'][number]['state']): Job =>
    ({
      id: 'j1',
      kind: 'wipe',
      steps: [
        { name: 'netboot', state: 'done' },
        { name, state },
      ],
    }) as Partial<Job> as Job;
  const held = (...jobs: readonly Job[]) => heldByJobs({ unfinishedOf: () => jobs }, 'a', true);

  for (const name of ['wipe-disks', 'write-image']) {
    it(`keeps its power while ${name} runs, and at no other time`, () => {
      const refusal = held(job('boot-agent', 'running'), job(name, 'running'));
      assert.match(refusal?.because ?? '', new RegExp(`a: its agent is at ${name} of a wipe`));
      assert.equal(refusal?.next, 'ingot job show j1; to end it: ingot job cancel j1');
      for (const state of ['waiting', 'done', 'failed'] as const) {
        assert.equal(held(job(name, state as Job['steps'][number]['state'])), undefined, state);
      }
    });
  }

  it('whose agent is gone may be restarted by its job; one whose installer writes may not', () => {
    const gone = (one: Job) => heldByJobs({ unfinishedOf: () => [one] }, 'a', false);
    assert.equal(gone(job('write-image', 'running')), undefined);
    assert.match(gone(job('await-report', 'running'))?.because ?? '', /its installer is at await-report/);
    for (const name of ['watch-install', 'upgrade-talos', 'reset-talos']) {
      assert.match(gone(job(name, 'running'))?.because ?? '', new RegExp(`its Talos is at ${name}`));
      assert.equal(gone(job(name, 'done')), undefined);
    }
  });

  it('may lose it in every other step, and without a job', () => {
    assert.equal(held(job('boot-agent', 'running')), undefined);
    assert.equal(held(), undefined);
  });
});
