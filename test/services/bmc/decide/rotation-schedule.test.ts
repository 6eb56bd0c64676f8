import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextRotations, RACK_REST_MS, retryAfterMs, rotationDueAt } from '#services/bmc/decide/rotation-schedule.ts';

const DAY = 86_400_000;

describe('when a password is changed by itself', () => {
  it('is in the last tenth of its days, never later, and spread over the BMCs of a rack', () => {
    const dues = Array.from({ length: 200 }, (_, at) =>
      rotationDueAt({ address: `https://10.0.0.${at}`, since: 0, rotateDays: 100 }),
    );
    assert.ok(dues.every((at) => at > 90 * DAY - 1 && at <= 100 * DAY));
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const here = dues.filter((at) => Math.floor((at - 90 * DAY) / DAY) === tenth).length;
      assert.ok(here >= 5, `${here} of 200 in a tenth of the spread`);
    }
    const again = rotationDueAt({ address: 'https://10.0.0.7', since: 0, rotateDays: 100 });
    assert.equal(again, dues[7], 'always the same place');
  });

  const due = (machine: string, rack: string, dueAt = 0) => ({ machine, rack, dueAt });
  const none = { busy: new Set<string>(), ended: new Map<string, number>() };
  const names = (given: Parameters<typeof nextRotations>[0]) => nextRotations(given).map(({ machine }) => machine);
  const rows: readonly (readonly [
    name: string,
    given: Parameters<typeof nextRotations>[0],
    want: readonly string[],
  ])[] = [
    [
      'takes one a rack, the longest due first',
      { ...none, now: 10, candidates: [due('a', 'r1', 5), due('b', 'r1', 1), due('c', 'r2', 9)] },
      ['b', 'c'],
    ],
    [
      'waits for the one under way in its rack',
      { ...none, busy: new Set(['r1']), now: 10, candidates: [due('a', 'r1')] },
      [],
    ],
    ['rests after one', { ...none, ended: new Map([['r1', 1]]), now: RACK_REST_MS, candidates: [due('a', 'r1')] }, []],
    [
      'goes on when it has rested',
      { ...none, ended: new Map([['r1', 0]]), now: RACK_REST_MS, candidates: [due('a', 'r1')] },
      ['a'],
    ],
    ['leaves what is not due', { ...none, now: 10, candidates: [due('a', 'r1', 11)] }, []],
    [
      'keeps to four at once',
      { ...none, now: 1, candidates: ['1', '2', '3', '4', '5', '6'].map((one) => due(one, one)) },
      ['1', '2', '3', '4'],
    ],
  ];
  for (const [name, given, want] of rows) it(name, () => assert.deepEqual(names(given), want));

  it('comes again ever later where it failed, once a day at last', () => {
    assert.deepEqual([1, 2, 3, 9].map(retryAfterMs), [3_600_000, 7_200_000, 14_400_000, DAY]);
  });
});
