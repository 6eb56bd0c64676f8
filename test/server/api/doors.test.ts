import assert from 'node:assert/strict';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { cookieName, cookieRules, isOurHost } from '#server/api/decide/host.ts';
import { type RunningApi, runningApi } from './running-api.ts';

/** One for all tests of this file: none changes what another looks at. */
let api: RunningApi;
before(async () => {
  api = await runningApi();
});
after(() => api[Symbol.asyncDispose]());

/** fetch sets Host and Sec-Fetch-Mode by itself. */
const get = (api: RunningApi, path: string, headers: Record<string, string>): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    httpRequest(`${api.url}${path}`, { headers }, resolve).on('error', reject).end();
  });
const statusOf = async (answer: Promise<IncomingMessage>): Promise<number | undefined> =>
  (await answer).resume().statusCode;

const withHost = (api: RunningApi, host: string, path = '/api/v1/status'): Promise<number | undefined> =>
  statusOf(get(api, path, { host, authorization: `Bearer ${api.tokens.admin}` }));

async function signIn(api: RunningApi): Promise<string> {
  const { secret } = await api.access.createCode({ name: 'operator', role: 'admin' });
  const answer = await fetch(`${api.url}/?code=${secret}`, { redirect: 'manual' });
  assert.equal(answer.status, 303);
  return answer.headers.get('set-cookie') ?? '';
}

const cookieOf = (header: string): string => header.split(';')[0] ?? '';

describe('the cookie of a session', () => {
  for (const [protocol, host, name] of [
    ['http', '127.0.0.1:4680', 'ingot-session-4680'],
    ['http', 'ingot.lab', 'ingot-session-80'],
    ['https', 'ingot.lab:4680', '__Host-ingot-session-4680'],
    ['https', '[::1]', '__Host-ingot-session-443'],
  ] as const) {
    it(`by ${protocol} at ${host} is ${name}`, () => {
      assert.equal(cookieName('session', { protocol, headers: { host } }), name);
      assert.deepEqual(cookieRules({ protocol }), { path: '/', httpOnly: true, secure: protocol === 'https' });
    });
  }
});

describe('the Host header', () => {
  for (const [host, ours] of [
    ['127.0.0.1:4680', true],
    ['[::1]:4680', true],
    ['localhost', true],
    ['LOCALHOST:8000', true],
    ['ingot.lab:80', true],
    ['192.168.77.1', true],
    ['evil.example', false],
    ['ingot.lab.evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['localhost@evil.example', false],
    ['', false],
    [undefined, false],
  ] as const) {
    it(`${JSON.stringify(host)} is ${ours ? 'ours' : 'not ours'}`, () => {
      assert.equal(isOurHost(host, ['ingot.lab']), ours);
    });
  }

  it('of a stranger is refused, even with a token', async () => {
    assert.equal(await withHost(api, 'evil.example'), 421);
    assert.equal(await withHost(api, 'evil.example', '/?code=x'), 421);
    assert.equal(await withHost(api, 'ingot.lab'), 200);
  });
});

describe('the one-time code', () => {
  it('gives a cookie that scripts cannot read and other sites cannot send', async () => {
    const header = await signIn(api);
    assert.match(header, /; HttpOnly/);
    assert.match(header, /; SameSite=Strict/);
    const machines = await fetch(`${api.url}/api/v1/machines`, { headers: { cookie: cookieOf(header) } });
    assert.equal(machines.status, 200);
  });

  it('opens nothing the second time, and the answer is a page that says what to do', async () => {
    const { secret } = await api.access.createCode({ name: 'operator', role: 'admin' });
    await fetch(`${api.url}/?code=${secret}`, { redirect: 'manual' });
    const again = await fetch(`${api.url}/?code=${secret}`, { redirect: 'manual' });
    assert.equal(again.status, 401);
    assert.match(await again.text(), /ingot login/);
  });

  it('is not used up by a browser that looks ahead', async () => {
    const { secret } = await api.access.createCode({ name: 'operator', role: 'admin' });
    const ahead = await fetch(`${api.url}/?code=${secret}`, {
      redirect: 'manual',
      headers: { 'sec-purpose': 'prefetch' },
    });
    assert.equal(ahead.status, 401);
    assert.equal((await fetch(`${api.url}/?code=${secret}`, { redirect: 'manual' })).status, 303);
  });

  it('is not used by a link of another site, which would let somebody in as who wrote the link', async () => {
    const { secret } = await api.access.createCode({ name: 'operator', role: 'admin' });
    const open = (site: string) =>
      get(api, `/?code=${secret}`, {
        'sec-fetch-site': site,
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
      });
    for (const site of ['cross-site', 'same-site']) {
      const answer = await open(site);
      assert.equal(answer.statusCode, 401, site);
      assert.equal(answer.headers['set-cookie'], undefined);
      assert.match(await text(answer), /data-reason="led"/);
    }
    assert.equal(await statusOf(open('none')), 303, 'from a terminal, or typed');
  });

  it('is made for the page by whoever has a token, with no more than their own role', async () => {
    const answer = await api.send('POST', '/api/v1/codes', {}, { authorization: `Bearer ${api.tokens.viewer}` });
    const { url } = (await answer.json()) as { url: string };
    const session = await fetch(url, { redirect: 'manual' });
    const cookie = cookieOf(session.headers.get('set-cookie') ?? '');
    const who = (await (await fetch(`${api.url}/api/v1/session`, { headers: { cookie } })).json()) as object;
    assert.partialDeepStrictEqual(who, { name: 'a-viewer', role: 'viewer', kind: 'session' });
  });
});

describe('a token with an end', () => {
  it('makes nothing that lasts longer, and takes with it what it made', async () => {
    const make = async (by: string, body: object): Promise<{ id: string; secret: string; expiresAt?: number }> => {
      const answer = await api.send('POST', '/api/v1/tokens', body, { authorization: `Bearer ${by}` });
      assert.equal(answer.status, 201);
      return (await answer.json()) as { id: string; secret: string };
    };
    const ci = await make(api.tokens.admin, { name: 'ci', role: 'admin', days: 1 });
    const child = await make(ci.secret, { name: 'child', role: 'viewer', days: 365 });
    assert.equal(child.expiresAt, ci.expiresAt);
    const code = await api.send('POST', '/api/v1/codes', {}, { authorization: `Bearer ${ci.secret}` });
    const { url } = (await code.json()) as { url: string };
    const header = (await fetch(url, { redirect: 'manual' })).headers.get('set-cookie') ?? '';
    const cookie = cookieOf(header);
    const ask = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${api.url}/api/v1/status`, { headers })).status;
    const [byCookie, byChild] = [{ cookie }, { authorization: `Bearer ${child.secret}` }];
    assert.deepEqual([await ask(byCookie), await ask(byChild)], [200, 200]);
    const { items } = (await (await api.request('/api/v1/tokens')).json()) as {
      items: { id: string; parent?: string }[];
    };
    assert.equal(items.find(({ id }) => id === child.id)?.parent, ci.id);
    assert.equal((await api.request(`/api/v1/tokens/${ci.id}`, { method: 'DELETE' })).status, 204);
    assert.deepEqual([await ask(byCookie), await ask(byChild)], [401, 401]);
  });
});

describe('a session', () => {
  it('changes things only from its own page', async () => {
    const cookie = cookieOf(await signIn(api));
    const lock = (origin?: string) =>
      fetch(`${api.url}/api/v1/codes`, {
        method: 'POST',
        headers: { cookie, ...(origin === undefined ? {} : { origin }) },
      });
    assert.equal((await lock()).status, 403);
    assert.equal((await lock('http://127.0.0.1:1')).status, 403, 'another port of this host is another site');
    assert.equal((await lock(api.url)).status, 201);
  });

  it('is read by no page of another site, whatever else the browser sends', async () => {
    const cookie = cookieOf(await signIn(api));
    const ask = (headers: Record<string, string>) => statusOf(get(api, '/api/v1/status', { cookie, ...headers }));
    const [basic, bearer] = [`Basic ${btoa('a:b')}`, `Bearer ${api.tokens.admin}`];
    const image = { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
    const frame = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' };
    for (const from of [image, frame]) {
      for (const authorization of [basic, 'Negotiate x', 'Bearer', '']) {
        assert.equal(await ask({ ...from, authorization }), 403, authorization);
      }
    }
    assert.equal(await ask({ ...image, authorization: bearer }), 200, 'a token is no browser’s');
    assert.equal(await ask({ 'sec-fetch-site': 'same-origin', authorization: basic }), 200);
  });

  it('ends when it is signed out', async () => {
    const cookie = cookieOf(await signIn(api));
    const out = await fetch(`${api.url}/api/v1/session`, { method: 'DELETE', headers: { cookie, origin: api.url } });
    assert.equal(out.status, 204);
    assert.equal((await fetch(`${api.url}/api/v1/status`, { headers: { cookie } })).status, 401);
  });
});

describe('every answer', () => {
  it('forbids framing, sniffing, caching and anything from elsewhere', async () => {
    for (const path of ['/', '/api/v1/status', '/api/v1/nothing', '/healthz', '/page/page.css']) {
      const { headers } = await api.request(path);
      assert.equal(headers.get('x-frame-options'), 'DENY', path);
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
      assert.equal(headers.get('cache-control'), 'no-store', path);
      assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/, path);
    }
  });

  it('to broken input is a problem, and the daemon goes on', async () => {
    for (const [init, status] of [
      [{ method: 'POST', body: '{', headers: { 'content-type': 'application/json' } }, 400],
      [{ method: 'POST', body: '{"__proto__":{"x":1}}', headers: { 'content-type': 'application/json' } }, 400],
      [{ method: 'POST', body: '['.repeat(200_000), headers: { 'content-type': 'application/json' } }, 400],
      [{ method: 'POST', body: 'a: 1', headers: { 'content-type': 'text/yaml' } }, 415],
      [{ method: 'POST', body: `"${'x'.repeat(33 << 20)}"`, headers: { 'content-type': 'application/json' } }, 413],
    ] as const) {
      const answer = await api.request('/api/v1/apply', init);
      assert.equal(answer.status, status);
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
    }
    const deep = `${'{"a":['.repeat(60_000)}${']}'.repeat(60_000)}`;
    for (const path of ['/api/v1/login', '/api/v1/tokens', '/api/v1/apply']) {
      const answer = await api.request(path, {
        method: 'POST',
        body: deep,
        headers: { 'content-type': 'application/json; charset=utf-8' },
      });
      assert.equal(answer.status, 400, path);
      assert.match(await answer.text(), /nested more than 200 deep/);
    }
    assert.equal((await api.request('/api/v1/machines/%ff')).status, 400);
    assert.equal((await api.request('/api/v1/status')).status, 200);
    assert.deepEqual(api.errors, []);
  });
});
