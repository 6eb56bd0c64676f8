import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STORM_CONFIG, storm } from '#test/bench/storm.ts';
import { startDaemon } from '#test/harness/daemon.ts';

test('fifty machines that are powered on at once all boot', async () => {
  await using daemon = await startDaemon({ config: STORM_CONFIG });
  const { failed } = await storm(daemon, 50);
  assert.equal(failed, 0);
  const { items } = await daemon.api<{ items: readonly { status: { attempt?: { verdict: { code: string } } } }[] }>(
    'GET',
    '/api/v1/machines?limit=100',
  );
  const codes = items.map(({ status }) => status.attempt?.verdict.code);
  assert.deepEqual(new Set(codes), new Set(['booted']));
});
