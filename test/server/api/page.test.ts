import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fastify from 'fastify';
import { openPage } from '#server/api/page.ts';
import { runningApi } from './running-api.ts';

const INDEX = `<meta property="csp-nonce" nonce="csp-nonce"><script type="module" src="/page/index-a1.js" nonce="csp-nonce"></script>`;

/** A folder as Vite's build leaves it, and the page that is served of it. */
async function servedPage(files: Readonly<Record<string, string>>) {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-page-'));
  const folder = join(dir, 'dist');
  if (Object.keys(files).length > 0) await mkdir(folder);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const nobody = { exchange: async () => undefined };
  const page = await openPage(nobody as never, folder);
  const app = fastify();
  app.get('/', async (_request, reply) => await page.send(reply));
  return {
    page,
    folder,
    get: () => app.inject('/'),
    async [Symbol.asyncDispose]() {
      await app.close();
      await rm(dir, { recursive: true });
    },
  };
}

describe('the page', () => {
  it('says a fresh nonce for each answer, in its policy and beside its script, and nowhere else', async () => {
    await using served = await servedPage({ 'index.html': INDEX });
    const answers = await Promise.all([served.get(), served.get()]);
    const nonces = answers.map(({ headers, body }) => {
      const policy = String(headers['content-security-policy']);
      const nonce = /style-src 'self' 'nonce-([\w+/=]{24})'/.exec(policy)?.[1] ?? '';
      assert.match(policy, /^default-src 'none'; script-src 'self';/, 'scripts need no nonce: they are files');
      assert.ok(body.includes(`<meta property="csp-nonce" nonce="${nonce}">`), body);
      assert.ok(body.includes(`src="/page/index-a1.js" nonce="${nonce}"`), body);
      return nonce;
    });
    assert.equal(new Set(nonces).size, 2);
  });

  it('gives the files of its folder with their type, and no other', async () => {
    await using served = await servedPage({
      'index.html': INDEX,
      'index-a1.js': 'x'.repeat(2000),
      'index-a1.css': 'a{}',
      'notes.txt': '',
    });
    assert.equal(served.page.file('index-a1.js')?.contentType, 'text/javascript; charset=utf-8');
    const zipped = await served.page.file('index-a1.js')?.zipped();
    assert.ok(zipped && zipped.length < 200, 'what is long is there by gzip as well');
    assert.equal(await served.page.file('index-a1.css')?.zipped(), undefined);
    for (const name of ['index.html', 'notes.txt', '../dist/index-a1.js'])
      assert.equal(served.page.file(name), undefined);
  });

  it('says how to build it where it is not built, and is there as soon as it was', async () => {
    await using served = await servedPage({});
    const before = await served.get();
    assert.equal(before.statusCode, 503);
    assert.match(before.body, /npm run web:build/);
    await mkdir(served.folder);
    await writeFile(join(served.folder, 'index.html'), INDEX);
    assert.equal((await served.get()).statusCode, 200);
    await writeFile(join(served.folder, 'index.html'), INDEX.replace('a1', 'b2'));
    await utimes(join(served.folder, 'index.html'), new Date(), new Date(Date.now() + 1000));
    assert.match((await served.get()).body, /index-b2/, 'built anew while the daemon runs');
  });

  it('stands at every address of a browser, behind the door', async () => {
    await using api = await runningApi();
    const asBrowser = { headers: { accept: 'text/html,application/xhtml+xml' } };
    const outside = await fetch(new URL('/machines/r1-u1', api.url), asBrowser);
    assert.equal(outside.status, 401);
    assert.match(await outside.text(), /<title>Ingot/);
    const inside = await api.request('/machines/r1-u1', asBrowser);
    assert.ok(inside.status === 200 || inside.status === 503, `got ${inside.status}`);
    const wrong = await api.request('/api/v1/nothing', asBrowser);
    assert.equal(wrong.status, 404, 'but not where the API is');
    assert.match(wrong.headers.get('content-type') ?? '', /problem\+json/);
  });

  it('answers nothing outside its folder', async () => {
    await using api = await runningApi();
    for (const name of ['nothing.js', '..%2f..%2fpackage.json', 'index.html', 'door.html', '%2e%2e/page.ts']) {
      const { status } = await api.request(`/page/${name}`);
      assert.ok(status === 404 || status === 400, `${name} gave ${status}`);
    }
  });
});
