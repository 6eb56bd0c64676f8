import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FLOW_MS, type OidcSettings } from '#services/auth/oidc.ts';
import { type World as ApiWorld, withProvider as withApi } from './oidc-world.ts';
import { runningApi, type RunningApi } from './running-api.ts';

/** What a browser keeps of cookies, by origin; and it goes where it is sent. */
function browser() {
  const jars = new Map<string, Map<string, string>>();
  const jarOf = (url: string) => {
    const { origin } = new URL(url);
    const jar = jars.get(origin) ?? new Map<string, string>();
    jars.set(origin, jar);
    return jar;
  };
  async function go(url: string, init: RequestInit = {}): Promise<Response> {
    const jar = jarOf(url);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { ...(init.headers as Record<string, string> | undefined), cookie },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/expires=Thu, 01 Jan 1970|max-age=0/i.test(line) || value === '') jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  }
  return { go, jarOf };
}

/** Follows redirects and fills in the provider's forms, until the browser would come back to us. Gives that address. */
async function logInAt(
  one: ReturnType<typeof browser>,
  start: string,
  login: string,
  callback: string,
): Promise<string> {
  let url = start;
  let answer = await one.go(url);
  for (let steps = 0; steps < 20; steps += 1) {
    const to = answer.headers.get('location');
    if (to !== null) {
      url = new URL(to, url).href;
      if (url.startsWith(callback)) return url;
      answer = await one.go(url);
      continue;
    }
    const page = await answer.text();
    const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1];
    const prompt = /name="prompt" value="([^"]+)"/.exec(page)?.[1];
    assert.ok(
      action !== undefined && prompt !== undefined,
      `no form of the provider's: ${answer.status} ${page.slice(0, 500)}`,
    );
    url = new URL(action, url).href;
    answer = await one.go(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ prompt, ...(prompt === 'login' ? { login, password: 'anything' } : {}) }),
    });
  }
  throw new Error('the provider did not send the browser back');
}

type World = ApiWorld & {
  readonly logIn: (login: string, one?: ReturnType<typeof browser>) => Promise<Response>;
};

const withProvider = (work: (world: World) => Promise<void>, more: Partial<OidcSettings> = {}): Promise<void> =>
  withApi(
    (world) =>
      work({
        ...world,
        logIn: async (account, one = browser()) =>
          await one.go(await logInAt(one, `${world.api.url}/api/v1/oidc/start`, account, world.callback)),
      }),
    more,
  );

const whoIs = async (api: RunningApi, one: ReturnType<typeof browser>): Promise<Record<string, unknown>> =>
  (await (await one.go(`${api.url}/api/v1/session`)).json()) as Record<string, unknown>;

describe('a login by an OpenID provider', () => {
  it('is begun so often from one address and no more, so that those of others are not pushed out', () =>
    withProvider(async ({ api }) => {
      const begin = async (): Promise<number> =>
        (await fetch(`${api.url}/api/v1/oidc/start`, { redirect: 'manual' })).status;
      const all: number[] = [];
      for (let count = 0; count < 31; count += 1) all.push(await begin());
      assert.deepEqual([new Set(all.slice(0, 30)), all[30]], [new Set([303]), 429]);
      api.clock.now += 5000;
      assert.equal(await begin(), 303);
    }));

  it('opens a session with the role and the scope that the groups give', () =>
    withProvider(async ({ api, logIn }) => {
      assert.deepEqual(await (await fetch(`${api.url}/api/v1/login`)).json(), {
        password: false,
        oidc: { name: 'The lab' },
      });
      const one = browser();
      const answer = await logIn('u-anna', one);
      assert.equal(answer.status, 200, await answer.clone().text());
      const cookie = answer.headers.getSetCookie().find((line) => line.startsWith('ingot-session')) ?? '';
      assert.match(cookie, /; HttpOnly; SameSite=Strict/);
      assert.match(await answer.text(), /http-equiv="refresh" content="0;url=\/"/);
      assert.partialDeepStrictEqual(await whoIs(api, one), {
        name: 'anna',
        role: 'operator',
        scope: 'rack=r1',
        kind: 'session',
      });
      const [user] = await api.users.list();
      assert.equal(user?.source, 'oidc');
      assert.ok(
        (await api.audit()).some(
          ({ who, action, detail }) => who === 'anna' && action === 'login' && /OpenID/.test(detail),
        ),
      );
      assert.doesNotMatch(JSON.stringify(await (await api.request('/api/v1/users')).json()), /u-anna/);
    }));

  it('lets nobody in whose groups give no role, unless there is one for all', async () => {
    await withProvider(async ({ api, logIn }) => {
      const answer = await logIn('u-bert');
      assert.equal(answer.status, 403);
      assert.match(await answer.text(), /nothing in the claim groups gives a role here/);
      assert.deepEqual(await api.users.list(), []);
    });
    await withProvider(
      async ({ api, logIn }) => {
        const one = browser();
        assert.equal((await logIn('u-bert', one)).status, 200);
        assert.partialDeepStrictEqual(await whoIs(api, one), { name: 'bert', role: 'viewer' });
      },
      { defaultRole: 'viewer' },
    );
  });

  it('takes what the provider says at each login, and what was opened before ends', () =>
    withProvider(async ({ api, accounts, logIn }) => {
      const before = browser();
      await logIn('u-anna', before);
      accounts.set('u-anna', { preferred_username: 'anna', groups: ['rack-admins'] });
      await logIn('u-anna');
      assert.partialDeepStrictEqual(await whoIs(api, before), { name: 'anna' }, 'nothing has changed');
      await api.users.change('anna', { role: 'admin' });
      const after = browser();
      await logIn('u-anna', after);
      assert.partialDeepStrictEqual(await whoIs(api, after), { role: 'operator' });
      assert.partialDeepStrictEqual(await whoIs(api, before), { code: 'unauthenticated' });
    }));

  it('does not take the name of a user who is here, or of another account', () =>
    withProvider(async ({ api, accounts, logIn }) => {
      await api.users.create({ name: 'root', role: 'admin' });
      accounts.set('u-evil', { preferred_username: 'root', groups: ['rack-admins'] });
      assert.equal((await logIn('u-evil')).status, 403);
      assert.equal((await logIn('u-anna')).status, 200);
      accounts.set('u-evil', { preferred_username: 'anna', groups: ['rack-admins'] });
      assert.equal((await logIn('u-evil')).status, 403);
      accounts.set('u-anna', { preferred_username: 'anna.smith', groups: ['rack-admins'] });
      const one = browser();
      assert.equal((await logIn('u-anna', one)).status, 200);
      assert.partialDeepStrictEqual(
        await whoIs(api, one),
        { name: 'anna' },
        'who is renamed there is who they were here',
      );
    }));

  it('lets nobody in who is disabled here', () =>
    withProvider(async ({ api, logIn }) => {
      await logIn('u-anna');
      await api.users.change('anna', { disabled: true });
      assert.equal((await logIn('u-anna')).status, 403);
    }));

  it('ends in the browser in which it began, once, and in time', () =>
    withProvider(async ({ api, callback }) => {
      const start = `${api.url}/api/v1/oidc/start`;
      const one = browser();
      const back = await logInAt(one, start, 'u-anna', callback);
      const victim = browser();
      const planted = await victim.go(back);
      assert.equal(planted.status, 403, 'a login of somebody else is not slipped under a browser');
      assert.match(await planted.text(), /begun in another browser/);
      assert.equal((await one.go(back)).status, 403, 'and it is used up by the trial');

      const two = browser();
      const again = await logInAt(two, start, 'u-anna', callback);
      assert.equal((await two.go(again)).status, 200);
      assert.equal((await two.go(again)).status, 403, 'not twice');

      const late = browser();
      const over = await logInAt(late, start, 'u-anna', callback);
      api.clock.now += FLOW_MS;
      assert.equal((await late.go(over)).status, 403, 'not later');
    }));

  it('is refused with another state, another code, or an error of the provider’s', () =>
    withProvider(async ({ api, callback }) => {
      const start = `${api.url}/api/v1/oidc/start`;
      for (const tamper of [
        (url: URL) => url.searchParams.set('state', 'another'),
        (url: URL) => url.searchParams.delete('state'),
        (url: URL) => url.searchParams.set('code', 'another'),
        (url: URL) => url.searchParams.set('iss', 'https://evil.example'),
        (url: URL) => (url.searchParams.delete('code'), url.searchParams.set('error', 'access_denied')),
      ]) {
        const one = browser();
        const back = new URL(await logInAt(one, start, 'u-anna', callback));
        tamper(back);
        const answer = await one.go(back.href);
        assert.equal(answer.status, 403, back.href);
        assert.ok(!answer.headers.getSetCookie().some((line) => line.startsWith('ingot-session')), back.href);
      }
      assert.deepEqual(await api.users.list(), []);
      assert.deepEqual(api.errors, []);
    }));

  it('goes nowhere without a provider, or one that does not answer', async () => {
    await using none = await runningApi();
    assert.equal((await fetch(`${none.url}/api/v1/oidc/start`, { redirect: 'manual' })).status, 404);
    await withProvider(
      async ({ api }) => {
        assert.equal((await fetch(`${api.url}/api/v1/oidc/start`, { redirect: 'manual' })).status, 503);
      },
      { issuer: 'http://127.0.0.1:1' },
    );
  });
});
