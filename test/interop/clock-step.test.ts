import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { need } from '#test/lab/need.ts';
import { waitFor } from '#test/lab/wait.ts';

/** The two clocks are read beside each other every five seconds. */
const LIMIT_MS = 30_000;
const HOURS = 3600;

type Audit = { readonly items: readonly { readonly action: string; readonly detail: string }[] };

test('a wall’s clock that is set by hand under a running daemon, and back while it is away, voids what was granted', {
  timeout: 120_000,
}, async (t) => {
  const tools = need(t, ['libfaketime']);
  if (!tools) return;
  const directory = await mkdtemp(join(tmpdir(), 'ingot-clock-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const offset = join(directory, 'offset');
  const set = (seconds: number): void => writeFileSync(offset, `+${seconds}\n`);
  set(0);
  const start = (): Promise<Daemon> =>
    startDaemon({
      directory,
      env: {
        LD_PRELOAD: tools.libfaketime,
        FAKETIME_TIMESTAMP_FILE: offset,
        FAKETIME_NO_CACHE: '1',
        // As on a real machine: who sets the wall's clock does not move the other one.
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
      },
    });
  const voided = async (daemon: Daemon): Promise<readonly string[]> =>
    (await daemon.api<Audit>('GET', '/api/v1/audit')).items
      .filter(({ action }) => action === 'voidAll')
      .map(({ detail }) => detail);
  const grant = async (daemon: Daemon): Promise<void> => {
    await daemon.api('POST', '/api/v1/machines/r1-u1/boot', { profile: 'live' });
  };

  {
    await using daemon = await start();
    await daemon.apply([
      { kind: 'Profile', name: 'live', os: 'script', writes: 'none', script: 'exit' },
      { kind: 'Machine', name: 'r1-u1', macs: ['52:54:00:00:00:01'] },
    ]);
    await grant(daemon);
    assert.deepEqual(await voided(daemon), []);
    set(3 * HOURS);
    await waitFor('the jump to be seen', async () => (await voided(daemon)).length > 0, LIMIT_MS);
    const [first = '', ...more] = await voided(daemon);
    assert.match(first, /^the clock went forward by 3 h: 0 jobs parked; void: 1 grants, .* 0 keys$/);
    assert.deepEqual(more, []);
    // The operator's token is no grant: who sets a clock is not locked out.
    await grant(daemon);
    assert.equal(await daemon.stop(), 0);
  }
  set(0);
  await using daemon = await start();
  const [newest = ''] = await voided(daemon);
  assert.match(newest, /^the clock went back by 3 h while the daemon was away: 0 jobs parked; void: 1 grants/);
});
