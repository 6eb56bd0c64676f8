import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { runningInGroup } from './process-group.ts';
import { type FileRun, runFile } from './run-file.ts';

const NEVER = new AbortController().signal;

/** Runs a file of this content, in a folder of its own. */
async function runText(t: TestContext, text: string, limitMs = 60_000): Promise<FileRun> {
  const root = await mkdtemp(join(tmpdir(), 'ingot-runner-test-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  await writeFile(join(root, 'a.test.mjs'), `import { describe, test } from 'node:test';\n${text}`);
  return runFile({ file: 'a.test.mjs', root, env: process.env, limitMs, graceMs: 1000, signal: NEVER });
}

/** Waits for a condition; the runner's time limit is the limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setTimeout(10);
}

const outline = (run: FileRun) =>
  run.results.map((result) => {
    if (result.kind === 'skipped') return `skipped ${result.name}: ${result.reason}`;
    return `${result.kind} ${result.name}`;
  });

test('tests are counted one by one, named with the suites around them', async (t) => {
  const run = await runText(t, `describe('a suite', () => { test('one', () => {}); test('two', () => {}) })`);
  assert.deepEqual(outline(run), ['passed a suite > one', 'passed a suite > two']);
});

test('a failure inside a test is told once, with its error', async (t) => {
  const run = await runText(t, `test('outer', (t) => t.test('inner', () => { throw new Error('no such disk') }))`);
  assert.deepEqual(outline(run), ['failed outer > inner']);
  assert.ok(run.results[0]?.kind === 'failed' && run.results[0].detail.includes('no such disk'));
});

test('a skipped test keeps its reason', async (t) => {
  const run = await runText(t, `test('boots', (t) => t.skip('needs root'))`);
  assert.deepEqual(outline(run), ['skipped boots: needs root']);
});

test('a test that is still to do counts as skipped, whether it passes or fails', async (t) => {
  const run = await runText(t, `test('later', { todo: true }, () => { throw new Error('not yet') })`);
  assert.deepEqual(outline(run), ['skipped later: to do: no reason given']);
});

test('a file that cannot be loaded fails, and its output says why', async (t) => {
  const run = await runText(t, `import './missing.mjs'`);
  assert.deepEqual(outline(run), ['failed the file ends well']);
  assert.match(run.output, /missing\.mjs/);
});

test('a file without a test fails', async (t) => {
  assert.deepEqual(outline(await runText(t, '')), ['failed the file holds a test']);
});

test('a file that ends itself in the middle fails', async (t) => {
  const run = await runText(t, `test('first', () => {}); test('ends', () => process.exit(0)); test('last', () => {})`);
  assert.ok(
    run.results.some((result) => result.kind === 'failed'),
    JSON.stringify(run.results),
  );
});

test('a file that hangs is stopped, and what passed before is kept', async (t) => {
  const hangs = `test('first', () => {}); test('hangs', () => new Promise(() => setInterval(() => {}, 1000)))`;
  const run = await runText(t, hangs, 3000);
  assert.deepEqual(outline(run), ['passed first', 'failed the file ends in time']);
});

test('a file that does not hear the first signal is killed', async (t) => {
  const deaf = `process.on('SIGTERM', () => {}); test('hangs', () => new Promise(() => setInterval(() => {}, 1000)))`;
  assert.deepEqual(outline(await runText(t, deaf, 2000)), ['failed the file ends in time']);
});

test('processes left behind are found and ended', async (t) => {
  const leaves = `
    import { spawn } from 'node:child_process';
    test('starts', () => {
      spawn('sleep', ['1000'], { stdio: 'ignore' }).unref();
      console.log('group', process.pid);
    });`;
  const run = await runText(t, leaves);
  assert.deepEqual(outline(run), ['passed starts', 'failed the file ends what it starts']);
  const group = Number(/group (\d+)/.exec(run.output)?.[1]);
  await until(() => runningInGroup(group).length === 0);
  assert.match(run.results[1]?.kind === 'failed' ? run.results[1].detail : '', /left sleep 1000 behind/);
});
