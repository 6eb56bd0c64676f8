import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runDemo } from '../../../cli/demo/demo.ts';

test('a port in use ends the demo with a line that says what to do, and nothing is started', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const dataDir = await mkdtemp(join(tmpdir(), 'ingot-demo-'));
  const errors: string[] = [];
  try {
    const status = await runDemo({
      machines: 8,
      port,
      dataDir,
      out: () => {},
      error: (line) => errors.push(line),
      signal: new AbortController().signal,
    });
    assert.equal(status, 2);
    assert.match(errors.join('\n'), new RegExp(`127\\.0\\.0\\.1:${port} is in use.*--port \\d+`, 's'));
    assert.deepEqual(await readdir(dataDir), []);
  } finally {
    other.close();
    await rm(dataDir, { recursive: true });
  }
});
