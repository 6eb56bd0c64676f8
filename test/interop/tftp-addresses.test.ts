import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ANY_IPV4 } from '#machines/values/ip-address.ts';
import { need } from '#test/lab/need.ts';
import { runningTftp, sampleBytes } from '#test/server/tftp/running-server.ts';
import { rawClient } from '#test/server/tftp/tftp-client.ts';

// The file runs itself again in a network namespace of its own, where addresses may come and go and all that is made
// ends with the process.
const INSIDE = 'INGOT_TFTP_ADDRESSES_INSIDE';

if (process.env[INSIDE] === undefined) {
  test('sockets follow the addresses of this machine', { timeout: 60_000 }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip']);
    if (!tools) return;
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    // /sys shows the interfaces of the namespace it was mounted from.
    const inside = ['sh', '-c', 'mount -t sysfs sysfs /sys && exec "$@"', 'sh'];
    const self = [process.execPath, '--test-reporter=tap', fileURLToPath(import.meta.url)];
    const command = ['--net', '--mount', ...inside, ...self];
    const { stdout } = await promisify(execFile)('unshare', command, { env: { ...env, [INSIDE]: tools.ip } });
    assert.match(stdout, /^# pass 3$/m, stdout);
  });
} else {
  const ip = (...args: readonly string[]) => execFileSync(process.env[INSIDE] ?? 'ip', args);

  test('an address that comes is served from, one that goes is let go', { timeout: 30_000 }, async (t) => {
    ip('link', 'set', 'lo', 'up');
    ip('link', 'add', 'boot0', 'type', 'bridge');
    ip('link', 'set', 'boot0', 'mtu', '1400', 'up');
    const files = { file: sampleBytes(5000) };
    const server = await runningTftp(t, { files, address: ANY_IPV4, addressPollMs: 50, limits: { mtu: 1500 } });
    assert.deepEqual(
      server.addresses.map(({ address }) => address),
      ['127.0.0.1'],
    );

    ip('address', 'add', '192.0.2.1/24', 'dev', 'boot0');
    const came = await server.event('listening');
    assert.deepEqual(came.local, { address: '192.0.2.1', port: server.port });
    const client = await rawClient(t, { address: '192.0.2.1' });
    await client.request(server.port, 'file', { blksize: 1468 });
    const answer = await client.next();
    assert.equal(answer.address, '192.0.2.1');
    // What fits the interface, though the limits would allow more.
    assert.deepEqual(answer.packet, { kind: 'OACK', options: [{ name: 'blksize', value: '1368' }] });
    await client.send({ kind: 'ERROR', code: 0, text: '' }, answer.port);

    ip('address', 'del', '192.0.2.1/24', 'dev', 'boot0');
    const gone = await server.event('not-listening');
    assert.deepEqual([gone.local.address, gone.because], ['192.0.2.1', 'the address is gone']);
  });

  for (const singlePort of [false, true]) {
    const where = singlePort ? 'single port' : 'port per transfer';
    test(`an address that goes during a transfer ends that transfer only: ${where}`, { timeout: 30_000 }, async (t) => {
      ip('address', 'add', '192.0.2.1/24', 'dev', 'boot0');
      const files = { file: sampleBytes(5000) };
      const server = await runningTftp(t, { files, address: ANY_IPV4, addressPollMs: 50, singlePort });
      const client = await rawClient(t, { address: '192.0.2.1' });
      await client.request(server.port, 'file');
      await client.next();
      ip('address', 'del', '192.0.2.1/24', 'dev', 'boot0');
      await server.event('not-listening');
      await server.event('timed-out');
      const other = await rawClient(t);
      await other.request(server.port, 'file');
      assert.equal((await other.next()).packet.kind, 'DATA');
    });
  }
}
