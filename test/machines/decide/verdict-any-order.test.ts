import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { STAGES, VERDICT_CODES } from '#machines/contract/trace.ts';
import { belongs } from '#machines/decide/attempt.ts';
import { judge, verdictOf } from '#machines/decide/verdict.ts';
import { evidenceOf, fold, NO_EVIDENCE } from '#machines/decide/verdict/evidence.ts';
import { atSecond, eventsOf, HEALTHY, type Step } from './boots.ts';
import { FAULTS } from './faults.ts';

const bodies = [
  ...Object.values(HEALTHY).flat(),
  ...FAULTS.flatMap(({ steps, twin }) => [...steps, ...twin.steps]),
].map(([, body]) => body);

/** Any events in any order: what a hostile client can make, and what lost packets leave of a good one. */
const anyBoot = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 90 }), fc.constantFrom(...bodies)), { maxLength: 40 })
  .map((pieces) => {
    let second = 0;
    return pieces.map(([wait, body]): Step => [(second += wait), body]);
  });

describe('whatever events come, in whatever order', () => {
  it('there is a verdict, in whole sentences', () => {
    fc.assert(
      fc.property(anyBoot, fc.integer({ min: 0, max: 10_000 }), (steps, second) => {
        const { code, stage, cause, next } = verdictOf(eventsOf(steps), atSecond(second));
        assert.ok(VERDICT_CODES.includes(code) && STAGES.includes(stage));
        assert.doesNotMatch(`${cause} ${next}`, /undefined|NaN|\[object|\.\.(?!\.)/);
        assert.match(cause, /[.!]$/, cause);
      }),
      { numRuns: 3000 },
    );
  });

  it('it changes at the time that was told, if it changes by itself, and not before', () => {
    fc.assert(
      fc.property(anyBoot, (steps) => {
        const events = eventsOf(steps);
        const evidence = evidenceOf(events);
        let now = events.at(-1)?.at ?? 0;
        for (let round = 0; round < 20; round++) {
          const { verdict, changesAt } = judge(evidence, now);
          if (changesAt === undefined) {
            assert.equal(judge(evidence, now + 1e9).verdict.code, verdict.code);
            return;
          }
          assert.ok(changesAt > now);
          assert.deepEqual(judge(evidence, changesAt - 1).verdict, verdict);
          now = changesAt;
        }
        assert.fail('it changes without end');
      }),
      { numRuns: 2000 },
    );
  });

  it('evidence built event by event is evidence built at once, and old evidence stays as it was', () => {
    fc.assert(
      fc.property(anyBoot, (steps) => {
        const events = eventsOf(steps);
        let evidence = NO_EVIDENCE;
        for (const event of events) {
          const before = structuredClone(evidence);
          const after = fold(evidence, event);
          assert.deepEqual(evidence, before);
          evidence = after;
        }
        assert.deepEqual(evidence, evidenceOf(events));
        assert.ok(JSON.stringify(evidence).length < 20_000);
      }),
      { numRuns: 500 },
    );
  });

  it('each belongs somewhere or nowhere', () => {
    fc.assert(
      fc.property(anyBoot, fc.constantFrom(...bodies), fc.boolean(), (steps, body, registered) => {
        const current = steps.length === 0 ? undefined : evidenceOf(eventsOf(steps));
        const at = atSecond((steps.at(-1)?.[0] ?? 0) + 1);
        const belonging = belongs(body, at, current, { registered });
        assert.ok(['continues', 'begins', 'nowhere'].includes(belonging));
        if (current) assert.notEqual(belonging, 'nowhere');
        else assert.notEqual(belonging, 'continues');
      }),
      { numRuns: 2000 },
    );
  });
});
