import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VERDICT_CODES, type VerdictCode } from '#machines/contract/trace.ts';
import { verdictOf } from '#machines/decide/verdict.ts';
import type { VerdictContext } from '#machines/decide/verdict/finding.ts';
import { atSecond, EPOCH, eventsOf, HEALTHY } from './boots.ts';
import { FAULTS } from './faults.ts';

describe('a verdict on a fault', () => {
  for (const { code, name, steps, at, twin, context } of FAULTS) {
    it(`${code}: ${name}`, () => {
      const verdict = verdictOf(eventsOf(steps), atSecond(at), context);
      assert.equal(verdict.code, code, verdict.cause);
      assert.match(verdict.cause, /\S.*\.$/);
      assert.match(verdict.next, /\S/);
    });
    it(`not ${code}: ${twin.name}`, () => {
      const verdict = verdictOf(eventsOf(twin.steps), atSecond(twin.at), twin.context ?? context);
      assert.equal(verdict.code, twin.want, verdict.cause);
      assert.notEqual(verdict.code, code);
    });
  }

  it('each of the twenty-one has a table of its own', () => {
    const faults = VERDICT_CODES.filter((code) => code !== 'in-progress' && code !== 'booted');
    assert.deepEqual(new Set(FAULTS.map(({ code }) => code)), new Set(faults));
    assert.equal(faults.length, 21);
  });

  it('names what was seen: file, address, server', () => {
    const cause = (code: VerdictCode): string => {
      const fault = FAULTS.find((one) => one.code === code);
      assert.ok(fault);
      const verdict = verdictOf(eventsOf(fault.steps), atSecond(fault.at), fault.context);
      return `${verdict.cause} ${verdict.next}`;
    };
    assert.match(cause('other-dhcp-won'), /192\.168\.77\.254/);
    assert.match(cause('no-tftp'), /ipxe\/x86_64\/snponly\.efi.*192\.168\.77\.1/);
    assert.match(cause('tftp-stalled'), /29360 of 200000 bytes/);
    assert.match(cause('address-conflict'), /192\.168\.77\.101/);
    assert.match(cause('wrong-subnet'), /10\.9\.0\.1/);
    assert.match(cause('not-accepted'), /ingot machine accept m-525400000001/);
    assert.match(cause('stp-delay'), /28 seconds/);
  });
});

describe('a verdict on the agent', () => {
  it('says what it was refused for', () => {
    const fault = FAULTS.find(({ name }) => name.includes('key is refused'));
    assert.ok(fault);
    assert.match(verdictOf(eventsOf(fault.steps), atSecond(fault.at)).cause, /refused: nobody holds a lease of/);
  });

  it('waits for it after its kernel has asked for an address, and then calls it the agent', () => {
    const fault = FAULTS.find(({ name }) => name.startsWith('the agent’s kernel asks'));
    assert.ok(fault);
    const before = verdictOf(eventsOf(fault.steps), atSecond(60));
    assert.deepEqual([before.code, /the agent calls back next/.test(before.cause)], ['in-progress', true]);
    const after = verdictOf(eventsOf(fault.twin.steps), atSecond(300));
    assert.equal(after.cause, 'The agent runs: agent 1 registered.');
  });
});

describe('a verdict on a boot that goes well', () => {
  for (const [name, steps] of Object.entries(HEALTHY)) {
    it(`${name}: in progress at each step, and booted at its end`, () => {
      const events = eventsOf(steps);
      const context: VerdictContext = { machine: { name: 'r1-u12', acceptance: 'accepted' } };
      for (let count = 1; count <= events.length; count++) {
        const seen = events.slice(0, count);
        const now = events[count - 1]?.at ?? EPOCH;
        const next = events[count]?.at ?? now;
        // Right after the event, and just before the next one.
        for (const moment of [now, Math.max(now, next - 1)]) {
          const { code, cause } = verdictOf(seen, moment, context);
          const isUp =
            seen.some((event) => 'client' in event && event.client.kind === 'os') || seen.at(-1)?.kind === 'log';
          assert.equal(code, isUp ? 'booted' : 'in-progress', `after ${count} events: ${cause}`);
        }
      }
      assert.equal(verdictOf(events, atSecond(100_000), context).code, 'booted');
      assert.equal(verdictOf(events, atSecond(100_000), context).stage, 'running');
    });
  }

  it('tells an accepted machine without a grant that its own disk is meant', () => {
    const verdict = verdictOf(
      eventsOf(HEALTHY['UEFI HTTP Boot after PXE found nothing']?.slice(0, 4) ?? []),
      atSecond(600),
    );
    assert.equal(verdict.code, 'in-progress');
    assert.match(verdict.cause, /own disk/);
  });

  it('tells nothing of events that there are none of', () => {
    assert.equal(verdictOf([], EPOCH).code, 'in-progress');
  });
});
