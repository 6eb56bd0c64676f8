import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { runningApi } from './running-api.ts';

const FOLDER = new URL('../../../server/api/page/', import.meta.url);

describe('the status page', () => {
  it('is served with every file that it names, and each has its type', async () => {
    await using api = await runningApi();
    const seen = new Set<string>();
    const todo = [...(await (await api.request('/')).text()).matchAll(/\/page\/([a-z.-]+)/g)].map(
      ([, name = '']) => name,
    );
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      const answer = await api.request(`/page/${name}`);
      assert.equal(answer.status, 200, name);
      const type = answer.headers.get('content-type') ?? '';
      assert.match(
        type,
        name.endsWith('.mjs') ? /^text\/javascript/ : name.endsWith('.css') ? /^text\/css/ : /^image\/svg/,
      );
      todo.push(...[...(await answer.text()).matchAll(/from '\.\/([a-z-]+\.mjs)'/g)].map(([, each = '']) => each));
    }
    const files = (await readdir(FOLDER)).filter((name) => !name.endsWith('.html'));
    assert.deepEqual([...seen].toSorted(), files.toSorted(), 'and no file lies there unused');
  });

  it('loads nothing from elsewhere, has no script or style within it, and never reads text as HTML', async () => {
    for (const name of await readdir(FOLDER)) {
      const text = await readFile(new URL(name, FOLDER), 'utf8');
      const outside = [...text.matchAll(/\b(?:https?:)?\/\/[a-z][^\s"'`)]*/g)].map(([url]) => url);
      assert.deepEqual(
        outside.filter((url) => !url.startsWith('http://www.w3.org/')),
        [],
        name,
      );
      assert.doesNotMatch(text, /innerHTML|insertAdjacentHTML|document\.write|eval\(/, name);
      if (name === 'index.html') assert.doesNotMatch(text, /<script(?![^>]*src=)|<style|\son[a-z]+=|\sstyle=/, name);
    }
  });

  it('answers nothing outside its folder', async () => {
    await using api = await runningApi();
    for (const name of ['nothing.mjs', '..%2f..%2fpackage.json', 'index.html', 'door.html', '%2e%2e/page.ts']) {
      const { status } = await api.request(`/page/${name}`);
      assert.ok(status === 404 || status === 400, `${name} gave ${status}`);
    }
  });
});
