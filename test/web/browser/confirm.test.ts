import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { waitFor } from '#test/lab/wait.ts';
import { accessProblems, openBrowser } from './browser.ts';
import { startDemo } from './demo.ts';

const MACHINES = ['sim-r1-u09', 'sim-r1-u10'] as const;
const JOB_LIMIT_MS = 90_000;

type Jobs = { readonly items: readonly { readonly kind: string; readonly machine: string; readonly state: string }[] };

test('two machines are erased after their number was typed, and not before', { timeout: 240_000 }, async (t) => {
  const tools = need(t, ['chromium']);
  if (!tools) return;
  await using demo = await startDemo({ machines: 10 });
  await using browser = await openBrowser(tools.chromium, demo.url);
  await demo.api('POST', '/api/v1/jobs', { jobs: MACHINES.map((machine) => ({ kind: 'inspect', machine })) });
  const jobs = async (kind: string): Promise<readonly string[]> =>
    (await demo.api<Jobs>('GET', '/api/v1/jobs')).items.filter((one) => one.kind === kind).map(({ state }) => state);
  await waitFor(
    'both to be inspected',
    async () => (await jobs('inspect')).every((one) => one === 'done'),
    JOB_LIMIT_MS,
  );

  const page = await (await browser.context({ viewport: { width: 1280, height: 900 } })).newPage();
  await page.goto(demo.firstAddress);
  await page.goto(`${demo.url}/machines`);
  for (const name of MACHINES) await page.getByLabel(`Choose ${name}`).check();
  await page.getByRole('button', { name: 'Plan…' }).click();
  await page.getByRole('menuitem', { name: 'Wipe…' }).click();
  const dialog = page.getByRole('dialog');
  const confirm = dialog.getByRole('button', { name: 'Erase 4 disks of 2 machines' });
  await confirm.waitFor();
  for (const serial of ['SIM00009-D0', 'SIM00009-N1', 'SIM00010-D0'])
    assert.match(await dialog.innerText(), new RegExp(serial));
  assert.deepEqual(await accessProblems(page), []);

  const typed = dialog.getByLabel(/^Type how many machines/);
  for (const wrong of ['', '1', 'yes', '22']) {
    await typed.fill(wrong);
    assert.ok(await confirm.isDisabled(), `${JSON.stringify(wrong)} confirms nothing`);
  }
  await typed.press('Enter');
  assert.deepEqual(await jobs('wipe'), [], 'nothing has begun');
  await typed.fill('2');
  await confirm.click();
  await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor();
  await page.getByRole('heading', { name: 'A batch of 2' }).waitFor();
  await page.getByText('Stops after the first failure.').waitFor();
  await waitFor('both to be erased', async () => (await jobs('wipe')).every((one) => one === 'done'), JOB_LIMIT_MS);
  assert.equal((await jobs('wipe')).length, 2);
  await page.getByText('2 done', { exact: true }).waitFor();
  assert.deepEqual(await accessProblems(page), []);
  await page.getByRole('link', { name: 'Wipe sim-r1-u09' }).click();
  await page.getByRole('link', { name: 'Certificate of erasure' }).waitFor();

  // Blank, and inspected: they become a cluster by their roles, from the same kind of plan.
  await page.goto(`${demo.url}/clusters`);
  await page.getByRole('button', { name: 'Create a cluster…' }).click();
  const role = (machine: string) => dialog.getByRole('radiogroup', { name: `Role of ${machine}` });
  await role('sim-r1-u09').getByText('control plane').click();
  await role('sim-r1-u10').getByText('worker').click();
  await dialog.getByText('One control plane: enough to try').waitFor();
  assert.deepEqual(await accessProblems(page), []);
  await dialog.getByRole('button', { name: 'Plan it' }).click();
  await dialog.getByLabel(/^Type how many machines/).fill('2');
  assert.match(await dialog.innerText(), /home, as control plane[\s\S]*home, as worker/);
  await dialog.getByRole('button', { name: 'Overwrite 2 disks of 2 machines' }).click();
  await page.getByRole('heading', { level: 1, name: 'home' }).waitFor();
  await page.getByText('all ready', { exact: true }).waitFor({ timeout: JOB_LIMIT_MS });
  assert.deepEqual(await accessProblems(page), []);

  // An upgrade says both releases and what is kept, and speaks of no disk that is erased.
  await page.getByRole('button', { name: 'Upgrade…' }).click();
  await dialog.getByLabel('To which release of Talos').fill('v1.13.10');
  await dialog.getByRole('button', { name: 'Upgrade 2 machines to v1.13.10' }).waitFor();
  const said = await dialog.innerText();
  assert.match(said, /v1\.13\.9 → v1\.13\.10/);
  assert.match(said, /SIM00010-D0/);
  assert.match(said, /the release that runs now, to go back to/);
  assert.doesNotMatch(said, /ERASE|OVERWRITE/);
  assert.deepEqual(await accessProblems(page), []);
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: 'kubeconfig…' }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    dialog.getByRole('button', { name: 'Make and download' }).click(),
  ]);
  assert.equal(download.suggestedFilename(), 'home.kubeconfig');
  assert.match(await readFile(await download.path(), 'utf8'), /client-key-data: /);
  type Audit = { readonly items: readonly { readonly action: string; readonly target: string }[] };
  const audit = await demo.api<Audit>('GET', '/api/v1/audit?limit=20');
  assert.ok(audit.items.some(({ action, target }) => action === 'makeKubeconfig' && target === 'home'));
  assert.deepEqual(browser.watched, { complaints: [], outside: [] });
});
