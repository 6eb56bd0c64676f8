import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ApplyAnswer } from '#machines/contract/api/apply.ts';
import { type RunningApi, runningApi } from './running-api.ts';

const SECRET = 'correct horse battery staple';
const credential = (more: object = {}) => ({
  kind: 'Credential',
  name: 'rack1',
  username: 'admin',
  password: { value: SECRET },
  ...more,
});

async function apply(api: RunningApi, documents: readonly unknown[], more: object = {}, token = api.tokens.admin) {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await api.send('POST', '/api/v1/apply', { documents, ...more }, headers);
  const text = await answer.text();
  assert.ok(!text.includes(SECRET), text);
  assert.equal(answer.status, 200, text);
  return JSON.parse(text) as ApplyAnswer;
}
const changesOf = ({ changes }: ApplyAnswer) =>
  changes.map(({ kind, name, change, index }) => [kind, name, change, index]);

describe('apply with credentials among the documents', () => {
  it('seals them at once, before the machines that name them, and never shows them', async () => {
    await using api = await runningApi();
    const machine = {
      kind: 'Machine',
      name: 'r1-u1',
      bmc: { type: 'redfish', address: 'https://10.0.0.12', credential: 'rack1' },
    };
    assert.deepEqual(changesOf(await apply(api, [machine, credential()])), [
      ['Credential', 'rack1', 'created', 1],
      ['Machine', 'r1-u1', 'created', 0],
    ]);
    assert.deepEqual(changesOf(await apply(api, [machine, credential()])), [
      ['Credential', 'rack1', 'unchanged', 1],
      ['Machine', 'r1-u1', 'unchanged', 0],
    ]);
    assert.equal((await apply(api, [credential({ password: '***', username: 'root' })])).changes[0]?.change, 'changed');
    const listed = await (await api.request('/api/v1/bmc-credentials')).text();
    assert.match(listed, /"username":"root"/);
    assert.ok(!listed.includes(SECRET));
    assert.ok(!JSON.stringify(await api.audit()).includes(SECRET));
  });

  it('says what it would do, and prunes what a folder has no more', async () => {
    await using api = await runningApi();
    const from = '/etc/rack';
    assert.equal((await apply(api, [credential()], { dryRun: true })).changes[0]?.change, 'created');
    assert.deepEqual(changesOf(await apply(api, [credential(), credential({ name: 'rack2' })], { from })), [
      ['Credential', 'rack1', 'created', 0],
      ['Credential', 'rack2', 'created', 1],
    ]);
    assert.deepEqual(changesOf(await apply(api, [credential()], { from, prune: true })), [
      ['Credential', 'rack1', 'unchanged', 0],
      ['Credential', 'rack2', 'removed', undefined],
    ]);
    // A program that sends its credentials elsewhere must not lose them by this.
    assert.deepEqual((await apply(api, [], { from, prune: true })).changes, []);
  });

  it('is refused to whoever is no admin, without a word about the documents beside it', async () => {
    await using api = await runningApi();
    const answer = await apply(api, [credential(), { kind: 'Machine', name: 'a' }], {}, api.tokens.operator);
    assert.deepEqual(changesOf(answer), [
      ['Credential', 'rack1', 'failed', 0],
      ['Machine', 'a', 'created', 1],
    ]);
    assert.equal(answer.changes[0]?.problem?.code, 'forbidden');
  });

  it('repeats nothing of a secret that stands in the wrong form', async () => {
    await using api = await runningApi();
    const wrong = [
      credential({ password: SECRET }),
      credential({ password: { valu: SECRET } }),
      credential({ password: { value: [SECRET] } }),
      credential({ password: { value: `${SECRET}\n` } }),
      credential({ password: { value: SECRET.repeat(20) } }),
      credential({ password: { from: { file: SECRET } } }),
      credential({ kg: { value: SECRET } }),
    ];
    for (const document of wrong) {
      const answer = await api.send('POST', '/api/v1/apply', { documents: [document] });
      const text = await answer.text();
      assert.equal(answer.status, 400, text);
      assert.ok(!text.includes(SECRET), text);
      assert.match(text, /documents\[0\]\.(password|kg)/);
    }
    for (const body of [
      { username: 'a', password: `${SECRET}\n` },
      { username: 'a', password: [SECRET] },
    ]) {
      const answer = await api.send('PUT', '/api/v1/bmc-credentials/rack1', body);
      assert.equal(answer.status, 400);
      assert.ok(!(await answer.text()).includes(SECRET));
    }
  });
});
