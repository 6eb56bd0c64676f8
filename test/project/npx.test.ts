import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from './source-files.ts';

// With `bin` in package.json, npx installs the checkout into its cache first, and our own .npmrc refuses that.
test('npx ingot runs in the checkout, without a registry and without a question', (t) => {
  const npm = process.env['npm_execpath'];
  if (npm === undefined) return t.skip('needs npm to have started the tests');
  const npx = join(dirname(npm), 'npx-cli.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [npx, '--offline', 'ingot', '--help'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^Usage: ingot /);
});
