import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { openOperatorTls } from '#server/api/tls.ts';
import { operatorCertificate } from '#services/pki/operator-certificate.ts';
import { need } from '#test/lab/need.ts';
import { withProvider } from '#test/server/api/oidc-world.ts';
import { type RunningApi, runningApi } from '#test/server/api/running-api.ts';
import { accessProblems, openBrowser } from './browser.ts';

const PASSWORD = 'correct horse battery';

/** Nobody but loopback is asked: the provider's own pages name fonts from elsewhere. */
async function onLoopback(context: BrowserContext): Promise<Page> {
  await context.route(
    ({ hostname }) => !['127.0.0.1', 'localhost'].includes(hostname),
    (route) => route.abort(),
  );
  return await context.newPage();
}

const whoIs = (page: Page): Promise<unknown> =>
  page.evaluate(async () => {
    const answer = await fetch('/api/v1/session');
    const { name, role, scope } = (await answer.json()) as { name?: string; role?: string; scope?: string };
    return answer.ok ? [name, role, scope] : answer.status;
  });

const sessionCookies = async (context: BrowserContext, { url }: RunningApi) =>
  (await context.cookies(url)).filter(({ name }) => name.includes('ingot-session'));

describe('a real browser at the door', { timeout: 120_000 }, () => {
  it('is let in by the provider’s button, and by no link of another site', async (t) => {
    const tools = need(t, ['chromium']);
    if (!tools) return;
    // To a browser `localhost` is another site than 127.0.0.1.
    await withProvider(
      async ({ api, issuer }) => {
        await using browser = await openBrowser(tools.chromium, api.url);
        const context = await browser.context();
        const page = await onLoopback(context);
        await page.goto(`${api.url}/machines`);
        const button = page.getByRole('link', { name: 'Log in with The lab' });
        await button.waitFor();
        assert.deepEqual(await accessProblems(page), []);
        await button.click();
        await page.locator('input[name=login]').fill('u-anna');
        await page.locator('input[name=password]').fill('anything');
        await page.locator('button[type=submit]').click();
        await page.getByRole('button', { name: 'Continue' }).click();
        await page.waitForURL(`${api.url}/`);
        await page.waitForLoadState();
        assert.deepEqual(await whoIs(page), ['anna', 'operator', 'rack=r1']);
        const [cookie] = await sessionCookies(context, api);
        assert.partialDeepStrictEqual(cookie, { httpOnly: true, sameSite: 'Strict', secure: false, path: '/' });
        assert.deepEqual(
          (await context.cookies(api.url)).filter(({ name }) => name.includes('oidc')),
          [],
          'what bound the login to this browser is gone',
        );

        const { secret } = await api.access.createCode({ name: 'eve', role: 'viewer' });
        const other = await onLoopback(await browser.context());
        await other.route(`${issuer}/link`, (route) =>
          route.fulfill({ contentType: 'text/html', body: `<a href="${api.url}/?code=${secret}">a nice picture</a>` }),
        );
        await other.goto(`${issuer}/link`);
        await other.getByRole('link').click();
        await other.getByText('A page of another site led you here').waitFor();
        assert.equal(await whoIs(other), 401);
        // Typed or pasted, it opens.
        await other.getByLabel('Or paste a code').fill(secret);
        await other.getByRole('button', { name: 'Come in' }).click();
        await other.waitForURL(`${api.url}/`);
        assert.deepEqual(await whoIs(other), ['eve', 'viewer', undefined]);
        assert.deepEqual(api.errors, []);
      },
      {},
      'localhost',
    );
  });

  it('over TLS keeps a cookie that is bound to this very host, and gives it back', async (t) => {
    const tools = need(t, ['chromium']);
    if (!tools) return;
    const vault = { read: async () => undefined, write: async () => {} };
    const own = () => operatorCertificate({ vault, now: Date.now, names: ['127.0.0.1'] });
    const log = { info() {}, warn() {} };
    const tls = await openOperatorTls({ files: undefined, own, asksClients: false, log });
    await using api = await runningApi({ tls });
    await api.users.create({ name: 'anna', role: 'operator', password: PASSWORD });
    await using browser = await openBrowser(tools.chromium, api.url);
    const context = await browser.context({ ignoreHTTPSErrors: true });
    const page = await onLoopback(context);
    await page.goto(api.url);
    await page.getByLabel('Name').fill('anna');
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('name or password is wrong').waitFor();
    await page.getByLabel('Password').fill(PASSWORD);
    const inside = page.waitForEvent('load');
    await page.getByRole('button', { name: 'Log in' }).click();
    await inside;
    assert.deepEqual(await whoIs(page), ['anna', 'operator', undefined]);
    const cookies = await sessionCookies(context, api);
    assert.partialDeepStrictEqual(cookies, [
      {
        name: `__Host-ingot-session-${new URL(api.url).port}`,
        httpOnly: true,
        sameSite: 'Strict',
        secure: true,
        path: '/',
      },
    ]);
    // Its own page may change things, and log out.
    const out = await page.evaluate(async () => (await fetch('/api/v1/logout', { method: 'POST' })).status);
    assert.equal(out, 204);
    assert.equal(await whoIs(page), 401);
    assert.deepEqual(await sessionCookies(context, api), []);
  });
});
