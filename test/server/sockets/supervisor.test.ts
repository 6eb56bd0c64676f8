import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSupervisor } from '#server/sockets/supervisor.ts';
import { loadUnixDatagrams } from '#server/sockets/unix-datagram.ts';

test('there is a way to sockets in the file system where there is Linux', async () => {
  assert.equal((await loadUnixDatagrams()) !== undefined, process.platform === 'linux');
});

for (const [name, env, want] of [
  ['nobody supervises', {}, undefined],
  ['nobody wants signs of life', { NOTIFY_SOCKET: '@none' }, undefined],
  ['signs of life are for us', { NOTIFY_SOCKET: '@none', WATCHDOG_USEC: '60000000', WATCHDOG_PID: '7' }, 60_000],
  ['signs of life are for whoever is started', { NOTIFY_SOCKET: '@none', WATCHDOG_USEC: '60000000' }, 60_000],
  [
    'signs of life are for another',
    { NOTIFY_SOCKET: '@none', WATCHDOG_USEC: '60000000', WATCHDOG_PID: '8' },
    undefined,
  ],
  ['what is no time is none', { NOTIFY_SOCKET: '@none', WATCHDOG_USEC: 'soon' }, undefined],
] as const) {
  test(name, async (t) => {
    if (process.platform !== 'linux') return t.skip('needs Linux');
    const supervisor = await openSupervisor(env, 7);
    assert.equal(supervisor.watchdogMs, want);
    // To nobody, and nothing comes of it.
    supervisor.notify({ READY: 1, STATUS: 'two\nlines' });
  });
}
