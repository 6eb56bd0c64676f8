import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { commandPages } from '../../../cli/manual/pages.ts';

test('mandoc finds nothing wrong in any page, and shows what is typed as it is typed', async (t) => {
  const tools = need(t, ['mandoc']);
  if (!tools) return;
  const dir = await mkdtemp(join(tmpdir(), 'ingot-man-'));
  t.after(() => rm(dir, { recursive: true }));
  const pages = commandPages('2026-01-02');
  assert.ok(pages.length > 30);
  for (const { file, text } of pages) await writeFile(join(dir, file), text);
  const files = pages.map(({ file }) => join(dir, file));
  const lint = spawnSync(tools.mandoc, ['-Tlint', '-Wwarning', ...files], { encoding: 'utf8' });
  // Pages refer to each other, and none of them is installed here.
  const found = lint.stdout.split('\n').filter((line) => line !== '' && !line.includes('referenced manual not found'));
  assert.deepEqual(found, []);

  const shown = execFileSync(tools.mandoc, ['-Tascii', join(dir, 'ingot-machine.1')], { encoding: 'utf8' });
  // oxlint-disable-next-line no-control-regex -- bold is a character, a backspace and the same again
  const plain = shown.replaceAll(/.\u0008/g, '');
  assert.match(plain, /^ +ingot machine accept r1-u1\.\.12 {2,}the list and its count are printed first$/m);
  assert.match(plain, /-l, --selector conditions/);
});
