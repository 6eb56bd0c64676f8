import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseIpAddress } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { type RunningApi, runningApi } from './running-api.ts';

const PASSWORD = 'correct horse battery';

async function withUser(
  work: (api: RunningApi) => Promise<void>,
  more: { readonly role?: 'viewer' | 'admin'; readonly scope?: string } = {},
): Promise<void> {
  await using api = await runningApi();
  const made = await api.send('POST', '/api/v1/users', { name: 'anna', role: 'operator', password: PASSWORD, ...more });
  assert.equal(made.status, 201);
  await work(api);
  assert.deepEqual(api.errors, []);
}

/** As a browser's page sends it, unless `headers` says otherwise. */
const logIn = (
  { url }: RunningApi,
  { name = 'anna', password = PASSWORD, ...more }: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${url}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url, 'sec-fetch-site': 'same-origin', ...headers },
    body: JSON.stringify({ name, password, ...more }),
  });

const cookieOf = (answer: Response): string => (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
const whoIs = async (api: RunningApi, cookie: string): Promise<unknown> => {
  const answer = await fetch(`${api.url}/api/v1/session`, { headers: { cookie } });
  return answer.status === 200 ? ((await answer.json()) as { name: string }).name : answer.status;
};

describe('a login', () => {
  it('opens a session in a cookie that scripts cannot read and other sites cannot send', () =>
    withUser(async (api) => {
      const answer = await logIn(api);
      assert.equal(answer.status, 200);
      const { expiresAt, ...rest } = (await answer.json()) as { expiresAt: number };
      assert.deepEqual(rest, { name: 'anna', role: 'operator' });
      assert.ok(expiresAt > api.clock.now);
      const header = answer.headers.get('set-cookie') ?? '';
      assert.match(header, /; HttpOnly/);
      assert.match(header, /; SameSite=Strict/);
      assert.match(header, /; Path=\//);
      assert.equal(await whoIs(api, cookieOf(answer)), 'anna');
    }));

  it('gives a program the secret, and no cookie', () =>
    withUser(async (api) => {
      const answer = await logIn(api, { bearer: true });
      assert.equal(answer.headers.get('set-cookie'), null);
      const { secret } = (await answer.json()) as { secret: string };
      assert.equal(
        (await api.request('/api/v1/status', { headers: { authorization: `Bearer ${secret}` } })).status,
        200,
      );
    }));

  it('is refused in the same words for a wrong password, an unknown user, a disabled one and one without a password', () =>
    withUser(async (api) => {
      await api.send('POST', '/api/v1/users', { name: 'without' });
      await api.send('POST', '/api/v1/users', { name: 'gone', password: PASSWORD });
      await api.send('PATCH', '/api/v1/users/gone', { disabled: true });
      const bodies = new Set<string>();
      for (const tried of [{ password: 'wrong' }, { name: 'nobody' }, { name: 'gone' }, { name: 'without' }]) {
        const answer = await logIn(api, tried);
        assert.equal(answer.status, 401);
        assert.equal(answer.headers.get('set-cookie'), null);
        bodies.add(await answer.text());
      }
      assert.equal(bodies.size, 1);
    }));

  it('has to wait after five wrong ones, whoever asks, and is let in after that', () =>
    withUser(async (api) => {
      for (let tries = 1; tries <= 5; tries += 1) assert.equal((await logIn(api, { password: 'wrong' })).status, 401);
      const waits = await logIn(api);
      assert.equal(waits.status, 429, 'also with the right one');
      assert.equal(waits.headers.get('retry-after'), '30');
      assert.equal((await api.request('/api/v1/status')).status, 200, 'tokens are as good as before');
      api.clock.now += 30_000;
      assert.equal((await logIn(api)).status, 200);
      const locked = (await api.audit()).filter(({ action }) => action === 'login-locked');
      assert.equal(locked.length, 1);
    }));

  it('waits as long for a user that does not exist', () =>
    withUser(async (api) => {
      for (let tries = 1; tries <= 5; tries += 1) assert.equal((await logIn(api, { name: 'nobody' })).status, 401);
      assert.equal((await logIn(api, { name: 'nobody' })).status, 429);
    }));

  it('has to wait after twenty wrong ones from one address, by whatever names', () =>
    withUser(async (api) => {
      for (let tries = 1; tries <= 20; tries += 1) assert.equal((await logIn(api, { name: `n${tries}` })).status, 401);
      assert.equal((await logIn(api)).status, 429);
    }));

  it('counts a hundred wrong ones at once as a hundred', () =>
    withUser(async (api) => {
      const answers = await Promise.all(Array.from({ length: 30 }, () => logIn(api, { password: 'wrong' })));
      const looked = answers.filter(({ status }) => status === 401);
      assert.ok(looked.length <= 5, `${looked.length} were looked at`);
    }));

  it('counts for the address that a named proxy tells, and for nobody else’s word', async () => {
    for (const [proxies, want] of [
      [[sure(parseIpAddress('127.0.0.1'))], 401],
      [[], 429],
    ] as const) {
      await using api = await runningApi({ proxies });
      const ask = (from: string) => logIn(api, { name: `n${from}` }, { 'x-forwarded-for': from });
      for (let last = 1; last <= 20; last += 1) await ask(`192.0.2.${last}`);
      assert.equal((await ask('192.0.2.99')).status, want, JSON.stringify(proxies));
    }
  });

  it('from a page of another site is refused, with the right password', () =>
    withUser(async (api) => {
      for (const headers of [
        { origin: 'https://evil.example' },
        { origin: 'http://127.0.0.1:1' },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
      ]) {
        assert.equal((await logIn(api, {}, headers)).status, 403, JSON.stringify(headers));
      }
      const form = await fetch(`${api.url}/api/v1/login`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: JSON.stringify({ name: 'anna', password: PASSWORD }),
      });
      assert.equal(form.status, 415, 'a form without scripts cannot send JSON');
    }));

  it('ends the session that the browser had before, so that nobody can slip one under it', () =>
    withUser(async (api) => {
      const first = cookieOf(await logIn(api));
      const second = cookieOf(await logIn(api, {}, { cookie: first }));
      assert.notEqual(first, second);
      assert.equal(await whoIs(api, first), 401);
      assert.equal(await whoIs(api, second), 'anna');
      const planted = cookieOf(await logIn(api, {}, { cookie: `${second.split('=')[0]}=ingot_planted` }));
      assert.doesNotMatch(planted, /planted/);
    }));

  it('is in the audit log, and its password is nowhere', () =>
    withUser(async (api) => {
      await logIn(api);
      await logIn(api, { password: 'another secret' });
      const entries = await api.audit();
      assert.ok(entries.some(({ who, action }) => who === 'anna' && action === 'login'));
      assert.doesNotMatch(JSON.stringify(entries), /correct horse|another secret/);
      assert.doesNotMatch(JSON.stringify(await api.store.users.list()), /correct horse/);
    }));

  it('says whether passwords are of any use here', async () => {
    await using api = await runningApi();
    const ways = async (): Promise<unknown> => (await fetch(`${api.url}/api/v1/login`)).json();
    assert.deepEqual(await ways(), { password: false });
    await api.send('POST', '/api/v1/users', { name: 'anna', password: PASSWORD });
    assert.deepEqual(await ways(), { password: true });
  });
});

describe('a session', () => {
  it('cannot be used by the page of another site', () =>
    withUser(async (api) => {
      const cookie = cookieOf(await logIn(api));
      const ask = (headers: Record<string, string>) =>
        fetch(`${api.url}/api/v1/codes`, { method: 'POST', headers: { cookie, ...headers } });
      for (const headers of [
        {},
        { origin: 'null' },
        { origin: 'https://evil.example' },
        { origin: api.url, 'sec-fetch-site': 'cross-site' },
        { origin: api.url, 'sec-fetch-site': 'same-site' },
      ]) {
        assert.equal((await ask(headers)).status, 403, JSON.stringify(headers));
      }
      assert.equal((await ask({ origin: api.url, 'sec-fetch-site': 'same-origin' })).status, 201);
    }));

  it('ends by POST /api/v1/logout, and the cookie goes', () =>
    withUser(async (api) => {
      const cookie = cookieOf(await logIn(api));
      const out = await fetch(`${api.url}/api/v1/logout`, { method: 'POST', headers: { cookie, origin: api.url } });
      assert.equal(out.status, 204);
      assert.match(out.headers.get('set-cookie') ?? '', /=;.*(Expires=Thu, 01 Jan 1970|Max-Age=0)/);
      assert.equal(await whoIs(api, cookie), 401);
      assert.ok((await api.audit()).some(({ who, action }) => who === 'anna' && action === 'logout'));
    }));

  it('that opens a console is in the audit log, whatever comes of it', () =>
    withUser(async (api) => {
      await api.send('POST', '/api/v1/machines/m1/console', {});
      assert.ok((await api.audit()).some(({ action, target }) => action === 'openConsole' && target === 'm1'));
    }));
});

describe('a user', () => {
  const tokenOf = async (api: RunningApi): Promise<string> => {
    const { secret } = (await (await logIn(api, { bearer: true })).json()) as { secret: string };
    return secret;
  };

  it('who is disabled, removed, or given another role or scope has no session any more', () =>
    withUser(async (api) => {
      const changes = [
        ['PATCH', '', { disabled: true }],
        ['PATCH', '', { role: 'viewer' }],
        ['PATCH', '', { scope: 'rack=r1' }],
        ['PUT', '/password', { password: 'another long password' }],
        ['DELETE', '', undefined],
      ] as const;
      for (const [index, [method, below, body]] of changes.entries()) {
        const name = `user${index}`;
        await api.send('POST', '/api/v1/users', { name, role: 'operator', password: PASSWORD });
        const { secret } = (await (await logIn(api, { name, bearer: true })).json()) as { secret: string };
        assert.ok(await api.access.authenticate(secret));
        const path = `/api/v1/users/${name}${below}`;
        const answer = body === undefined ? await api.request(path, { method }) : await api.send(method, path, body);
        assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
        assert.equal(await api.access.authenticate(secret), undefined, `${method} ${JSON.stringify(body)}`);
      }
    }));

  it('changes their own password by saying the current one, and nobody else’s', () =>
    withUser(async (api) => {
      const headers = { authorization: `Bearer ${await tokenOf(api)}` };
      const set = (name: string, body: object) => api.send('PUT', `/api/v1/users/${name}/password`, body, headers);
      const password = 'another long password';
      assert.equal((await set('anna', { password })).status, 403);
      assert.equal((await set('anna', { password, current: 'wrong' })).status, 403);
      await api.send('POST', '/api/v1/users', { name: 'bert', password: PASSWORD });
      assert.equal((await set('bert', { password, current: PASSWORD })).status, 403);
      assert.equal((await set('anna', { password, current: PASSWORD })).status, 204);
      assert.equal((await logIn(api, { password })).status, 200);
      assert.equal((await logIn(api)).status, 401);
    }));

  it('has a password of twelve characters that is not their name', async () => {
    await using api = await runningApi();
    for (const password of ['short', 'x'.repeat(257), 'annaannaanna', 'Anna-anna-1']) {
      const answer = await api.send('POST', '/api/v1/users', { name: 'anna', password });
      assert.equal(answer.status, 400, password);
      assert.doesNotMatch(await answer.text(), new RegExp(password), 'what was typed is not in the answer');
    }
  });

  it('has a client certificate of their own: nobody else gets it, and who is disabled keeps it from others', () =>
    withUser(async (api) => {
      const certificates = ['ab'.repeat(32)];
      assert.equal((await api.send('PATCH', '/api/v1/users/anna', { certificates })).status, 200);
      const second = await api.send('POST', '/api/v1/users', { name: 'bert', certificates });
      assert.equal(second.status, 409);
      assert.match(await second.text(), /that certificate is anna’s/);
      await api.send('POST', '/api/v1/users', { name: 'bert' });
      assert.equal((await api.send('PATCH', '/api/v1/users/bert', { certificates })).status, 409);
      assert.equal((await api.send('PATCH', '/api/v1/users/anna', { certificates })).status, 200, 'their own again');
      await api.users.change('bert', { certificates });
      assert.equal(await api.users.byCertificate('ab'.repeat(32)), undefined);
    }));

  it('is listed without their password or its hash', () =>
    withUser(async (api) => {
      const text = await (await api.request('/api/v1/users')).text();
      assert.doesNotMatch(text, /argon2|passwordHash/);
      assert.deepEqual(JSON.parse(text).items, [
        {
          name: 'anna',
          role: 'operator',
          disabled: false,
          certificates: [],
          source: 'local',
          createdAt: api.clock.now,
          passwordChangedAt: api.clock.now,
          hasPassword: true,
        },
      ]);
    }));
});
