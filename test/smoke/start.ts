// What `npm start` shows a newcomer. In no tier, because it takes the demo's own ports and data: .ci/run calls it as
// `node test/run.ts test/smoke/start.ts`.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { waitFor } from '#test/lab/wait.ts';
import { ROOT } from '#test/project/source-files.ts';

const READY_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;

type Started = { readonly output: () => string; readonly pid: number; readonly ended: Promise<unknown> };

/** Starts `npm start`. What it leaves running, the test run finds and ends. */
function npmStart(t: TestContext): Started {
  const child = spawn('npm', ['start'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  const { pid } = child;
  assert.ok(pid !== undefined);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'exit');
  t.after(() => {
    child.kill('SIGKILL');
    for (const stream of [child.stdout, child.stderr]) stream.destroy();
  });
  return { output: () => said, pid, ended };
}

test('npm start prints an address that opens the page once, and ends when it is told to', async (t) => {
  const { output, pid, ended } = npmStart(t);
  const over = ended.then(() => Promise.reject(new Error(`npm start ended:\n${output()}`)));
  over.catch(() => {});
  const address = await Promise.race([
    over,
    waitFor('an address with a code', () => /http:\/\/\S+?\?code=[\w-]+/.exec(output())?.[0], READY_LIMIT_MS),
  ]);

  const health = await fetch(new URL('/healthz', address));
  assert.equal(health.status, 200);
  const page = await fetch(address, { redirect: 'manual' });
  assert.ok(page.status < 400, `the page answered ${page.status}`);
  assert.match(page.headers.get('set-cookie') ?? '', /HttpOnly/i);
  const again = await fetch(address, { redirect: 'manual' });
  assert.equal(again.headers.get('set-cookie'), null, 'the code opened the page twice');

  process.kill(pid, 'SIGTERM');
  await Promise.race([ended, setTimeout(STOP_LIMIT_MS, undefined, { ref: false })]);
  await assert.rejects(fetch(new URL('/healthz', address)), 'the daemon still listens');
});
