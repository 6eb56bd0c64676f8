import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { clockJump, type ClockReading, clockWatch } from '#server/clock-watch.ts';
import { distrust, noteRestored, RESTORED_FILE, voidAll } from '#server/void-all.ts';
import { makePlan } from '#machines/decide/jobs/make-plan.ts';
import { openPlans } from '#services/jobs/plans.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';
import type { AuditEntry } from '#services/store/contract.ts';

const log = { warn() {}, error() {} };

const samplePlan = () => {
  const machine = sampleMachine({});
  return makePlan({ kind: 'wipe', machine, inventory: undefined, sharedWwns: new Set(), now: 7 });
};

describe('everything is made void', () => {
  it('grants, boot tokens, jobs, and the keys where they are given', async () => {
    const said: AuditEntry[] = [];
    const parts = {
      jobs: { parkAll: async () => 2 },
      registry: { voidGrants: async () => 3 },
      tokens: { voidAll: async () => 4 },
      approvals: { voidAll: async () => 6 },
      plans: openPlans<undefined>({ now: () => 7, newId: () => 'p1' }),
      audit: { append: async (entry: AuditEntry) => void said.push(entry) },
      now: () => 7,
      log,
    };
    const shown = parts.plans.keep(samplePlan(), undefined);
    assert.deepEqual(await voidAll(parts, 'a test'), {
      jobs: 2,
      grants: 3,
      plans: 1,
      approvals: 6,
      bootTokens: 4,
      keys: 0,
    });
    assert.equal(parts.plans.get(shown.id), undefined, 'what was shown before is confirmed by nobody');
    const access = { removeAll: async () => 5 };
    assert.equal((await voidAll({ ...parts, access }, 'a restore')).keys, 5);
    assert.deepEqual(
      said.map(({ at, action, detail }) => [at, action, detail]),
      [
        [7, 'voidAll', 'a test: 2 jobs parked; void: 3 grants, 1 plans, 6 approvals, 4 boot tokens, 0 keys'],
        [7, 'voidAll', 'a restore: 2 jobs parked; void: 3 grants, 0 plans, 6 approvals, 4 boot tokens, 5 keys'],
      ],
    );
  });
});

describe('a store is distrusted', () => {
  const inFolder = async (work: (dir: string) => Promise<void>): Promise<void> => {
    const dir = await mkdtemp(join(tmpdir(), 'ingot-void-'));
    try {
      await work(dir);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  };
  const at = (time: number): AuditEntry => ({ at: time, who: 'w', action: 'a', target: 't', detail: '' });
  const audit = (...entries: readonly AuditEntry[]) => ({ list: async () => entries });

  it('not when its newest entry is from before, or from a moment ago', () =>
    inFolder(async (dataDir) => {
      for (const entries of [[], [at(1000)], [at(160_000)]]) {
        assert.equal(await distrust({ dataDir, audit: audit(...entries), now: () => 100_000 }), undefined);
      }
    }));

  it('when its newest entry is from the future', () =>
    inFolder(async (dataDir) => {
      const doubt = await distrust({ dataDir, audit: audit(at(7_300_000)), now: () => 100_000 });
      assert.equal(doubt?.because, 'the clock went back by 2 h while the daemon was away');
      assert.equal(doubt.restored, false);
    }));

  it('when it was restored, until that is settled', () =>
    inFolder(async (dataDir) => {
      await noteRestored(dataDir, 'restored from a backup of yesterday');
      const ask = () => distrust({ dataDir, audit: audit(), now: () => 0 });
      const doubt = await ask();
      assert.equal(doubt?.because, 'restored from a backup of yesterday');
      assert.equal(doubt.restored, true);
      assert.ok(await ask(), 'still, as long as nobody said that it is settled');
      await doubt.settle();
      assert.equal(await ask(), undefined);
    }));

  it('also when the note of it is broken', () =>
    inFolder(async (dataDir) => {
      await writeFile(join(dataDir, RESTORED_FILE), '{');
      assert.equal((await distrust({ dataDir, audit: audit(), now: () => 0 }))?.restored, true);
    }));
});

describe('a clock', () => {
  for (const [name, after, want] of [
    ['that goes on with the machine has not jumped', { wall: 5_000, monotonic: 5_000 }, undefined],
    ['that NTP corrects has not jumped', { wall: 30_000, monotonic: 5_000 }, undefined],
    ['that was set forward', { wall: 3_605_000, monotonic: 5_000 }, 'the clock went forward by 60 min'],
    ['that was set back', { wall: -85_000, monotonic: 5_000 }, 'the clock went back by 90 s'],
    ['of a busy daemon has not jumped', { wall: 600_000, monotonic: 600_000 }, undefined],
  ] as const) {
    it(name, () => assert.equal(clockJump({ wall: 0, monotonic: 0 }, after), want));
  }

  it('that jumps while the daemon runs is told once', async () => {
    const stop = new AbortController();
    const wall = { ahead: 0 };
    let looks = 0;
    const read = (): ClockReading => {
      looks += 1;
      if (looks === 3) wall.ahead = 7_200_000;
      if (looks === 6) stop.abort();
      return { wall: looks + wall.ahead, monotonic: looks };
    };
    const told: string[] = [];
    const watch = clockWatch({ read, jumped: async (because) => void told.push(because), log, lookMs: 1 });
    await watch.run(stop.signal);
    assert.deepEqual(told, ['the clock went forward by 2 h']);
  });
});
