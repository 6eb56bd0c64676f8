import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TraceBody, TraceEvent } from '#machines/contract/trace.ts';
import { bootSpans } from '#machines/decide/boot-spans.ts';

const SERVER = '192.0.2.1';
const event = (at: number, body: TraceBody): TraceEvent => ({ seq: 1, at, ...body });
const asked = (at: number) => event(at, { kind: 'tftp-asked', file: 'a', options: '' });
const http = (at: number, role: 'kernel' | 'initrd' | 'other', ms: number) =>
  event(at, { kind: 'http-sent', method: 'GET', path: '/', role, status: 200, bytes: 1, size: 1, ms });

describe('how long each part of a boot took', () => {
  it('is from its first event to the first of the next part', () => {
    const spans = bootSpans([
      event(1000, { kind: 'dhcp-silent', xid: 1, code: 'limit', because: SERVER }),
      asked(1200),
      event(1500, { kind: 'script-rendered', situation: 'kernel', because: '', bytes: 1 }),
      http(2500, 'kernel', 900),
      http(4000, 'initrd', 1000),
      event(5000, { kind: 'reported', by: 'agent', text: '' }),
    ]);
    assert.deepEqual(
      spans.map(({ stage, from, to }) => [stage, from, to]),
      [
        ['dhcp', 0, 200],
        ['loader', 200, 500],
        ['script', 500, 600],
        ['kernel', 600, 2000],
        ['initrd', 2000, 4000],
        ['running', 4000, 4000],
      ],
    );
  });

  it('never goes back: iPXE asks DHCP again, and that is still the loader', () => {
    const spans = bootSpans([
      event(0, { kind: 'dhcp-silent', xid: 1, code: 'limit', because: '' }),
      asked(10),
      event(20, { kind: 'dhcp-silent', xid: 1, code: 'limit', because: '' }),
      http(30, 'other', 5),
    ]);
    assert.deepEqual(spans, [
      { stage: 'dhcp', from: 0, to: 10 },
      { stage: 'loader', from: 10, to: 30 },
    ]);
  });

  it('is nothing where nothing happened, and never negative', () => {
    assert.deepEqual(bootSpans([]), []);
    assert.deepEqual(bootSpans([http(10, 'kernel', 50_000)]), [{ stage: 'kernel', from: 0, to: 0 }]);
  });
});
