import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { appendFile, cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ROOT } from '#test/project/source-files.ts';

/** Runs `ingot serve` with these lines of `ingot.yaml`, all else on loopback and free ports, to its end. */
async function refused(
  lines: readonly string[],
  program: readonly string[] = [join(ROOT, 'server/main.ts')],
): Promise<{ readonly status: unknown; readonly error: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'ingot-refused-'));
  try {
    await writeFile(
      join(directory, 'ingot.yaml'),
      [
        'dataDir: ./data',
        'tftp: { listen: 127.0.0.1:0 }',
        'machine: { listen: 127.0.0.1:0, tls: 127.0.0.1:0 }',
        'api: { listen: 127.0.0.1:0 }',
        ...lines,
      ].join('\n'),
    );
    const args = [...program, 'serve', '--config', 'ingot.yaml'];
    return await new Promise((resolve) => {
      execFile(process.execPath, args, { cwd: directory, timeout: 30_000 }, (failure, _out, error) =>
        resolve({ status: failure?.code, error }),
      );
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What people read; log lines are JSON. */
const told = (error: string): readonly string[] => error.split('\n').filter((line) => line.startsWith('ingot: '));

describe('serve refuses with one line, its place in the file, and what to do', {
  concurrency: 2,
  timeout: 60_000,
}, () => {
  test('a TCP port in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    assert.ok(typeof address === 'object' && address);
    const { status, error } = await refused([`boot: { listen: 127.0.0.1:${address.port} }`]);
    holder.close();
    assert.equal(status, 2, error);
    assert.equal(told(error).length, 1, error);
    assert.match(error, /^ingot: ingot\.yaml:5:9: TCP port \d+ on 127\.0\.0\.1 .*in use by .*another boot\.listen$/m);
  });

  test('an interface that this machine does not have', async () => {
    const { status, error } = await refused(['boot: { listen: 127.0.0.1:0 }', 'interfaces: [{ name: nope0 }]']);
    assert.equal(status, 2, error);
    assert.deepEqual(told(error).length, 1, error);
    assert.match(
      error,
      /^ingot: ingot\.yaml:6:\d+: this machine has no interface nope0; (?:write one of|none is there)/m,
    );
  });

  test('a template that cannot be read, before anything listens', async (t) => {
    const copy = await mkdtemp(join(tmpdir(), 'ingot-copy-'));
    t.after(() => rm(copy, { recursive: true, force: true }));
    for (const name of ['server', 'services', 'machines', 'node_modules', 'package.json'])
      await symlink(join(ROOT, name), join(copy, name));
    await cp(join(ROOT, 'templates'), join(copy, 'templates'), { recursive: true });
    await appendFile(join(copy, 'templates/ipxe/stop.eta'), '<% if (it.title { %>\n');
    const program = ['--preserve-symlinks', '--preserve-symlinks-main', join(copy, 'server/main.ts')];
    const { status, error } = await refused(['boot: { listen: 127.0.0.1:0 }'], program);
    assert.equal(status, 2, error);
    assert.deepEqual(told(error).length, 1, error);
    assert.match(error, /^ingot: \S*templates\/ipxe\/stop\.eta:\d+: \S/m);
  });

  test('a UDP port for relayed packets in use', async () => {
    const holder = createSocket('udp4').bind({ address: '127.0.0.1', port: 0, exclusive: true });
    await once(holder, 'listening');
    const { port } = holder.address();
    const { status, error } = await refused([
      'boot: { listen: 127.0.0.1:0 }',
      `dhcp: { relayListen: [127.0.0.1:${port}] }`,
    ]);
    holder.close();
    assert.equal(status, 2, error);
    assert.equal(told(error).length, 1, error);
    assert.match(
      error,
      /^ingot: ingot\.yaml:6:\d+: UDP port \d+ on 127\.0\.0\.1 \(relayed DHCP\) is in use by .*relayListen$/m,
    );
  });
});
