import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { need } from '#test/lab/need.ts';
import { ATTEMPT, startWorld } from '#test/server/http/world.ts';

const run = promisify(execFile);
const KERNEL = `/a/${ATTEMPT}/kernel`;

describe('curl and the boot plane', () => {
  it('fetches a file whole', async (t) => {
    if (!need(t, ['curl'])) return;
    await using world = await startWorld();
    const file = join(world.directory, 'got');
    await run('curl', ['-sSf', '-o', file, `${world.url}${KERNEL}`]);
    assert.ok((await readFile(file)).equals(world.files.kernel));
  });

  it('goes on with a file that it has half of', async (t) => {
    if (!need(t, ['curl'])) return;
    await using world = await startWorld();
    const file = join(world.directory, 'got');
    await run('curl', ['-sSf', '-o', file, `${world.url}${KERNEL}`]);
    await truncate(file, 1_234_567);
    await run('curl', ['-sSf', '-C', '-', '-o', file, `${world.url}${KERNEL}`]);
    assert.ok((await readFile(file)).equals(world.files.kernel));
    assert.equal(
      (await world.event('http-sent', ({ status }) => status === 206)).size,
      world.files.kernel.length - 1_234_567,
    );
  });

  it('is told by HEAD what GET would send, and that nothing has changed', async (t) => {
    if (!need(t, ['curl'])) return;
    await using world = await startWorld();
    const { stdout } = await run('curl', ['-sSfI', `${world.url}${KERNEL}`]);
    assert.match(stdout, new RegExp(`^content-length: ${world.files.kernel.length}\r$`, 'im'));
    const etag = /^etag: (.*)\r$/im.exec(stdout)?.[1] ?? '';
    const code = ['-sS', '-o', '/dev/null', '-w', '%{http_code}'];
    const again = await run('curl', [...code, '-H', `If-None-Match: ${etag}`, `${world.url}${KERNEL}`]);
    assert.equal(again.stdout, '304');
  });

  it('cannot walk out, however it spells the path', async (t) => {
    if (!need(t, ['curl'])) return;
    await using world = await startWorld();
    for (const path of [
      '/../../etc/passwd',
      '/ipxe/..%2f..%2fetc/passwd',
      '/..;/etc/passwd',
      '/%c0%ae%c0%ae/etc/passwd',
    ]) {
      const code = ['-sS', '--path-as-is', '-o', '/dev/null', '-w', '%{http_code} %{redirect_url}'];
      assert.equal((await run('curl', [...code, `${world.url}${path}`])).stdout, '404 ', path);
    }
  });
});

describe('wget and the boot plane', () => {
  it('fetches a file, and goes on with one that it has half of', async (t) => {
    if (!need(t, ['wget'])) return;
    await using world = await startWorld();
    const file = join(world.directory, 'got');
    const wget = (...args: readonly string[]) => run('wget', ['-q', ...args, '-O', file, `${world.url}${KERNEL}`]);
    await wget();
    assert.ok((await readFile(file)).equals(world.files.kernel));
    await truncate(file, 999_999);
    await wget('-c');
    assert.ok((await readFile(file)).equals(world.files.kernel));
  });
});
