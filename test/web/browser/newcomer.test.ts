import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Locator } from 'playwright-core';
import { need } from '#test/lab/need.ts';
import { openBrowser } from './browser.ts';
import { startDemo } from './demo.ts';

/** An install boots the agent, writes, and boots the system that was written: simulated, but by real sockets. */
const JOB_LIMIT_MS = 90_000;

test('from nothing to an installed machine, reading nothing but the page', { timeout: 240_000 }, async (t) => {
  const tools = need(t, ['chromium']);
  if (!tools) return;
  await using demo = await startDemo({ machines: 10 });
  await using browser = await openBrowser(tools.chromium, demo.url);
  const page = await (await browser.context({ viewport: { width: 1280, height: 900 } })).newPage();
  let clicks = 0;
  const click = async (what: Locator): Promise<void> => {
    await what.click();
    clicks += 1;
  };

  await page.goto(demo.firstAddress);
  await click(page.getByRole('region', { name: 'Rack r1' }).getByRole('link', { name: /sim-r1-u09/ }));

  await click(page.getByRole('button', { name: 'Inspect' }).first());
  const jobs = page.getByRole('tabpanel');
  await jobs.getByText('done', { exact: true }).waitFor({ timeout: JOB_LIMIT_MS });

  await click(page.getByRole('button', { name: 'Install…' }));
  const dialog = page.getByRole('dialog');
  const confirm = dialog.getByRole('button', { name: /^Overwrite disk SIM00009-D0$/ });
  await confirm.waitFor();
  assert.match(await dialog.innerText(), /plan [0-9a-f]{16}/, 'the digest of the plan is shown');
  await click(confirm);

  await page.getByRole('heading', { level: 1, name: 'Install sim-r1-u09' }).waitFor();
  await page
    .getByRole('main')
    .locator('.state', { hasText: /^done$/ })
    .first()
    .waitFor({ timeout: JOB_LIMIT_MS });
  t.diagnostic(`${clicks} clicks from the rack to an installed machine`);
  assert.ok(clicks <= 6, `${clicks} clicks`);

  const machine = await demo.api<{ readonly items: readonly { readonly kind: string; readonly state: string }[] }>(
    'GET',
    '/api/v1/jobs?machine=sim-r1-u09',
  );
  assert.deepEqual(
    machine.items.map(({ kind, state }) => `${kind} ${state}`),
    ['install done', 'inspect done'],
  );
  assert.deepEqual(browser.watched, { complaints: [], outside: [] });
});
