import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { need } from '#test/lab/need.ts';

const PROGRAM = fileURLToPath(new URL('./full-disk-store.ts', import.meta.url));

it('a full disk refuses what it cannot keep, loses nothing that was acknowledged, and works again when there is room', async (t) => {
  if (!need(t, ['root'])) return;
  const dir = await mkdtemp(join(tmpdir(), 'ingot-full-disk-'));
  try {
    // The mount is in a namespace of its own, and ends with the program.
    const script = 'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" "$3" "$1"';
    const args = ['--mount', 'sh', '-c', script, 'sh', dir, process.execPath, PROGRAM];
    const { stdout } = await promisify(execFile)('unshare', args, { timeout: 60_000 });
    const seen = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual(seen['codes'], ['full']);
    assert.equal(seen['boundAfterwards'], 50);
    assert.deepEqual(seen['lost'], []);
    assert.ok(Number(seen['beforeRoom']) > 100, 'some were bound before the disk was full');
    assert.equal(seen['readable'], seen['beforeRoom'], 'what is there can be read while the disk is full');
  } finally {
    await rmdir(dir);
  }
});
