import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { isPageOlder } from '../../deploy/web/page.ts';
import { ROOT } from '#test/project/source-files.ts';

/** What stands in a source file of the page and would reach outside, or read text as HTML. */
async function sources(): Promise<readonly (readonly [string, string])[]> {
  const names = await readdir(join(ROOT, 'web'), { recursive: true });
  const own = names.filter((name) => !name.startsWith('dist') && /\.(tsx?|css|html)$/.test(name));
  return await Promise.all(own.map(async (name) => [name, await readFile(join(ROOT, 'web', name), 'utf8')] as const));
}

test('the page asks nobody but its daemon, and never reads text as HTML', async () => {
  const all = await sources();
  assert.ok(all.length > 50);
  for (const [name, text] of all) {
    assert.doesNotMatch(text, /dangerouslySetInnerHTML|innerHTML|insertAdjacentHTML|document\.write|\beval\(/, name);
    assert.doesNotMatch(text, /(?:src|href)=["']https?:|url\(\s*["']?(?:https?:)?\/\//, name);
  }
});

/** Of what a browser loads before the first screen, as it is sent: a phone in a cold aisle waits for it. */
const FIRST_LOAD_BYTES = 320 << 10;

test('the first screen loads little, and neither terminal, charts nor YAML', async (t) => {
  if (await isPageOlder()) return t.skip('web/dist is not built from these sources: npm run web:build');
  const dist = join(ROOT, 'web/dist');
  const index = await readFile(join(dist, 'index.html'), 'utf8');
  const names = [...index.matchAll(/page\/([\w-]+\.(?:js|css))/g)].map(([, name = '']) => name);
  const files = await Promise.all(names.map((name) => readFile(join(dist, name))));
  const bytes = files.reduce((sum, file) => sum + gzipSync(file).length, 0);
  t.diagnostic(`${Math.round(bytes / 1024)} KiB in ${names.length} files`);
  assert.ok(names.length >= 2);
  assert.ok(bytes <= FIRST_LOAD_BYTES, `${bytes} bytes, want at most ${FIRST_LOAD_BYTES}`);
  // Each by a word that only it has.
  const first = Buffer.concat(files).toString();
  for (const word of ['xterm-helper-textarea', 'u-over', 'tag:yaml.org,2002']) {
    assert.ok(!first.includes(word), `${word} is loaded before it is asked for`);
  }
});

test('there is no .tsx outside of web/', async () => {
  for (const folder of ['cli', 'server', 'services', 'machines', 'deploy']) {
    const names = await readdir(join(ROOT, folder), { recursive: true });
    assert.deepEqual(
      names.filter((name) => name.endsWith('.tsx')),
      [],
      folder,
    );
  }
});
