import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UDHCPC_SCRIPT } from '#machines/agent/udhcpc-script.ts';
import { openLab } from '#test/lab/lab.ts';
import { need } from '#test/lab/need.ts';
import { LEASING, startDhcp4 } from '../../interop/dhcp4-lab.ts';

// In a root of its own, as in the agent's image: only busybox is there, and no file of this machine is in its reach.
test('a lease becomes address, route and name servers; renewing it touches nothing', { timeout: 60_000 }, async (t) => {
  const tools = need(t, ['root', 'netns', 'ip', 'busybox']);
  if (!tools) return;
  await using lab = openLab();
  const root = join(lab.folder, 'root');
  for (const folder of ['bin', 'etc', 'dev', 'run/ingot']) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(tools.busybox, join(root, 'bin/busybox'));
  chmodSync(join(root, 'bin/busybox'), 0o755);
  writeFileSync(join(root, 'dev/null'), '');
  writeFileSync(join(root, 'run/ingot/udhcpc'), UDHCPC_SCRIPT, { mode: 0o755 });
  const daemon = await startDhcp4(lab, LEASING);
  const inClient = (...args: string[]): string =>
    execFileSync(tools.ip, ['-n', lab.namespaces.client, ...args]).toString();

  const options = ['-f', '-R', '-i', 'c0', '-s', '/run/ingot/udhcpc', '-t', '5', '-T', '2'] as const;
  const start = ['chroot', root, '/bin/busybox', 'udhcpc', ...options] as const;
  const client = lab.start(start, { place: 'client', name: 'udhcpc' });
  await client.waitForOutput(/lease of 192\.168\.77\.100 obtained/, 20_000);
  const monitor = lab.start([tools.ip, '-ts', 'monitor', 'address', 'route'], { place: 'client', name: 'monitor' });
  // What comes from here on is told by the monitor; this is its sign that it listens.
  await probe();
  assert.match(inClient('-4', 'address', 'show', 'dev', 'c0'), /inet 192\.168\.77\.100\/24 brd 192\.168\.77\.255/);
  assert.match(inClient('route'), /^default via 192\.168\.77\.1 dev c0/m);
  assert.equal(readFileSync(join(root, 'etc/resolv.conf'), 'utf8'), 'nameserver 192.168.77.1\n');

  client.signal('SIGUSR1');
  await client.waitForOutput(/obtained[^]*lease of 192\.168\.77\.100 obtained/, 20_000);
  await probe();
  assert.doesNotMatch(monitor.output(), /192\.168\.77\.100|Deleted default/);
  await client.stop();
  await daemon.stop();

  async function probe(): Promise<void> {
    for (;;) {
      inClient('address', 'add', '192.0.2.99/32', 'dev', 'lo');
      inClient('address', 'del', '192.0.2.99/32', 'dev', 'lo');
      try {
        await monitor.waitForOutput(/192\.0\.2\.99/, 500);
        return;
      } catch {
        // It does not listen yet.
      }
    }
  }
});
