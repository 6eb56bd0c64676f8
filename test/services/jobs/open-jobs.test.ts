import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { isOver, type Job, type JobBatch } from '#machines/contract/job.ts';
import type { NewJob, Step, StepOutcome } from '#services/jobs/contract.ts';
import type { JobCaps } from '#services/jobs/decide/next-jobs.ts';
import { openJobs, type RunningJobs } from '#services/jobs/open-jobs.ts';
import type { Store } from '#services/store/contract.ts';
import { memoryJobStore } from '#test/services/store/memory-job-store.ts';

const DONE: StepOutcome = { kind: 'done', text: 'done' };
const step = (name: string, run: Step['run'], more: Partial<Step> = {}): Step => ({
  name,
  tries: 3,
  silentMs: 60_000,
  run,
  ...more,
});
const forEver = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));

type World = {
  readonly store: Pick<Store, 'jobs'>;
  /** A daemon that works on jobs; `stop` ends it as SIGTERM does. */
  readonly start: (
    steps: readonly Step[],
    caps?: JobCaps,
  ) => Promise<{ readonly jobs: RunningJobs; readonly stop: () => Promise<void> }>;
};

async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
  const store = { jobs: memoryJobStore() };
  const stops = new Set<() => Promise<void>>();
  let ids = 0;
  try {
    await work({
      store,
      async start(steps, caps) {
        const jobs = await openJobs({
          store: store.jobs,
          recipe: () => steps,
          rackOf: (machine) => machine.slice(0, 2),
          now: Date.now,
          newId: () => `j${++ids}`,
          log: pino({ level: 'silent' }),
          ...(caps ? { caps } : {}),
        });
        const control = new AbortController();
        const running = jobs.run(control.signal);
        const stop = async (): Promise<void> => {
          control.abort();
          await running;
        };
        stops.add(stop);
        return { jobs, stop };
      },
    });
  } finally {
    for (const stop of stops) await stop();
  }
}

/** The job once it is as wanted. */
async function when(jobs: RunningJobs, id: string, wanted: (job: Job) => boolean): Promise<Job> {
  const { promise, resolve } = Promise.withResolvers<Job>();
  const end = jobs.watch((job) => {
    if (job.id === id && wanted(job)) resolve(job);
  });
  const now = await jobs.get(id);
  if (now && wanted(now)) resolve(now);
  try {
    return await promise;
  } finally {
    end();
  }
}
const over = (jobs: RunningJobs, id: string): Promise<Job> => when(jobs, id, ({ state }) => isOver(state));
const begun = (jobs: RunningJobs, id: string, name: string): Promise<Job> =>
  when(jobs, id, ({ steps }) => steps.some((one) => one.name === name && one.state === 'running'));
const ask = { kind: 'inspect', machine: 'r1-u1', by: 'operator' } as const;

describe('a job', () => {
  it('does its steps in order, and tells what each came to', () =>
    inWorld(async ({ start, store }) => {
      const seen: string[] = [];
      const { jobs } = await start([
        step('first', async ({ note }) => {
          seen.push('first');
          await note('attempt', 'a1');
          return { kind: 'done', text: 'the first is done' };
        }),
        step('second', async ({ job }) => {
          seen.push(`second ${job().notes['attempt']}`);
          return DONE;
        }),
      ]);
      const job = await over(jobs, (await jobs.submit(ask)).id);
      assert.deepEqual(seen, ['first', 'second a1']);
      assert.equal(job.state, 'done');
      assert.deepEqual(
        job.steps.map(({ name, state, tries, text }) => [name, state, tries, text]),
        [
          ['first', 'done', 1, 'the first is done'],
          ['second', 'done', 1, 'done'],
        ],
      );
      assert.deepEqual(
        (await store.jobs.events(job.id, 0, 100)).map(({ text }) => text),
        ['asked for by operator', 'begins', 'the first is done', 'begins', 'done', 'done: done'],
      );
    }));

  it('tries a step again, counted, and then fails with its reason', () =>
    inWorld(async ({ start }) => {
      let tries = 0;
      const { jobs } = await start([
        step('write', async () => {
          tries += 1;
          return { kind: 'again', because: 'the disk is away', afterMs: 1 };
        }),
        step('never', async () => assert.fail('it went on after a failure')),
      ]);
      const job = await over(jobs, (await jobs.submit(ask)).id);
      assert.equal(tries, 3);
      assert.equal(job.state, 'failed');
      assert.match(job.result?.because ?? '', /^write: the disk is away \(3 tries\)$/);
      assert.deepEqual(
        job.steps.map(({ state }) => state),
        ['failed', 'waiting'],
      );
    }));

  it('fails at once where a step says that trying again is of no use', () =>
    inWorld(async ({ start }) => {
      const { jobs } = await start([
        step('prove', async () => ({
          kind: 'failed',
          because: 'another board answers',
          next: 'ingot machine replace',
        })),
      ]);
      const job = await over(jobs, (await jobs.submit(ask)).id);
      assert.deepEqual(job.result, { because: 'prove: another board answers', next: 'ingot machine replace' });
    }));

  it('takes a step that throws as one that may be tried again', () =>
    inWorld(async ({ start }) => {
      let tries = 0;
      const { jobs } = await start([
        step('flaky', async () => {
          tries += 1;
          if (tries === 1) throw new Error('connection reset');
          return DONE;
        }),
      ]);
      assert.equal((await over(jobs, (await jobs.submit(ask)).id)).state, 'done');
      assert.equal(tries, 2);
    }));

  it('does not hang on a step that gives no sign of life', () =>
    inWorld(async ({ start }) => {
      const { jobs } = await start([step('hangs', ({ signal }) => forEver(signal), { silentMs: 20, tries: 1 })]);
      const job = await over(jobs, (await jobs.submit(ask)).id);
      assert.match(job.result?.because ?? '', /hangs: no sign of life/);
    }));

  it('lives on progress, which is shown', () =>
    inWorld(async ({ start }) => {
      const { jobs } = await start([
        step('long', async ({ progress }) => {
          progress('half', 0.5);
          await new Promise((resolve) => setTimeout(resolve, 5));
          return DONE;
        }),
      ]);
      const { id } = await jobs.submit(ask);
      const half = await when(jobs, id, ({ steps }) => steps[0]?.progress === 0.5);
      assert.equal(half.steps[0]?.text, 'half');
      await over(jobs, id);
    }));

  it('is cancelled while it waits, and nothing was done', () =>
    inWorld(async ({ start }) => {
      const { jobs } = await start([step('long', ({ signal }) => forEver(signal))]);
      const first = await jobs.submit(ask);
      const second = await jobs.submit(ask);
      await begun(jobs, first.id, 'long');
      const cancelled = await jobs.cancel(second.id, 'operator');
      assert.equal(cancelled?.state, 'cancelled');
      assert.equal(cancelled.steps[0]?.tries, 0);
    }));

  it('is cancelled in the middle, after what writes has come to its safe point', () =>
    inWorld(async ({ start }) => {
      let safe = false;
      const { jobs } = await start([
        step('write', async ({ signal }) => {
          await forEver(signal).catch(() => {});
          await new Promise((resolve) => setTimeout(resolve, 10));
          safe = true;
          return DONE;
        }),
      ]);
      const { id } = await jobs.submit(ask);
      await begun(jobs, id, 'write');
      await jobs.cancel(id, 'operator');
      const job = await over(jobs, id);
      assert.equal(job.state, 'cancelled');
      assert.equal(job.result?.because, 'cancelled by operator');
      assert.ok(safe);
    }));

  it('is parked with all others after a clock jump, and none of them is begun', () =>
    inWorld(async ({ start }) => {
      const { jobs } = await start([step('long', ({ signal }) => forEver(signal))]);
      const first = await jobs.submit(ask);
      const second = await jobs.submit(ask);
      await begun(jobs, first.id, 'long');
      assert.equal(await jobs.parkAll('the clock went back by 2 h'), 2);
      for (const { id } of [first, second]) {
        const job = await over(jobs, id);
        assert.equal(job.state, 'failed');
        assert.equal(job.result?.because, 'parked: the clock went back by 2 h');
      }
      assert.equal((await jobs.get(second.id))?.steps[0]?.tries, 0);
      assert.deepEqual(jobs.unfinished(), []);
    }));

  it('goes on after the daemon was stopped in the middle, and does nothing twice that is done', () =>
    inWorld(async ({ start }) => {
      const did: string[] = [];
      let disk = 'empty';
      const first = step('first', async () => {
        did.push('first');
        return DONE;
      });
      const write = (waits: boolean): Step =>
        step(
          'write',
          async ({ signal }) => {
            did.push('write');
            disk = 'written';
            if (waits) await forEver(signal);
            return DONE;
          },
          { already: async () => (disk === 'written' ? 'its digest is on the disk' : undefined) },
        );
      const one = await start([first, write(true)]);
      const { id } = await one.jobs.submit(ask);
      await begun(one.jobs, id, 'write');
      await one.stop();
      const two = await start([first, write(false)]);
      const job = await over(two.jobs, id);
      assert.equal(job.state, 'done');
      assert.deepEqual(did, ['first', 'write']);
      assert.deepEqual(
        job.steps.map(({ tries, text }) => [tries, text]),
        [
          [1, 'done'],
          [2, 'already done: its digest is on the disk'],
        ],
      );
    }));

  it('that was stopped in the middle leaves no timer behind, which would hold the process for its time of grace', () =>
    inWorld(async ({ start }) => {
      const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
      const { jobs, stop } = await start([step('long', ({ signal }) => forEver(signal))]);
      const before = timers();
      const { id } = await jobs.submit(ask);
      await begun(jobs, id, 'long');
      await stop();
      assert.equal(timers(), before);
    }));

  it('that is cancelled while the daemon is away ends as cancelled', () =>
    inWorld(async ({ start, store }) => {
      const one = await start([step('long', ({ signal }) => forEver(signal))]);
      const { id } = await one.jobs.submit(ask);
      await begun(one.jobs, id, 'long');
      await one.stop();
      const stored = await store.jobs.get(id);
      assert.ok(stored);
      await store.jobs.put({ ...stored, cancelling: true }, stored.rev);
      const two = await start([step('long', ({ signal }) => forEver(signal))]);
      assert.equal((await over(two.jobs, id)).state, 'cancelled');
    }));
});

describe('jobs together', () => {
  it('take turns on one machine, and run side by side on several', () =>
    inWorld(async ({ start }) => {
      const { promise, resolve: open } = Promise.withResolvers<void>();
      const { jobs } = await start([
        step('wait', async () => {
          await promise;
          return DONE;
        }),
      ]);
      const [a, b, other] = await Promise.all([
        jobs.submit(ask),
        jobs.submit(ask),
        jobs.submit({ ...ask, machine: 'r1-u2' }),
      ]);
      await begun(jobs, a.id, 'wait');
      await begun(jobs, other.id, 'wait');
      assert.equal((await jobs.get(b.id))?.state, 'queued');
      assert.deepEqual(
        jobs.unfinishedOf('r1-u1').map(({ id }) => id),
        [a.id, b.id],
      );
      open();
      const first = await over(jobs, a.id);
      const second = await over(jobs, b.id);
      await over(jobs, other.id);
      assert.ok((second.startedAt ?? 0) >= (first.endedAt ?? Number.POSITIVE_INFINITY));
      assert.deepEqual(jobs.unfinished(), []);
    }));

  it('are held to the caps of the daemon and of each rack', () =>
    inWorld(async ({ start }) => {
      let now = 0;
      let most = 0;
      const inRack = new Map<string, number>();
      let mostInRack = 0;
      const { jobs } = await start(
        [
          step('work', async ({ job }) => {
            const rack = job().machine.slice(0, 2);
            now += 1;
            inRack.set(rack, (inRack.get(rack) ?? 0) + 1);
            most = Math.max(most, now);
            mostInRack = Math.max(mostInRack, inRack.get(rack) ?? 0);
            await new Promise((resolve) => setTimeout(resolve, 2));
            now -= 1;
            inRack.set(rack, (inRack.get(rack) ?? 0) - 1);
            return DONE;
          }),
        ],
        { daemon: 5, rack: 2 },
      );
      const all = await Promise.all(
        Array.from({ length: 40 }, (_, index) => jobs.submit({ ...ask, machine: `r${(index % 4) + 1}-u${index}` })),
      );
      await Promise.all(all.map(({ id }) => over(jobs, id)));
      assert.equal(most, 5);
      assert.equal(mostInRack, 2);
    }));

  it('of a batch are worked on no more at once than it says, and hold up nobody else', () =>
    inWorld(async ({ start }) => {
      const gate = Promise.withResolvers<void>();
      let [now, most] = [0, 0];
      const { jobs } = await start([
        step('work', async ({ job }) => {
          if (!job().batch) return DONE;
          now += 1;
          most = Math.max(most, now);
          await gate.promise;
          now -= 1;
          return DONE;
        }),
      ]);
      const all = await Promise.all(batchOf(5, { concurrency: 2 }).map((one) => jobs.submit(one)));
      const alone = await jobs.submit({ ...ask, machine: 'r9-u9' });
      assert.equal((await over(jobs, alone.id)).state, 'done');
      gate.resolve();
      await Promise.all(all.map(({ id }) => over(jobs, id)));
      assert.equal(most, 2);
    }));
});

const batchOf = (size: number, more: Partial<JobBatch> = {}): readonly NewJob[] =>
  Array.from({ length: size }, (_, index) => ({
    ...ask,
    machine: `r1-u${index + 1}`,
    batch: { id: 'b1', size, maxFailures: 0, ...more },
  }));

/** Machine by machine: how its job ended, and why. */
const ends = async (jobs: RunningJobs, all: readonly Job[]): Promise<readonly string[]> =>
  (await Promise.all(all.map(({ id }) => over(jobs, id)))).map(
    ({ machine, state, result }) => `${machine} ${state}: ${result?.because ?? ''}`,
  );

describe('a batch', () => {
  const breaks = (...machines: readonly string[]): Step =>
    step('write', async ({ job }) =>
      machines.includes(job().machine) ? { kind: 'failed', because: 'the disk broke', next: 'look' } : DONE,
    );

  it('stops after the first failure: what has not begun is called off, and says why', () =>
    inWorld(async ({ start }) => {
      const { jobs } = await start([breaks('r1-u2')]);
      const all = await Promise.all(batchOf(4, { concurrency: 1 }).map((one) => jobs.submit(one)));
      assert.deepEqual(await ends(jobs, all), [
        'r1-u1 done: done',
        'r1-u2 failed: write: the disk broke',
        'r1-u3 cancelled: batch stopped: r1-u2 failed: write: the disk broke',
        'r1-u4 cancelled: batch stopped: r1-u2 failed: write: the disk broke',
      ]);
    }));

  it('bears as many failures as it was told, and goes on beside them', () =>
    inWorld(async ({ start }) => {
      const { jobs } = await start([breaks('r1-u1', 'r1-u3')]);
      const all = await Promise.all(batchOf(5, { concurrency: 1, maxFailures: 1 }).map((one) => jobs.submit(one)));
      assert.deepEqual(
        (await ends(jobs, all)).map((text) => text.replace(/: .*: /, ': ')),
        [
          'r1-u1 failed: the disk broke',
          'r1-u2 done: done',
          'r1-u3 failed: the disk broke',
          'r1-u4 cancelled: the disk broke',
          'r1-u5 cancelled: the disk broke',
        ],
      );
    }));

  it('counts one that is cancelled while its end is being written once', () =>
    inWorld(async ({ store, start }) => {
      const put = store.jobs.put.bind(store.jobs);
      let cancelled: Promise<Job | undefined> | undefined;
      store.jobs.put = async (job, ...more) => {
        if (job.state === 'failed') cancelled ??= jobs.cancel(job.id, 'anna');
        return await put(job, ...more);
      };
      const { jobs } = await start([breaks('r1-u1')]);
      const all = await Promise.all(batchOf(3, { concurrency: 1, maxFailures: 1 }).map((one) => jobs.submit(one)));
      assert.deepEqual(await ends(jobs, all), [
        'r1-u1 failed: write: the disk broke',
        'r1-u2 done: done',
        'r1-u3 done: done',
      ]);
      assert.equal((await cancelled)?.state, 'failed');
    }));

  it('lets those go on that have begun; who only waits for its turn is called off, and does nothing', () =>
    inWorld(async ({ start }) => {
      const did: string[] = [];
      const { promise, resolve: free } = Promise.withResolvers<void>();
      const { jobs } = await start([
        step('await-turn', async ({ job, signal }) => (job().machine === 'r1-u3' ? await forEver(signal) : DONE)),
        step('write', async ({ job }) => {
          did.push(job().machine);
          if (job().machine === 'r1-u2') await promise;
          return job().machine === 'r1-u1' ? { kind: 'failed', because: 'broken', next: 'look' } : DONE;
        }),
      ]);
      const [second, third, first] = await Promise.all(
        [1, 2, 0].flatMap((index) => batchOf(3)[index] ?? []).map((one) => jobs.submit(one)),
      );
      assert.ok(first && second && third);
      await begun(jobs, second.id, 'write');
      assert.match((await ends(jobs, [third])).join(), /r1-u3 cancelled: batch stopped: r1-u1 failed: write: broken/);
      free();
      assert.deepEqual(await ends(jobs, [second]), ['r1-u2 done: done']);
      assert.deepEqual(did.toSorted(), ['r1-u1', 'r1-u2']);
    }));

  it('stops by one that was called off in the middle, and not by one that was called off before', () =>
    inWorld(async ({ start }) => {
      const { jobs } = await start([step('write', ({ signal }) => forEver(signal))]);
      const all = await Promise.all(batchOf(3, { concurrency: 1 }).map((one) => jobs.submit(one)));
      const [first, second, third] = all;
      assert.ok(first && second && third);
      await begun(jobs, first.id, 'write');
      await jobs.cancel(second.id, 'anna');
      assert.equal((await jobs.get(third.id))?.state, 'queued');
      await jobs.cancel(first.id, 'anna');
      assert.deepEqual(await ends(jobs, all), [
        'r1-u1 cancelled: cancelled by anna',
        'r1-u2 cancelled: cancelled by anna',
        'r1-u3 cancelled: batch stopped: r1-u1 was called off in the middle: cancelled by anna',
      ]);
    }));

  it('that had failed when the daemon died is stopped at the next start, however long ago it failed', () =>
    inWorld(async ({ start, store }) => {
      const one = await start([step('write', ({ signal }) => forEver(signal))]);
      const all = await Promise.all(batchOf(3, { concurrency: 1 }).map((each) => one.jobs.submit(each)));
      const [first] = all;
      assert.ok(first);
      await begun(one.jobs, first.id, 'write');
      await one.stop();
      const stored = (await store.jobs.get(first.id)) ?? assert.fail('no job');
      await store.jobs.put(
        { ...stored, state: 'failed', endedAt: 1, result: { because: 'broken', next: '' } },
        stored.rev,
      );
      const two = await start([breaks()]);
      assert.deepEqual(await ends(two.jobs, all), [
        'r1-u1 failed: broken',
        'r1-u2 cancelled: batch stopped: r1-u1 failed: broken',
        'r1-u3 cancelled: batch stopped: r1-u1 failed: broken',
      ]);
    }));
});
