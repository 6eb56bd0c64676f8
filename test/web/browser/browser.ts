import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { waitFor } from '#test/lab/wait.ts';
import { buildPage, isPageOlder } from '../../../deploy/web/page.ts';

/** What a browser said of the pages that it showed, and where they asked for something. */
export type Watched = {
  /** Errors and warnings of the console, and what was thrown. */
  readonly complaints: string[];
  /** Addresses that are not the daemon's. */
  readonly outside: string[];
};

export type TestBrowser = AsyncDisposable & {
  readonly watched: Watched;
  /** A context of its own, signed in where another was. */
  context(options?: Parameters<Browser['newContext']>[0]): Promise<BrowserContext>;
};

/** Debian's Chromium, without a screen. The page is built first where it is older than its sources. */
export async function openBrowser(program: string, daemonUrl: string): Promise<TestBrowser> {
  if (await isPageOlder()) await buildPage();
  // Root has no sandbox, and CI has little shared memory.
  const browser = await chromium.launch({
    executablePath: program,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  });
  const watched: Watched = { complaints: [], outside: [] };
  const origin = new URL(daemonUrl).origin;
  return {
    watched,
    async context(options = {}) {
      const context = await browser.newContext(options);
      context.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') watched.complaints.push(message.text());
      });
      context.on('weberror', (error) => watched.complaints.push(String(error.error())));
      context.on('request', (request) => {
        const url = new URL(request.url());
        if (url.protocol !== 'data:' && url.protocol !== 'blob:' && url.origin !== origin)
          watched.outside.push(url.href);
      });
      return context;
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

/** What fades in has another contrast on the way; what pulses for ever is as it is. */
const NOTHING_FADES = `document.getAnimations().every((one) =>
  one.playState !== 'running' || one.effect?.getComputedTiming().iterations === Infinity)`;

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What axe finds serious or critical on a page, one line each. The page's policy lets no foreign script in but this. */
export async function accessProblems(page: Page): Promise<readonly string[]> {
  const axe = await readFile(AXE, 'utf8');
  await page.evaluate(axe);
  // By evaluate, which the page's policy does not hold back as it does what polls within the page.
  await waitFor(
    'the end of what fades',
    async () => (await page.evaluate<boolean>(NOTHING_FADES)) || undefined,
    10_000,
  );
  const found = await page.evaluate(async () => {
    const { axe: run } = globalThis as unknown as {
      axe: {
        run(): Promise<{
          violations: readonly {
            impact: string;
            id: string;
            nodes: readonly { target: readonly string[]; any: readonly { message: string }[] }[];
          }[];
        }>;
      };
    };
    return (await run.run()).violations;
  });
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target, any }) => `${id}: ${target.join(' ')}: ${any[0]?.message ?? ''}`));
}
