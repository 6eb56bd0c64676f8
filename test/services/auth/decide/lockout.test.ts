import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { afterWrong, FORGET_MS, LONGEST_WAIT_MS, type Tries, waitOf } from '#services/auth/decide/lockout.ts';

describe('how long a login has to wait', () => {
  for (const [name, tries, now, want] of [
    ['nobody has tried', undefined, 0, 0],
    ['four were wrong', { wrong: 4, lastAt: 0 }, 0, 0],
    ['five were wrong', { wrong: 5, lastAt: 0 }, 0, 30_000],
    ['five were wrong, 10 s ago', { wrong: 5, lastAt: 0 }, 10_000, 20_000],
    ['five were wrong, 30 s ago', { wrong: 5, lastAt: 0 }, 30_000, 0],
    ['six were wrong', { wrong: 6, lastAt: 0 }, 0, 60_000],
    ['a thousand were wrong', { wrong: 1000, lastAt: 0 }, 0, LONGEST_WAIT_MS],
    ['they were wrong yesterday', { wrong: 1000, lastAt: 0 }, FORGET_MS + 1, 0],
  ] as const satisfies readonly (readonly [string, Tries | undefined, number, number])[]) {
    it(name, () => assert.equal(waitOf(tries, 5, now), want));
  }

  it('counts on, and from one again after an hour without a wrong one', () => {
    const once = afterWrong(undefined, 0);
    assert.deepEqual(afterWrong(once, 5), { wrong: 2, lastAt: 5 });
    assert.deepEqual(afterWrong(once, FORGET_MS + 1), { wrong: 1, lastAt: FORGET_MS + 1 });
  });
});
