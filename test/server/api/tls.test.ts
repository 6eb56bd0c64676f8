import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openPinned, pinnedFetch, WrongCertificate } from '../../../cli/pinned-fetch.ts';
import { knownOf, openOperatorTls } from '#server/api/tls.ts';
import type { KeyedCertificate } from '#services/pki/authority.ts';
import { operatorCertificate } from '#services/pki/operator-certificate.ts';
import { runningCli } from '#test/cli/running-cli.ts';
import { runningApi } from './running-api.ts';

const log = { info() {}, warn() {} };

function memoryVault() {
  const kept = new Map<string, string>();
  return {
    read: async (name: string) => kept.get(name),
    write: async (name: string, text: string) => void kept.set(name, text),
  };
}
const made = (names: readonly string[] = ['localhost', '127.0.0.1'], now = Date.now): Promise<KeyedCertificate> =>
  operatorCertificate({ vault: memoryVault(), now, names });

async function inFolder(work: (files: { certificate: string; key: string }) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-tls-'));
  try {
    await work({ certificate: join(dir, 'api.pem'), key: join(dir, 'api.key') });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
const lay = async (
  files: { certificate: string; key: string },
  { certificate, key }: KeyedCertificate,
): Promise<void> => {
  await writeFile(files.certificate, certificate);
  await writeFile(files.key, key);
};

describe('the API’s own certificate', () => {
  const DAY = 24 * 3600_000;

  it('is the same one at each start, and a new one with the same key before it ends or when a name is new', async () => {
    const vault = memoryVault();
    const at = (days: number, names = ['a.lab']) =>
      operatorCertificate({ vault, now: () => 1_700_000_000_000 + days * DAY, names });
    const first = await at(0);
    assert.equal((await at(700)).certificate, first.certificate);
    const renewed = await at(750);
    assert.notEqual(renewed.certificate, first.certificate);
    assert.equal(knownOf(renewed.certificate).pin, knownOf(first.certificate).pin);
    const named = await at(751, ['a.lab', '192.0.2.1']);
    assert.notEqual(named.certificate, renewed.certificate);
    assert.equal(knownOf(named.certificate).pin, knownOf(first.certificate).pin);
  });
});

describe('the API over TLS', () => {
  it('answers whoever pins it, and gives cookies that go over TLS only', async () => {
    const tls = await openOperatorTls({ files: undefined, own: () => made(), asksClients: false, log });
    await using api = await runningApi({ tls });
    assert.match(api.url, /^https:/);
    const ask = pinnedFetch({ pin: tls.known().pin });
    const headers = { authorization: `Bearer ${api.tokens.admin}` };
    assert.equal((await ask(`${api.url}/api/v1/status`, { headers })).status, 200);
    const { secret } = await api.access.createCode({ name: 'operator', role: 'admin' });
    const session = await ask(`${api.url}/?code=${secret}`);
    const header = session.headers.get('set-cookie') ?? '';
    assert.match(header, /^__Host-ingot-session-\d+=/);
    for (const rule of [/; Secure/, /; HttpOnly/, /; SameSite=Strict/, /; Path=\/(;|$)/]) assert.match(header, rule);
    assert.doesNotMatch(header, /Domain/i);
    const cookie = (session.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const change = async (origin: string): Promise<number> =>
      (await ask(`${api.url}/api/v1/codes`, { method: 'POST', headers: { cookie, origin } })).status;
    assert.equal(await change(api.url), 201);
    assert.equal(await change(api.url.replace('https', 'http')), 403, 'a page by plain HTTP is not ours');
    const planted = { cookie: cookie.replace('__Host-', '') };
    assert.equal((await ask(`${api.url}/api/v1/session`, { headers: planted })).status, 401, 'without its prefix');
    const out = await ask(`${api.url}/api/v1/logout`, { method: 'POST', headers: { cookie, origin: api.url } });
    // Without Secure a browser would refuse to take it away.
    assert.match(out.headers.get('set-cookie') ?? '', /^__Host-ingot-session-\d+=;.*; Secure/);
    await assert.rejects(
      fetch(`${api.url}/healthz`),
      'a self-signed certificate is trusted by nobody who did not pin it',
    );
  });

  it('is sent nothing by whoever pinned another key', async () => {
    const tls = await openOperatorTls({ files: undefined, own: () => made(), asksClients: false, log });
    await using api = await runningApi({ tls });
    const other = knownOf((await made()).certificate);
    const asked: unknown[] = [];
    const seen = pinnedFetch({ pin: other.pin });
    await assert.rejects(seen(`${api.url}/api/v1/status`), (error: unknown) => {
      asked.push(error);
      return error instanceof WrongCertificate && error.shown.fingerprint === tls.known().fingerprint;
    });
    await assert.rejects(pinnedFetch({ fingerprint: other.fingerprint })(`${api.url}/healthz`), WrongCertificate);
    assert.equal(
      (await pinnedFetch({ fingerprint: tls.known().fingerprint.toUpperCase() })(`${api.url}/healthz`)).status,
      200,
    );
  });

  it('is trusted by who signed it, where that is named', async () => {
    const own = await made();
    const tls = await openOperatorTls({ files: undefined, own: async () => own, asksClients: false, log });
    await using api = await runningApi({ tls });
    assert.equal((await pinnedFetch({ ca: own.certificate })(`${api.url}/healthz`)).status, 200);
    await assert.rejects(pinnedFetch({ ca: (await made()).certificate })(`${api.url}/healthz`));
  });

  it('takes a new certificate from its files without a restart, and an open connection goes on', () =>
    inFolder(async (files) => {
      const [one, two] = [await made(), await made()];
      await lay(files, one);
      const tls = await openOperatorTls({ files, own: () => made(), asksClients: false, log });
      await using api = await runningApi({ tls });
      const before = await openPinned(new URL(api.url), { pin: knownOf(one.certificate).pin });
      await lay(files, two);
      assert.equal(await tls.reload(), 'changed');
      const answered = await pinnedFetch({ pin: knownOf(two.certificate).pin })(`${api.url}/healthz`);
      assert.equal(answered.status, 200);
      before.socket.write(`GET /healthz HTTP/1.1\r\nhost: ${new URL(api.url).host}\r\nconnection: close\r\n\r\n`);
      const [chunk] = (await once(before.socket, 'data')) as [Buffer];
      assert.match(chunk.toString(), /^HTTP\/1\.1 200/);
      before.socket.destroy();
      assert.equal(await tls.reload(), 'unchanged');
    }));

  it('keeps the one before while its files do not fit, and takes the new one when they do', () =>
    inFolder(async (files) => {
      const [one, two] = [await made(), await made()];
      await lay(files, one);
      const tls = await openOperatorTls({ files, own: () => made(), asksClients: false, log, lookMs: 1 });
      await writeFile(files.certificate, two.certificate);
      assert.ok(typeof (await tls.reload()) === 'object');
      assert.equal(tls.current().certificate, one.certificate);
      const stop = new AbortController();
      const changed = new Promise<KeyedCertificate>((resolve) => void tls.onChange(resolve));
      const watching = tls.watch(stop.signal);
      await writeFile(files.key, two.key);
      assert.equal((await changed).certificate, two.certificate);
      stop.abort();
      await watching;
      await rm(files.key);
      assert.ok(typeof (await tls.reload()) === 'object', 'nor is it lost with its file');
    }));

  it('does not come up with files that cannot be used', () =>
    inFolder(async (files) => {
      await assert.rejects(
        openOperatorTls({ files, own: () => made(), asksClients: false, log }),
        /api\.tls: .*cannot be used/,
      );
    }));
});

describe('a client’s certificate', () => {
  it('is its user, with their role and scope, as long as they are let in and it lasts', async () => {
    const tls = await openOperatorTls({ files: undefined, own: () => made(), asksClients: true, log });
    await using api = await runningApi({ tls });
    const { pin } = tls.known();
    const client = await made(['anna']);
    const { fingerprint } = knownOf(client.certificate);
    const ask = (by: KeyedCertificate, init: RequestInit = {}, path = '/api/v1/session') =>
      pinnedFetch({ pin, client: by })(`${api.url}${path}`, init);
    assert.equal((await ask(client)).status, 401);
    await api.users.create({ name: 'anna', role: 'operator', scope: 'rack=r1', certificates: [fingerprint] });
    const who = (await (await ask(client)).json()) as object;
    assert.partialDeepStrictEqual(who, { name: 'anna', role: 'operator', scope: 'rack=r1' });
    assert.equal((await ask(await made(['anna']))).status, 401, 'another certificate with the same name');
    assert.equal((await ask(client, {}, '/api/v1/tokens')).status, 403);

    const post = (headers: Record<string, string>) => ask(client, { method: 'POST', headers }, '/api/v1/codes');
    assert.equal((await post({})).status, 201, 'a program sends no Origin');
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
      assert.equal((await post(headers)).status, 403, 'a browser sends a certificate for any page');
    }
    const stream = await ask(client, {}, '/api/v1/watch');
    assert.equal(stream.status, 200);
    await api.users.change('anna', { disabled: true });
    await stream.text();
    assert.equal((await ask(client)).status, 401);

    await api.users.change('anna', { disabled: false });
    const spare = knownOf((await made(['anna'])).certificate).fingerprint;
    await api.users.change('anna', { certificates: [spare, fingerprint] });
    const again = await ask(client, {}, '/api/v1/watch');
    assert.equal(again.status, 200);
    const { code } = (await (await post({})).json()) as { code: string };
    await api.users.change('anna', { certificates: [fingerprint] });
    assert.equal((await ask(client)).status, 200, 'the other one goes on');
    await api.users.change('anna', { certificates: [spare] });
    await again.text();
    assert.equal((await ask(client)).status, 401);
    assert.equal(await api.access.exchange(code), undefined, 'what it made has ended, too');

    const over = await made(['bert'], () => Date.now() - 900 * 24 * 3600_000);
    await api.users.create({ name: 'bert', role: 'admin', certificates: [knownOf(over.certificate).fingerprint] });
    assert.equal((await ask(over)).status, 401, 'one that has ended');
  });
});

describe('ingot login', () => {
  it('pins the key of a daemon by the fingerprint that it prints, and refuses another one', async () => {
    const tls = await openOperatorTls({ files: undefined, own: () => made(), asksClients: false, log });
    await using cli = await runningCli({ tls });
    const env = { INGOT_CONTEXTS: join(cli.cwd, 'contexts.json'), INGOT_TOKEN: undefined, INGOT_URL: undefined };
    const login = (fingerprint: string) =>
      cli.run(['login', cli.api.url, '--token', '--fingerprint', fingerprint], { env, input: cli.api.tokens.admin });
    const wrong = await login('ab'.repeat(32));
    assert.notEqual(wrong.status, 0);
    const right = await login(tls.known().fingerprint);
    assert.equal(right.status, 0, right.error);
    assert.equal((await cli.run(['machine', 'list'], { env })).status, 0);
    const untrusted = await cli.run(['--url', cli.api.url, 'machine', 'list'], { env: { INGOT_TOKEN: 'x' } });
    assert.equal(untrusted.status, 5);
    assert.match(untrusted.error, /nobody whom this machine trusts.*nothing was sent/);
  });

  it('with a client certificate keeps where it is, and no token', async () => {
    const tls = await openOperatorTls({ files: undefined, own: () => made(), asksClients: true, log });
    await using cli = await runningCli({ tls });
    const env = { INGOT_CONTEXTS: join(cli.cwd, 'contexts.json'), INGOT_TOKEN: undefined, INGOT_URL: undefined };
    const client = await made(['anna']);
    const files = { certificate: join(cli.cwd, 'anna.pem'), key: join(cli.cwd, 'anna.key') };
    await lay(files, client);
    const login = () =>
      cli.run(
        [
          'login',
          cli.api.url,
          '--certificate',
          'anna.pem',
          '--key',
          'anna.key',
          '--fingerprint',
          tls.known().fingerprint,
        ],
        { env },
      );
    assert.equal((await login()).status, 5, 'nobody has said whose it is');
    const { fingerprint } = knownOf(client.certificate);
    await cli.api.users.create({ name: 'anna', role: 'viewer', certificates: [fingerprint] });
    const right = await login();
    assert.equal(right.status, 0, right.error);
    assert.match(right.out, /^anna \(viewer\)/);
    assert.equal((await cli.run(['machine', 'list'], { env })).status, 0);
    assert.doesNotMatch(await readFile(env.INGOT_CONTEXTS, 'utf8'), /ingot_|"token"/);
  });
});
