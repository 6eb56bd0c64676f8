import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { waitFor } from '#test/lab/wait.ts';
import { accessProblems, openBrowser } from './browser.ts';
import { startDemo } from './demo.ts';

test('what people do on the page, by keyboard where that is the question', { timeout: 200_000 }, async (t) => {
  const tools = need(t, ['chromium']);
  if (!tools) return;
  await using demo = await startDemo({ machines: 10 });
  await using browser = await openBrowser(tools.chromium, demo.url);
  const page = await (await browser.context({ viewport: { width: 1280, height: 900 } })).newPage();
  await page.goto(demo.firstAddress);
  await page.getByRole('link', { name: /sim-r1-u01/ }).waitFor();
  assert.equal(new URL(page.url()).search, '', 'the code is gone from the address');

  await t.test('a key finds a machine by part of its MAC, and Enter goes there', async () => {
    await page.keyboard.press('Control+k');
    // As a person sees the field before typing into it.
    await page.locator('input:focus').waitFor();
    await page.keyboard.type('52:54:00:00:00:07');
    await page.getByRole('option', { name: /sim-r1-u07/ }).waitFor();
    assert.deepEqual(await accessProblems(page), []);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'sim-r1-u07' }).waitFor();
  });

  await t.test('a boot that fails says why, on top', async () => {
    const verdict = page.getByRole('region', { name: 'Verdict' });
    await verdict.getByText('No TFTP', { exact: true }).waitFor({ timeout: 60_000 });
    assert.match(await verdict.innerText(), /Next\s+\S+/);
  });

  await t.test('a machine that waits is accepted, and boots by itself', async () => {
    await page
      .getByRole('navigation')
      .getByRole('link', { name: /Discovery/ })
      .click();
    const waiting = page.getByRole('listitem').filter({ hasText: 'm-525400000006' });
    await waiting.getByRole('button', { name: 'Accept' }).click();
    await waiting.waitFor({ state: 'detached' });
    type Machine = { readonly status: { readonly acceptance: string } };
    const { status } = await demo.api<Machine>('GET', '/api/v1/machines/m-525400000006');
    assert.equal(status.acceptance, 'accepted');
  });

  await t.test('power goes by the BMC and is read back', async () => {
    await page.goto(`${demo.url}/machines/sim-r1-u03`);
    await page.getByRole('button', { name: 'Power: on' }).click();
    assert.deepEqual(await accessProblems(page), []);
    await page.getByRole('menuitem', { name: 'Cut the power…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Cut the power of sim-r1-u03?' });
    await dialog.waitFor();
    assert.deepEqual(await accessProblems(page), []);
    // What is asked again is asked with the harmless answer in focus: Enter changes nothing.
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Power: on' }).click();
    await page.getByRole('menuitem', { name: 'Cut the power…' }).click();
    await dialog.getByRole('button', { name: 'Cut the power of sim-r1-u03' }).click();
    await page.getByRole('button', { name: 'Power: off' }).waitFor({ timeout: 60_000 });
  });

  await t.test('what is in service loses its power by its name only', async () => {
    await page.goto(`${demo.url}/machines/sim-r1-u08`);
    await page.getByRole('button', { name: /^Power/ }).click();
    await page.getByRole('menuitem', { name: 'Reset at once…' }).click();
    const dialog = page.getByRole('dialog');
    const reset = dialog.getByRole('button', { name: 'Reset sim-r1-u08' });
    assert.ok(await reset.isDisabled());
    await dialog.getByLabel('Type its name, sim-r1-u08').fill('sim-r1-u0');
    assert.ok(await reset.isDisabled());
    await dialog.getByLabel('Type its name, sim-r1-u08').fill('sim-r1-u08');
    assert.ok(await reset.isEnabled());
    await dialog.getByRole('button', { name: 'Leave it' }).click();
    await dialog.waitFor({ state: 'detached' });
  });

  await t.test('a locked machine is not written: the page knows it by the one table', async () => {
    await page.goto(`${demo.url}/machines/sim-r1-u10`);
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Lock' }).click();
    await page.getByText('locked', { exact: true }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Install…' }).count(), 0);
  });

  await t.test('several machines are confirmed by typing how many they are', async () => {
    await page.goto(`${demo.url}/machines`);
    for (const name of ['sim-r1-u01', 'sim-r1-u02']) await page.getByLabel(`Choose ${name}`).check();
    await page.getByRole('button', { name: 'Plan…' }).click();
    await page.getByRole('menuitem', { name: 'Wipe…' }).click();
    const dialog = page.getByRole('dialog');
    // Nobody has looked inside them: nothing can be confirmed.
    await dialog.getByText('Nothing can be done as planned.').waitFor();
    assert.equal(await dialog.getByRole('button', { name: /Erase/ }).count(), 0);
    assert.deepEqual(await accessProblems(page), []);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  });

  await t.test('the console shows what its machine writes', async () => {
    await page.goto(`${demo.url}/machines/sim-r1-u01?tab=console`);
    await page.getByRole('button', { name: 'Open the console' }).click();
    await page.getByText('The console is open.').waitFor();
    await demo.api('POST', '/api/v1/machines/sim-r1-u01/power', { action: 'reset' });
    const rows = page.locator('.xterm-rows');
    await waitFor('text in the console', async () => /\S/.test(await rows.innerText()), 60_000);
    assert.deepEqual(await accessProblems(page), []);
  });

  await t.test('an image is uploaded with its digest taken here', async () => {
    // More than one piece of an upload, from a file as people have them.
    const content = randomBytes(10 << 20);
    await using dir = await mkdtempDisposable(join(tmpdir(), 'ingot-upload-'));
    const file = join(dir.path, 'vmlinuz');
    await writeFile(file, content);
    await page.goto(`${demo.url}/images`);
    await page.getByRole('button', { name: 'Add an image' }).click();
    await page.getByRole('menuitem', { name: 'Upload files…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name of the image').fill('uploaded');
    await dialog.locator('input[type=file]').setInputFiles(file);
    assert.equal(await dialog.getByLabel('What vmlinuz is').inputValue(), 'kernel');
    assert.deepEqual(await accessProblems(page), []);
    await dialog.getByRole('button', { name: 'Upload' }).click();
    await dialog.waitFor({ state: 'detached', timeout: 60_000 });
    type Image = { readonly state: string; readonly files: readonly { readonly sha256: string }[] };
    const image = await demo.api<Image>('GET', '/api/v1/image-states/uploaded');
    assert.equal(image.state, 'ready');
    const sha256 = createHash('sha256').update(content).digest('hex');
    type Document = { readonly assets: readonly { readonly sha256: string }[] };
    assert.equal((await demo.api<Document>('GET', '/api/v1/images/uploaded')).assets[0]?.sha256, sha256);
  });

  await t.test(
    'a document is written on the page: wrong lines, what changes, and nothing newer overwritten',
    async () => {
      await page.goto(`${demo.url}/profiles`);
      await page.getByRole('button', { name: 'New profile…' }).click();
      const dialog = page.getByRole('dialog');
      const text = dialog.getByLabel('Document');
      await text.fill('kind: Profile\nname: mine\nos: kernel\nimage: none-such\nargs: []\nwrite: none\n');
      await dialog.getByRole('button', { name: /line 6.*did you mean writes/ }).waitFor();
      assert.deepEqual(await accessProblems(page), []);
      await text.fill('kind: Profile\nname: mine\nos: kernel\nimage: sim-live-x86-64\nwrites: none\n');
      await dialog.getByRole('button', { name: 'See what changes' }).click();
      await dialog.getByText('mine is new').waitFor();
      await dialog.getByRole('button', { name: 'Make it' }).click();
      await dialog.waitFor({ state: 'detached' });

      await page.getByRole('link', { name: 'mine', exact: true }).click();
      await page.getByRole('button', { name: /Edit/ }).click();
      await text.waitFor();
      const written = await text.inputValue();
      const theirs = { kind: 'Profile', name: 'mine', os: 'kernel', image: 'sim-live-x86-64', writes: 'none' };
      await demo.api('PUT', '/api/v1/profiles/mine', { ...theirs, args: ['theirs'] }, { 'if-match': '*' });
      await text.fill(`${written.replace('labels: {}\n', '')}labels: { by: me }\n`);
      await dialog.getByRole('button', { name: 'See what changes' }).click();
      await dialog.getByRole('button', { name: 'Apply this change' }).click();
      await dialog.getByText('Somebody else has changed it while you wrote.').waitFor();
      await dialog.getByRole('button', { name: 'Compare mine with theirs' }).click();
      await dialog.getByRole('button', { name: 'See what changes' }).click();
      // What I would undo of theirs is among what changes.
      await dialog.getByText('args[0]').waitFor();
      assert.deepEqual(await accessProblems(page), []);
      await dialog.getByRole('button', { name: 'Apply this change' }).click();
      await dialog.waitFor({ state: 'detached' });
      type Profile = { readonly labels: unknown };
      assert.deepEqual((await demo.api<Profile>('GET', '/api/v1/profiles/mine')).labels, { by: 'me' });
    },
  );

  await t.test('keys go to screens, and `?` says which', async () => {
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).getByText('To Machines').waitFor();
    assert.deepEqual(await accessProblems(page), []);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('g');
    await page.keyboard.press('n');
    await page.getByRole('heading', { level: 1, name: 'Network' }).waitFor();
    await page.getByRole('button', { name: /Document subnet/ }).click();
    await page.getByRole('dialog').getByText('Subnets are read from').waitFor();
    await page.keyboard.press('Escape');
  });

  await t.test('figures are there again after the page was loaded anew', async () => {
    type Rates = { readonly items: readonly unknown[] };
    const twoReadings = async (): Promise<boolean> => (await demo.api<Rates>('GET', '/api/v1/rates')).items.length > 1;
    await waitFor('two readings', twoReadings, 40_000);
    await page.goto(`${demo.url}/charts`);
    const chart = page.getByRole('img', { name: 'DHCP packets a second' });
    await chart.locator('canvas').waitFor();
    await page.reload();
    await chart.locator('canvas').waitFor();
    assert.deepEqual(await accessProblems(page), []);
  });

  await t.test('a token and a webhook are made, and their secrets are shown once', async () => {
    await page.goto(`${demo.url}/access`);
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: 'New token' }).click();
    await dialog.getByLabel(/^Name/).fill('ci');
    assert.deepEqual(await accessProblems(page), []);
    await dialog.getByRole('button', { name: 'Make the token' }).click();
    await dialog.getByText(/ingot_[\w-]{20,}/).waitFor();
    await dialog.getByRole('button', { name: 'I have it' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.goto(`${demo.url}/webhooks`);
    await page.getByRole('button', { name: 'Add a webhook…' }).click();
    const where = dialog.getByLabel(/^Where its messages go/);
    await where.fill('https://user:pass@chat.example');
    await dialog.getByText('want no password in it').waitFor();
    await where.fill('https://chat.example/hook');
    assert.deepEqual(await accessProblems(page), []);
    await dialog.getByRole('button', { name: 'Make its secret' }).click();
    await dialog.getByText(/printf %s [0-9a-f]{64}/).waitFor();
    assert.deepEqual(await accessProblems(page), []);
    await dialog.getByRole('button', { name: 'I have it' }).click();
    await dialog.waitFor({ state: 'detached' });
  });

  await t.test('an approver says once what may be installed later, and takes it back', async () => {
    await page.goto(`${demo.url}/jobs`);
    await page.getByRole('button', { name: 'New approval…' }).click();
    const dialog = page.getByRole('dialog');
    const approve = dialog.getByRole('button', { name: 'Approve' });
    await dialog.getByRole('combobox', { name: 'What is installed' }).click();
    await page.getByRole('option', { name: 'demo-disk' }).click();
    assert.ok(await approve.isDisabled(), 'an approval for all machines is none');
    await dialog.getByLabel('And with the labels').fill('disks=blank');
    assert.deepEqual(await accessProblems(page), []);
    await approve.click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'End the approval of demo-disk' }).click();
    await page.getByRole('group', { name: 'Standing approvals' }).getByText('ended', { exact: true }).waitFor();
    assert.deepEqual(await accessProblems(page), []);
  });

  await t.test('a viewer may look and not act', async () => {
    type Token = { readonly secret: string };
    const { secret } = await demo.api<Token>('POST', '/api/v1/tokens', { name: 'eyes', role: 'viewer' });
    const code = await fetch(new URL('/api/v1/codes', demo.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}` },
    });
    const { url } = (await code.json()) as { readonly url: string };
    const other = await (await browser.context()).newPage();
    await other.goto(url);
    await other.goto(`${demo.url}/machines/sim-r1-u01`);
    await other.getByText('You may look, not act.').waitFor();
    assert.equal(await other.getByRole('button', { name: 'Install…' }).count(), 0);
  });

  await t.test('who has a password comes in by it, to the address that was asked for', async () => {
    const login = { name: 'ada', password: 'correct horse battery' };
    await demo.api('POST', '/api/v1/users', { ...login, role: 'operator' });
    const other = await (await browser.context()).newPage();
    await other.goto(`${demo.url}/machines/sim-r1-u02`);
    await other.getByLabel('Name').fill(login.name);
    await other.getByLabel('Password').fill('wrong');
    assert.deepEqual(await accessProblems(other), []);
    await other.getByRole('button', { name: 'Log in' }).click();
    await other.getByRole('alert').filter({ hasText: /\S/ }).waitFor();
    await other.getByLabel('Password').fill(login.password);
    await other.getByRole('button', { name: 'Log in' }).click();
    await other.getByRole('heading', { name: 'sim-r1-u02' }).waitFor();
    await other.getByRole('button', { name: 'ada, operator: menu' }).click();
    await other.getByRole('menuitem', { name: 'Sign out' }).click();
    await other.getByRole('heading', { name: 'By a one-time code' }).waitFor();
  });

  await t.test('a user is removed only after it was asked for again', async () => {
    await page.goto(`${demo.url}/access`);
    await page.getByRole('button', { name: 'Change ada' }).click();
    await page.getByRole('menuitem', { name: 'Remove…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Remove ada?' });
    await dialog.waitFor();
    assert.deepEqual(await accessProblems(page), []);
    type Users = { readonly items: readonly { readonly name: string }[] };
    const users = async (): Promise<readonly string[]> =>
      (await demo.api<Users>('GET', '/api/v1/users')).items.map(({ name }) => name);
    assert.deepEqual(await users(), ['ada']);
    await dialog.getByRole('button', { name: 'Remove them' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Change ada' }).waitFor({ state: 'detached' });
    assert.deepEqual(await users(), []);
  });

  // Browsers say so themselves where the door answers that nobody is in, and where something newer is not overwritten.
  const complaints = browser.watched.complaints.filter((text) => !/status of (?:40[13]|412)/.test(text));
  assert.deepEqual({ ...browser.watched, complaints }, { complaints: [], outside: [] });
});
