import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runGroup } from './run-group.ts';

/** What is told of each file of these contents, run together. */
async function outlines(t: TestContext, contents: Readonly<Record<string, string>>) {
  const root = await mkdtemp(join(tmpdir(), 'ingot-runner-test-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(contents)) {
    const starts = `import { writeFileSync } from 'node:fs'; writeFileSync(\`${root}/\${process.pid}.pid\`, '');`;
    await writeFile(join(root, name), `import { test } from 'node:test';\n${starts}\n${text}`);
  }
  const told: Record<string, readonly string[]> = {};
  await runGroup({
    files: Object.keys(contents),
    root,
    env: process.env,
    limitMs: 60_000,
    signal: new AbortController().signal,
    done: ({ file, results }) => {
      told[file] = results.map(({ kind, name }) => `${kind} ${name}`);
    },
  });
  const processes = (await readdir(root)).filter((name) => name.endsWith('.pid')).length;
  return { told, processes };
}

test('files that run in one process are told of each by itself', async (t) => {
  const { told, processes } = await outlines(t, {
    'a.test.mjs': `test('a', () => {}); test('skips', (t) => t.skip('no disk'))`,
    'b.test.mjs': `test('b', () => { throw new Error('wrong') })`,
  });
  assert.deepEqual(told, { 'a.test.mjs': ['passed a', 'skipped skips'], 'b.test.mjs': ['failed b'] });
  assert.equal(processes, 1);
});

test('where one takes the process with it, each has another of its own, and the right one is blamed', async (t) => {
  const { told } = await outlines(t, {
    'a.test.mjs': `test('a', () => {})`,
    'ends.test.mjs': `test('ends', () => process.exit(3))`,
    'empty.test.mjs': '',
    'wrong.test.mjs': `import './missing.mjs'`,
  });
  assert.deepEqual(told['a.test.mjs'], ['passed a']);
  assert.deepEqual(told['empty.test.mjs'], ['failed the file holds a test']);
  assert.deepEqual(told['wrong.test.mjs'], ['failed the file ends well']);
  assert.match(told['ends.test.mjs']?.join() ?? '', /^failed/);
});

test('a file without a test is found among others, too', async (t) => {
  const { told } = await outlines(t, { 'a.test.mjs': `test('a', () => {})`, 'empty.test.mjs': '' });
  assert.deepEqual(told, { 'a.test.mjs': ['passed a'], 'empty.test.mjs': ['failed the file holds a test'] });
});
