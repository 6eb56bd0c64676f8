import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { startDaemon } from '#test/harness/daemon.ts';
import { need } from '#test/lab/need.ts';
import { accessProblems, openBrowser } from './browser.ts';

const COUNT = 10_000;
const UNITS = 40;

/** Racks of forty, full from the bottom. */
const documents = Array.from({ length: COUNT }, (_, index) => {
  const rack = `r${Math.floor(index / UNITS) + 1}`;
  const unit = (index % UNITS) + 1;
  const mac = (0x52_54_00_00_00_00 + index).toString(16).padStart(12, '0');
  return {
    kind: 'Machine',
    name: `${rack}-u${unit}`,
    macs: [mac.replaceAll(/(..)(?=.)/g, '$1:')],
    location: { rack, unit },
    labels: { row: String(index % 7) },
  };
});

/** Takes what is sent to `/well`, and fails at anything else. */
async function startReceiver(): Promise<AsyncDisposable & { readonly url: string; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    request.resume();
    response.writeHead(request.url === '/well' ? 204 : 500).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('10,000 machines are listed, searched and scrolled', { timeout: 200_000 }, async (t) => {
  const tools = need(t, ['chromium']);
  if (!tools) return;
  await using receiver = await startReceiver();
  const secret = { env: 'HOOK_SECRET' };
  const webhooks = ['well', 'unwell'].map((path) => ({ url: `${receiver.url}/${path}`, secret, events: ['job'] }));
  await using daemon = await startDaemon({ config: { webhooks }, env: { HOOK_SECRET: 'a secret of sixteen' } });
  await daemon.apply(documents);
  const { url: address } = await daemon.api<{ readonly url: string }>('POST', '/api/v1/codes', {});
  await using browser = await openBrowser(tools.chromium, daemon.ready.api);
  const page = await (await browser.context({ viewport: { width: 1440, height: 900 } })).newPage();
  await page.goto(address);

  /** Until what is shown first can be clicked: the code, its run, and the first machines. */
  const untilClickable = async (path: string): Promise<number> => {
    const started = performance.now();
    await page.goto(new URL(path, daemon.ready.api).href);
    await page.getByRole('link', { name: 'r1-u1', exact: false }).first().click({ trial: true });
    return performance.now() - started;
  };
  const rackMs = await untilClickable('/');
  const listMs = await untilClickable('/machines');
  t.diagnostic(`clickable after ${Math.round(rackMs)} ms (rack), ${Math.round(listMs)} ms (list)`);

  const table = page.getByRole('table', { name: 'Machines' });
  const status = page.getByRole('main').getByRole('status').first();
  await page.getByText('10,000 machines', { exact: true }).waitFor({ timeout: 60_000 });
  assert.ok((await table.getByRole('row').count()) < 80, 'only what is seen is drawn');

  await t.test('to their end and back, a screen at a time', async () => {
    const longestMs = await page.evaluate<number>(`new Promise((done) => {
      const place = document.querySelector('.grid');
      let longest = 0;
      let last = performance.now();
      let step = 0;
      const next = () => {
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
        place.scrollTop = (step / 60) * place.scrollHeight;
        step += 1;
        if (step > 60) done(longest);
        else requestAnimationFrame(next);
      };
      requestAnimationFrame(next);
    })`);
    t.diagnostic(`longest frame while scrolling: ${Math.round(longestMs)} ms`);
    await table.getByText('r250-u40', { exact: true }).waitFor();
    assert.ok((await table.getByRole('row').count()) < 80);
  });

  await t.test('by what is typed', async () => {
    const started = performance.now();
    await page.getByLabel('Filter machines').fill('r117-u39');
    await page.getByText('1 machine of 10,000').waitFor();
    t.diagnostic(`found after ${Math.round(performance.now() - started)} ms`);
    await table.getByText('r117-u39', { exact: true }).waitFor();
    await page.getByLabel('Filter machines').fill('row=3');
    await status.getByText(/^1,42\d machines of 10,000$/).waitFor();
    assert.deepEqual(await accessProblems(page), []);
    await page.getByLabel('Filter machines').fill('no such machine');
    await page.getByRole('button', { name: 'Show all machines' }).click();
    await page.getByText('10,000 machines', { exact: true }).waitFor();
  });

  await t.test('in the order of what is asked', async () => {
    await table.getByRole('button', { name: 'MAC' }).click();
    await table.getByRole('button', { name: 'MAC' }).click();
    await table.getByRole('row').nth(1).getByText('52:54:00:00:27:0f').waitFor();
  });

  await t.test('and one that changes is seen to', async () => {
    await page.getByLabel('Filter machines').fill('r9-u9');
    await daemon.api('POST', '/api/v1/machines/r9-u9/actions/reject', {});
    await table
      .getByRole('row', { name: /r9-u9 / })
      .getByText('rejected')
      .waitFor();
  });

  await t.test('a webhook is tested from the page, and how it went is told with its message', async () => {
    await page.goto(new URL('/webhooks', daemon.ready.api).href);
    const log = page.getByRole('group', { name: 'What webhooks were told' });
    for (const [path, outcome] of [
      ['well', 'received'],
      ['unwell', 'given up'],
    ] as const) {
      const card = page.locator('section.card', { hasText: `/${path}` }).first();
      await card.getByRole('button', { name: 'Send a test' }).click();
      await log.getByText(outcome, { exact: true }).waitFor();
    }
    await log.getByText('HTTP 500').waitFor();
    await log.getByText('Show').first().click();
    await log.getByText('"event": "test"').first().waitFor();
    assert.deepEqual(receiver.asked, ['/well', '/unwell']);
    assert.deepEqual(await accessProblems(page), []);
  });

  assert.deepEqual(browser.watched, { complaints: [], outside: [] });
});
