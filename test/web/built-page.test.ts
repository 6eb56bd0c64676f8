import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
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
