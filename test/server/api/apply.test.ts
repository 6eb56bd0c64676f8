import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyAnswer } from '#machines/contract/api/apply.ts';
import { subnetDocument } from '#machines/contract/documents.ts';
import { type RunningApi, runningApi } from './running-api.ts';

const IMAGE = { kind: 'image', name: 'rescue', arch: 'x86_64', assets: [{ role: 'kernel', path: '/boot/vmlinuz' }] };
const PROFILE = { kind: 'Profiles', name: 'rescue', os: 'kernel', writes: 'none', image: 'rescue' };
const MACHINE = { kind: 'MACHINE', name: 'r1-u1', macs: ['52:54:00:00:00:01'], profile: 'rescue' };

async function apply(api: RunningApi, documents: readonly unknown[], more: object = {}, token = api.tokens.admin) {
  const answer = await api.send('POST', '/api/v1/apply', { documents, ...more }, { authorization: `Bearer ${token}` });
  assert.equal(answer.status, 200, await answer.clone().text());
  return applyAnswer.parse(await answer.json());
}

const told = ({ changes }: { readonly changes: readonly { kind: string; name: string; change: string }[] }) =>
  changes.map(({ kind, name, change }) => `${kind} ${name} ${change}`);

describe('apply', () => {
  it('puts what is referred to first, in whatever order and spelling it is given', async () => {
    await using api = await runningApi();
    const answer = await apply(api, [MACHINE, PROFILE, IMAGE]);
    assert.deepEqual(told(answer), ['Image rescue created', 'Profile rescue created', 'Machine r1-u1 created']);
    assert.equal(answer.ok, true);
    assert.deepEqual(told(await apply(api, [MACHINE, PROFILE, IMAGE])), [
      'Image rescue unchanged',
      'Profile rescue unchanged',
      'Machine r1-u1 unchanged',
    ]);
  });

  it('says what would change without changing it', async () => {
    await using api = await runningApi();
    await apply(api, [IMAGE, PROFILE, MACHINE]);
    const changed = { ...MACHINE, macs: ['52:54:00:00:00:02'], labels: { rack: 'r1' } };
    const answer = await apply(api, [changed], { dryRun: true });
    assert.deepEqual(answer.changes[0]?.differences, [
      { path: 'labels.rack', after: 'r1' },
      { path: 'macs[0]', before: '52:54:00:00:00:01', after: '52:54:00:00:00:02' },
    ]);
    assert.deepEqual(api.registry.machine('r1-u1')?.document.macs, ['52:54:00:00:00:01']);
    assert.equal((await api.audit()).length, 1, 'a look is no change');
  });

  it('fails one document with its reason, and does the others', async () => {
    await using api = await runningApi();
    const answer = await apply(api, [
      { kind: 'Machine', name: 'a', profile: 'nothing' },
      { kind: 'Machine', name: 'b' },
      { kind: 'Subnet', name: 's', cidr: '10.0.0.0/24' },
    ]);
    assert.equal(answer.ok, false);
    const failures = answer.changes.flatMap(({ index, problem }) =>
      problem ? [[index, problem.errors?.[0]?.path]] : [],
    );
    assert.deepEqual(failures, [
      [2, 'kind'],
      [0, 'profile'],
    ]);
    assert.ok(api.registry.machine('b'));
  });

  it('refuses a MAC that is given twice or belongs to another machine', async () => {
    await using api = await runningApi();
    const macs = ['52:54:00:00:00:01'];
    const twice = await apply(api, [
      { kind: 'Machine', name: 'a', macs },
      { kind: 'Machine', name: 'b', macs },
    ]);
    assert.equal(twice.changes.find(({ name }) => name === 'b')?.problem?.errors?.[0]?.path, 'macs[0]');
    const foreign = await apply(api, [{ kind: 'Machine', name: 'c', macs }], { dryRun: true });
    assert.match(foreign.changes[0]?.problem?.detail ?? '', /belongs to machine a/);
  });

  it('leaves a rejected machine rejected', async () => {
    await using api = await runningApi();
    await apply(api, [{ kind: 'Machine', name: 'a' }]);
    await api.request('/api/v1/machines/a/actions/reject', { method: 'POST' });
    const answer = await apply(api, [{ kind: 'Machine', name: 'a', serial: 'S1' }]);
    assert.match(answer.changes[0]?.because ?? '', /stays rejected/);
    assert.equal(api.registry.machine('a')?.acceptance, 'rejected');
  });

  it('prunes what came from the same path, but neither a locked machine nor one in service', async () => {
    await using api = await runningApi();
    const from = '/srv/rack';
    const machines = ['gone', 'locked', 'adopted', 'stays'].map((name) => ({ kind: 'Machine', name }));
    await apply(api, [...machines, IMAGE], { from });
    await apply(api, [{ kind: 'Machine', name: 'elsewhere' }], { from: '/srv/other' });
    for (const [name, action] of [
      ['locked', 'lock'],
      ['adopted', 'adopt'],
    ]) {
      await api.request(`/api/v1/machines/${name}/actions/${action}`, { method: 'POST' });
    }
    const answer = await apply(api, [{ kind: 'Machine', name: 'stays' }], { from, prune: true });
    assert.deepEqual(told(answer).toSorted(), [
      'Image rescue removed',
      'Machine adopted kept',
      'Machine gone removed',
      'Machine locked kept',
      'Machine stays unchanged',
    ]);
    assert.ok(api.registry.machine('elsewhere'));
    assert.equal(api.registry.machine('gone'), undefined);
  });

  it('does not prune an image that a document still refers to without saying so', async () => {
    await using api = await runningApi();
    await apply(api, [IMAGE, PROFILE], { from: 'x' });
    const answer = await apply(api, [PROFILE], { from: 'x', prune: true, dryRun: true });
    assert.match(answer.changes.find(({ change }) => change === 'failed')?.problem?.detail ?? '', /no image rescue/);
  });

  it('lets only an admin name files of the daemon’s machine', async () => {
    await using api = await runningApi();
    const answer = await apply(api, [IMAGE], {}, api.tokens.operator);
    assert.equal(answer.changes[0]?.problem?.errors?.[0]?.path, 'assets[0].path');
    const put = await api.send('PUT', '/api/v1/images/rescue', IMAGE, {
      authorization: `Bearer ${api.tokens.operator}`,
    });
    assert.equal(put.status, 403);
    const url = { ...IMAGE, assets: [{ role: 'kernel', url: 'http://192.0.2.1/vmlinuz' }] };
    assert.equal((await apply(api, [url], {}, api.tokens.operator)).ok, true);
  });
});

describe('documents by kind', () => {
  it('are listed, read, replaced and removed', async () => {
    await using api = await runningApi();
    await apply(api, [IMAGE, PROFILE]);
    const one = await api.request('/api/v1/profiles/rescue');
    assert.equal(one.headers.get('etag'), '"1"');
    const body = (await one.json()) as object;
    const answer = await api.send(
      'PUT',
      '/api/v1/profiles/rescue',
      { ...body, args: ['quiet'] },
      { 'if-match': '"1"' },
    );
    assert.equal(answer.headers.get('etag'), '"2"');
    const { items } = (await (await api.request('/api/v1/profiles')).json()) as {
      items: { name: string; args: unknown }[];
    };
    assert.deepEqual(items.find(({ name }) => name === 'rescue')?.args, ['quiet']);
    assert.equal((await api.request('/api/v1/profiles/rescue', { method: 'DELETE' })).status, 204);
    assert.equal((await api.request('/api/v1/profiles/rescue')).status, 404);
  });

  it('shows subnets as they are written', async () => {
    const written = { kind: 'Subnet', name: 'lab', cidr: '10.0.0.0/24', pools: ['10.0.0.10-10.0.0.20'] };
    await using api = await runningApi({ configSubnets: [subnetDocument.parse(written)] });
    const subnet = (await (await api.request('/api/v1/subnets/lab')).json()) as Record<string, unknown>;
    assert.deepEqual([subnet['cidr'], subnet['pools']], [written.cidr, written.pools]);
    assert.equal((await api.send('PUT', '/api/v1/subnets/lab', written)).status, 404, 'read-only');
  });
});
