import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { keptAnswers } from '#server/api/kept-answers.ts';
import { type RunningApi, runningApi } from './running-api.ts';

const KEY = { 'idempotency-key': '"8e03978e-40d5-43dd-bc93-6894a57f9324"' };
const addToken = (api: RunningApi, name: string, headers: Record<string, string>) =>
  api.send('POST', '/api/v1/tokens', { name, role: 'viewer' }, headers);

describe('an operation with an idempotency key', () => {
  it('is done once, and answered the same each time', async () => {
    await using api = await runningApi();
    const first = await addToken(api, 'one', KEY);
    const second = await addToken(api, 'one', KEY);
    assert.deepEqual([first.status, second.status], [201, 201]);
    assert.equal(second.headers.get('content-type'), first.headers.get('content-type'));
    assert.equal(await second.text(), await first.text());
    const named = (await api.access.list()).filter(({ name }) => name === 'one');
    assert.equal(named.length, 1);
    assert.equal((await api.audit()).filter(({ action }) => action === 'createToken').length, 1);
  });

  it('is refused with another request, and done again with another key or by another caller', async () => {
    await using api = await runningApi();
    await addToken(api, 'one', KEY);
    const other = await addToken(api, 'two', KEY);
    assert.equal(other.status, 422);
    assert.equal(((await other.json()) as { code: string }).code, 'key-reused');
    assert.equal((await addToken(api, 'two', { 'idempotency-key': 'another' })).status, 201);
    const { secret } = await api.access.createToken({ name: 'b', role: 'admin' });
    assert.equal((await addToken(api, 'one', { ...KEY, authorization: `Bearer ${secret}` })).status, 201);
    assert.equal((await api.access.list()).filter(({ name }) => name === 'one').length, 2);
  });

  it('is refused the same way again, and not kept where the key is none', async () => {
    await using api = await runningApi();
    const act = () => api.request('/api/v1/machines/nobody/actions/lock', { method: 'POST', headers: KEY });
    const first = await act();
    assert.equal(first.status, 404);
    await api.send('PUT', '/api/v1/machines/nobody', { kind: 'Machine', name: 'nobody' });
    assert.equal(await (await act()).text(), await first.text());
    const bad = await addToken(api, 'one', { 'idempotency-key': '' });
    assert.equal(bad.status, 400);
  });

  it('is done once by two that ask at the same moment', async () => {
    await using api = await runningApi();
    const answers = await Promise.all(Array.from({ length: 8 }, () => addToken(api, 'one', KEY)));
    const done = answers.filter(({ status }) => status === 201).length;
    assert.ok(done >= 1);
    for (const { status } of answers) assert.ok(status === 201 || status === 409, String(status));
    assert.equal((await api.access.list()).filter(({ name }) => name === 'one').length, 1);
  });

  it('keeps no secret in the clear, and forgets after a day', async () => {
    await using api = await runningApi();
    const { secret } = (await (await addToken(api, 'one', KEY)).json()) as { secret: string };
    for (const file of ['ingot.sqlite', 'ingot.sqlite-wal']) {
      assert.ok(!(await readFile(join(api.dir, file), 'latin1')).includes(secret), file);
    }
    api.clock.now += 25 * 3_600_000;
    const again = (await (await addToken(api, 'one', KEY)).json()) as { secret: string };
    assert.notEqual(again.secret, secret);
  });

  it('that the daemon ended in the middle of says so, and is not done by itself again', async () => {
    await using api = await runningApi();
    const vault = { seal: (_name: string, text: string) => text, unseal: (_name: string, text: string) => text };
    const open = () => keptAnswers({ store: api.store.answers, vault, now: () => 5 });
    const asked = { caller: 'token a', key: 'k', request: ['POST', '/x'] };
    const before = open();
    assert.equal((await before.claim(asked)).kind, 'first');
    assert.equal((await before.claim(asked)).kind, 'busy');
    assert.equal((await open().claim(asked)).kind, 'unknown');
  });
});

describe('a PUT over what exists', () => {
  const put = (api: RunningApi, headers: Record<string, string> = {}, labels = {}) =>
    api.send('PUT', '/api/v1/machines/r1-u1', { kind: 'Machine', name: 'r1-u1', labels }, headers);

  it('says what it has seen: 428 without, 412 when it changed, done with the ETag or *', async () => {
    await using api = await runningApi();
    const made = await put(api);
    assert.equal(made.status, 200);
    const blind = await put(api, {}, { a: '1' });
    assert.equal(blind.status, 428);
    assert.equal(((await blind.json()) as { rev: number }).rev, 1);
    assert.equal((await put(api, { 'if-match': '"9"' }, { a: '1' })).status, 412);
    assert.equal((await put(api, { 'if-match': made.headers.get('etag') ?? '' }, { a: '1' })).status, 200);
    assert.equal((await put(api, { 'if-match': '*' }, { a: '2' })).status, 200);
    const profile = { kind: 'Profile', name: 'local', os: 'disk' };
    assert.equal((await api.send('PUT', '/api/v1/profiles/local', profile, { 'if-match': '*' })).status, 412);
    assert.equal((await api.send('PUT', '/api/v1/profiles/local', profile)).status, 200);
    assert.equal((await api.send('PUT', '/api/v1/profiles/local', profile)).status, 428);
  });
});

describe('what is wrong in a body', () => {
  it('is named by path, and by JSON Pointer', async () => {
    await using api = await runningApi();
    const body = { kind: 'Machine', name: 'a', macs: ['no'], labels: { 'x/y': 1 } };
    const answer = (await (await api.send('PUT', '/api/v1/machines/a', body)).json()) as {
      errors: { path: string; pointer: string }[];
    };
    assert.deepEqual(
      answer.errors.map(({ path, pointer }) => [path, pointer]),
      [
        ['labels.x/y', '#/labels/x~1y'],
        ['macs[0]', '#/macs/0'],
      ],
    );
  });
});
