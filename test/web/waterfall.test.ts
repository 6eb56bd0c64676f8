import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TraceBody, TraceEvent } from '#machines/contract/trace.ts';
import { waterfallOf } from '../../web/machine/waterfall.ts';

const at = (ms: number, body: TraceBody): TraceEvent => ({ seq: ms + 1, at: 1_700_000_000_000 + ms, ...body });
const asked: TraceBody = {
  kind: 'dhcp-received',
  message: 'DISCOVER',
  xid: 1,
  port: 67,
  client: { kind: 'pxe' },
  secs: 0,
};
const sent = (role: 'kernel' | 'initrd', ms: number, bytes = 1024, size = bytes): TraceBody => ({
  kind: 'http-sent',
  method: 'GET',
  path: `/a/AAAAAAAAAAAAAAAAAAAAAA/${role}`,
  role,
  status: 200,
  bytes,
  size,
  ms,
});

describe('the waterfall of a boot', () => {
  it('has a bar for each part, and below it one for what was sent in it, from when it began', () => {
    const rows = waterfallOf([at(0, asked), at(500, sent('kernel', 400)), at(900, sent('initrd', 300))]);
    assert.deepEqual(
      rows.map(({ kind, what, from, to }) => `${kind} ${what}: ${from}-${to}`),
      [
        'part Address: 0-100',
        'part Kernel: 100-600',
        'transfer GET /kernel, 1 KiB: 100-500',
        'part Initrd: 600-900',
        'transfer GET /initrd, 1 KiB: 600-900',
      ],
    );
  });

  it('marks what broke off', () => {
    const rows = waterfallOf([at(0, asked), at(500, sent('kernel', 400, 10, 1024))]);
    assert.equal(rows.find(({ kind }) => kind === 'transfer')?.tone, 'bad');
  });

  it('keeps the longest of very many transfers', () => {
    const many = Array.from({ length: 500 }, (_, index) => at(index * 10 + 10, sent('initrd', index === 77 ? 9 : 1)));
    const transfers = waterfallOf([at(0, asked), ...many]).filter(({ kind }) => kind === 'transfer');
    assert.equal(transfers.length, 40);
    assert.ok(transfers.some(({ from, to }) => to - from === 9));
  });

  it('is empty without events', () => assert.deepEqual(waterfallOf([]), []));
});
