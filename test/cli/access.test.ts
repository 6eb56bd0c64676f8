import assert from 'node:assert/strict';
import { chmod, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import Database from 'better-sqlite3';
import { DATABASE_FILE } from '#services/store/sqlite/open-sqlite-store.ts';
import { atDaemon } from '../../cli/ask.ts';
import { runningCli } from './running-cli.ts';

const PASSWORD = 'correct horse battery';

type Cli = Awaited<ReturnType<typeof runningCli>>;

async function withAnna(work: (cli: Cli, run: Cli['run'], file: string) => Promise<void>): Promise<void> {
  await using cli = await runningCli();
  const file = join(cli.cwd, 'home', 'contexts.json');
  const run: Cli['run'] = (args, more) =>
    cli.run(args, {
      ...more,
      env: { INGOT_CONTEXTS: file, INGOT_TOKEN: undefined, INGOT_URL: undefined, ...more?.env },
    });
  const made = await cli.run(['user', 'create', 'anna', '--role', 'operator', '--password-stdin'], {
    input: `${PASSWORD}\n`,
  });
  assert.equal(made.status, 0, made.error);
  await work(cli, run, file);
}

describe('ingot login', () => {
  it('keeps a session in a context that only its owner reads, and commands use it', () =>
    withAnna(async (cli, run, file) => {
      const login = await run(['login', cli.api.url, '--user', 'anna'], { input: `${PASSWORD}\n` });
      assert.equal(login.status, 0, login.error);
      assert.match(login.out, /^anna \(operator\) at http/);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      assert.equal((await stat(join(cli.cwd, 'home'))).mode & 0o777, 0o700);
      assert.equal((await run(['machine', 'list'])).status, 0);
      const text = await readFile(file, 'utf8');
      assert.doesNotMatch(text, /correct horse/);
      const listed = await run(['context', 'list']);
      assert.doesNotMatch(listed.out, /ingot_/);
      assert.match(listed.out, /\*/);
      await chmod(file, 0o644);
      assert.equal((await run(['machine', 'list'])).status, 0);
      assert.equal((await stat(file)).mode & 0o777, 0o600, 'a file that others can read is closed to them');
    }));

  it('with a wrong password says so, and keeps nothing', () =>
    withAnna(async (cli, run, file) => {
      const login = await run(['login', cli.api.url, '--user', 'anna'], { input: 'wrong\n' });
      assert.equal(login.status, 5);
      assert.match(login.error, /name or password is wrong/);
      await assert.rejects(stat(file));
    }));

  it('with a token keeps it', () =>
    withAnna(async (cli, run) => {
      const login = await run(['login', cli.api.url, '--token', '--name', 'lab'], { input: cli.api.tokens.viewer });
      assert.equal(login.status, 0, login.error);
      assert.equal((await run(['machine', 'list'])).status, 0);
      assert.equal((await run(['--context', 'lab', 'machine', 'list'])).status, 0);
      assert.equal((await run(['--context', 'nowhere', 'machine', 'list'])).status, 3);
    }));

  it('does not show the token of one daemon to another', () =>
    withAnna(async (cli, run) => {
      await run(['login', cli.api.url, '--token'], { input: cli.api.tokens.viewer });
      await using other = await runningCli();
      const { status, error } = await run(['--url', other.api.url, 'machine', 'list']);
      assert.equal(status, 5);
      assert.match(error, /^no token/);
    }));

  it('is undone by ingot logout: the session is void, and the context is gone', () =>
    withAnna(async (cli, run, file) => {
      await run(['login', cli.api.url, '--user', 'anna'], { input: PASSWORD });
      const { token = '' } = JSON.parse(await readFile(file, 'utf8')).contexts[0] as { token?: string };
      assert.ok(await cli.api.access.authenticate(token));
      assert.equal((await run(['logout'])).status, 0);
      assert.equal(await cli.api.access.authenticate(token), undefined);
      assert.equal((await run(['context', 'list', '-o', 'json'])).out.trim(), '[]');
    }));

  it('goes between contexts', () =>
    withAnna(async (cli, run) => {
      for (const name of ['one', 'two'])
        await run(['login', cli.api.url, '--token', '--name', name], { input: cli.api.tokens.viewer });
      const current = async (): Promise<unknown> =>
        (JSON.parse((await run(['context', 'list', '-o', 'json'])).out) as { name: string; current: boolean }[]).find(
          (one) => one.current,
        )?.name;
      assert.equal(await current(), 'two');
      assert.equal((await run(['context', 'use', 'one'])).status, 0);
      assert.equal(await current(), 'one');
      assert.equal((await run(['context', 'use', 'three'])).status, 3);
      assert.equal((await run(['context', 'remove', 'one'])).status, 0);
      assert.equal(await current(), undefined);
    }));
});

describe('ingot user', () => {
  it('makes, changes, disables and removes users', () =>
    withAnna(async (cli) => {
      assert.match(
        (await cli.done('user', 'change', 'anna', '--role', 'viewer', '--scope', 'rack=r1')).out,
        /viewer of machines with rack=r1/,
      );
      assert.match((await cli.done('user', 'list')).out, /anna +viewer +rack=r1 +password/);
      await cli.done('user', 'change', 'anna', '--all-machines');
      await cli.done('user', 'disable', 'anna');
      assert.match((await cli.done('user', 'list')).out, /anna +viewer +all machines +disabled/);
      await cli.done('user', 'enable', 'anna');
      await cli.done('user', 'remove', 'anna');
      assert.equal((await cli.run(['user', 'remove', 'anna'])).status, 3);
      assert.equal((await cli.run(['user', 'create', 'x', '--role', 'king'], { input: PASSWORD })).status, 2);
    }));

  it('sets a password', () =>
    withAnna(async (cli, run) => {
      assert.equal(
        (await cli.run(['user', 'password', 'anna', '--password-stdin'], { input: 'another long one' })).status,
        0,
      );
      assert.equal((await run(['login', cli.api.url, '--user', 'anna'], { input: PASSWORD })).status, 5);
      assert.equal((await run(['login', cli.api.url, '--user', 'anna'], { input: 'another long one' })).status, 0);
    }));

  it('makes a token with a scope', async () => {
    await using cli = await runningCli();
    await cli.done('token', 'create', 'ci', '--scope', 'rack=r1');
    assert.match((await cli.done('token', 'list')).out, /ci +viewer +rack=r1/);
    assert.equal((await cli.run(['token', 'create', 'ci', '--scope', '===='])).status, 2);
  });
});

describe('ingot audit verify', () => {
  it('prints the newest hash, and knows it again', async () => {
    await using cli = await runningCli();
    for (const name of ['a', 'b', 'c']) await cli.done('token', 'create', name);
    const { out, error } = await cli.done('audit', 'verify');
    assert.match(error, /3 entries, each as it was written/);
    const hash = /^3 ([0-9a-f]{64})\n$/.exec(out)?.[1] ?? '';
    await cli.done('token', 'create', 'd');
    await cli.done('audit', 'verify', '--head', hash);
    const other = await cli.run(['audit', 'verify', '--head', 'ab'.repeat(32)]);
    assert.equal(other.status, 1);
    assert.match(other.out, /^head-missing: no entry has the hash/);
  });

  it('says which entry was tampered with, and ends with 1', async () => {
    await using cli = await runningCli();
    for (const name of ['a', 'b', 'c']) await cli.done('token', 'create', name);
    const db = new Database(join(cli.api.dir, DATABASE_FILE));
    db.exec("UPDATE audit SET body = json_set(body, '$.who', 'somebody else') WHERE id = 2");
    db.close();
    const { status, out } = await cli.run(['audit', 'verify']);
    assert.equal(status, 1);
    assert.match(out, /^changed: entry 2 is not what was written/);
  });
});

describe('a question', () => {
  it('says whose machines it is about', () => {
    assert.equal(atDaemon({ asks: () => 'lab, https://ingot.lab:4680' }), ' (at lab, https://ingot.lab:4680)');
    assert.equal(atDaemon({ asks: () => undefined }), '');
    assert.equal(atDaemon({}), '');
  });
});
