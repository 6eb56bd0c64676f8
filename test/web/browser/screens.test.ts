import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { need } from '#test/lab/need.ts';
import { accessProblems, openBrowser } from './browser.ts';
import { type Demo, startDemo } from './demo.ts';

/** Each with what is there once it is drawn. */
const SCREENS: readonly (readonly [path: string, shows: string])[] = [
  ['/', 'Rack r1'],
  ['/machines', 'Machines'],
  ['/machines/sim-r1-u01', 'Where the time went'],
  ['/machines/sim-r1-u03?tab=hardware', 'Disks'],
  ['/machines/sim-r1-u01?tab=jobs', 'Nothing has been done to it yet'],
  ['/machines/sim-r1-u01?tab=console', 'The serial console of sim-r1-u01'],
  ['/machines/sim-r1-u01?tab=config', 'Document'],
  ['/machines/sim-r1-u01?tab=history', 'History'],
  ['/discovery', 'Waiting to be accepted'],
  ['/jobs', 'No jobs yet'],
  ['/images', 'sim-live-x86-64'],
  ['/profiles', 'How to make one'],
  ['/profiles/sim-live-x86-64', 'What a machine would be sent now'],
  ['/clusters', 'No clusters yet'],
  ['/network', 'Leases'],
  ['/charts', 'Why boots failed'],
  ['/webhooks', 'Nobody is told yet'],
  ['/audit', 'Audit log'],
  ['/access', 'Tokens and sessions'],
];

const VARIANTS = [
  { name: 'light and wide', colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { name: 'dark and narrow', colorScheme: 'dark', viewport: { width: 390, height: 844 } },
] as const;

async function open(page: Page, demo: Demo, [path, shows]: readonly [string, string]): Promise<void> {
  await page.goto(new URL(path, demo.url).href);
  await page.getByRole('heading', { name: shows }).first().waitFor();
}

describe('every screen', { concurrency: false }, () => {
  it('is usable by keyboard and screen reader, fits a phone, says nothing in the console and asks nobody else', {
    timeout: 200_000,
  }, async (t: TestContext) => {
    const tools = need(t, ['chromium']);
    if (!tools) return;
    await using demo = await startDemo({ machines: 10 });
    await using browser = await openBrowser(tools.chromium, demo.url);
    const problems: string[] = [];
    for (const { name, ...options } of VARIANTS) {
      const page = await (await browser.context(options)).newPage();
      await page.goto(await demo.newAddress());
      for (const screen of SCREENS) {
        await open(page, demo, screen);
        problems.push(...(await accessProblems(page)).map((one) => `${screen[0]}, ${name}: ${one}`));
        const over = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        if (over > 0) problems.push(`${screen[0]}, ${name}: ${over} px wider than the screen`);
        assert.equal(
          await page.getByRole('heading', { level: 1 }).count(),
          1,
          `${screen[0]} has one heading of level 1`,
        );
      }
      await page.context().close();
    }
    assert.deepEqual(problems, []);
    assert.deepEqual(browser.watched, { complaints: [], outside: [] });
  });
});
