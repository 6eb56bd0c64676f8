import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { dueTimes } from '#services/trace/due-times.ts';

describe('due times', () => {
  it('give what is due, earliest first, each item once and at its newest time', () => {
    const item = fc.integer({ min: 0, max: 20 });
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), item, at: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ kind: fc.constant('remove' as const), item }),
      fc.record({ kind: fc.constant('take' as const), now: fc.integer({ min: 0, max: 50 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const due = dueTimes<number>();
        const model = new Map<number, number>();
        for (const one of steps) {
          switch (one.kind) {
            case 'set':
              due.set(one.item, one.at);
              model.set(one.item, one.at);
              break;
            case 'remove':
              due.remove(one.item);
              model.delete(one.item);
              break;
            case 'take': {
              const earliest = Math.min(...model.values());
              const got = due.take(one.now);
              if (earliest > one.now) assert.equal(got, undefined);
              else {
                assert.ok(got !== undefined);
                assert.equal(model.get(got), earliest);
                model.delete(got);
              }
              break;
            }
            default:
              one satisfies never;
          }
          assert.equal(due.size, model.size);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
