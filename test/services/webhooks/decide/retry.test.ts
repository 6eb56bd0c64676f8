import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { afterTry, MAX_TRIES } from '#services/webhooks/decide/retry.ts';

const answered = (status: number, retryAfterMs?: number) =>
  ({ kind: 'answered', status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }) as const;

describe('after a try of a webhook', () => {
  it('any 2xx is delivered', () => {
    for (const status of [200, 202, 204]) assert.equal(afterTry(answered(status), 1, 0).kind, 'delivered');
  });

  it('waits double up to half an hour, and are drawn between half and all of it', () => {
    const waits = (chance: number) =>
      Array.from({ length: MAX_TRIES - 1 }, (_, index) => {
        const verdict = afterTry(answered(500), index + 1, chance);
        return verdict.kind === 'again' ? verdict.afterMs : Number.NaN;
      });
    assert.deepEqual(waits(0).slice(0, 4), [500, 1000, 2000, 4000]);
    assert.deepEqual(waits(0.999999).slice(0, 4), [1000, 2000, 4000, 8000]);
    for (const wait of waits(1)) assert.ok(wait <= 30 * 60_000);
  });

  it('the last try is the last, and 410 is at once', () => {
    assert.deepEqual(afterTry(answered(503), MAX_TRIES, 0), {
      kind: 'dead',
      because: `it answered 503, want 2xx, ${MAX_TRIES} times`,
    });
    assert.equal(afterTry(answered(410), 1, 0).kind, 'dead');
  });

  it('Retry-After is waited for, within reason', () => {
    assert.deepEqual(afterTry(answered(429, 60_000), 1, 0), {
      kind: 'again',
      afterMs: 60_000,
      because: 'it answered 429, want 2xx',
    });
    const verdict = afterTry(answered(429, Number.MAX_SAFE_INTEGER), 1, 0);
    assert.ok(verdict.kind === 'again' && verdict.afterMs <= 30 * 60_000);
  });

  it('a redirect is no delivery', () => {
    const verdict = afterTry(answered(302), 1, 0);
    assert.match(verdict.kind === 'again' ? verdict.because : '', /is not asked/);
  });
});
