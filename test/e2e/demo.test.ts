import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { waitFor } from '#test/lab/wait.ts';
import { runDemo } from '../../cli/demo/demo.ts';

const LIMIT_MS = 60_000;

/** Starts the demo, waits until what its machines say satisfies `look`, and ends it. */
async function demo(dataDir: string, look: (lines: readonly string[]) => boolean | Promise<boolean>) {
  const stop = new AbortController();
  const lines: string[] = [];
  const errors: string[] = [];
  const ended = runDemo({
    machines: 8,
    port: 0,
    dataDir,
    out: (line) => lines.push(line),
    error: (line) => errors.push(line),
    signal: stop.signal,
  });
  try {
    await waitFor('the machines', () => errors.length > 0 || look(lines), LIMIT_MS);
  } finally {
    stop.abort();
  }
  return { status: await ended, lines, errors };
}

const count = (lines: readonly string[], pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;

test('the demo boots its machines, says of each line that it is simulated, and starts again', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'ingot-demo-'));
  try {
    for (const start of ['first', 'second']) {
      let page: string | undefined;
      const { status, lines, errors } = await demo(dataDir, async (said) => {
        const address = said.map((line) => /http:\S+code=\S+/.exec(line)?.[0]).find((one) => one !== undefined);
        if (address !== undefined && page === undefined) {
          page = (await fetch(address, { redirect: 'manual' })).headers.get('set-cookie') ?? '';
        }
        return count(said, / runs after /) === 5;
      });
      assert.deepEqual(errors, [], `${start} start`);
      assert.equal(status, 0);
      assert.match(page ?? '', /HttpOnly/);
      assert.equal(count(lines, /http:\S+code=/), 1, 'one address to look at');
      const commands = lines.filter((line) => line.includes('npx ingot'));
      assert.ok(commands.length > 0);
      for (const line of commands)
        assert.match(line, /--url http:\/\/127\.0\.0\.1:\d+ /, 'it is not at the usual port');
      const aboutRack = lines.filter((line) => /sim-r\d/.test(line) && !line.includes('npx ingot'));
      assert.ok(aboutRack.length > 30);
      assert.deepEqual(
        aboutRack.filter((line) => !line.startsWith('[simulated] ')),
        [],
      );
    }
    assert.ok((await readdir(dataDir)).includes('operator.token'));
  } finally {
    await rm(dataDir, { recursive: true });
  }
});
