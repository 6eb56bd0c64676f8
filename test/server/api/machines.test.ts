import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { machineList, machineResource } from '#machines/contract/api/machine-resource.ts';
import { explanation } from '#machines/contract/api/explain.ts';
import { problem } from '#machines/contract/api/problem.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { attemptOf } from './memory-recorder.ts';
import { type RunningApi, runningApi } from './running-api.ts';

const mac = (last: number): string => `52:54:00:00:00:${last.toString(16).padStart(2, '0')}`;

async function add(api: RunningApi, name: string, more: object = {}): Promise<void> {
  const answer = await api.send('PUT', `/api/v1/machines/${name}`, { kind: 'Machine', name, ...more });
  assert.equal(answer.status, 200, await answer.clone().text());
}

const list = async (api: RunningApi, query: string) =>
  machineList.parse(await (await api.request(`/api/v1/machines?${query}`)).json());

const names = async (api: RunningApi, query: string): Promise<readonly string[]> =>
  (await list(api, query)).items.map(({ name }) => name);

describe('machines over the API', () => {
  it('are the document as it was written, and a status', async () => {
    await using api = await runningApi();
    await add(api, 'r1-u1', { macs: ['52-54-00-00-00-01'], location: { rack: 'r1', unit: 1 } });
    const answer = await api.request('/api/v1/machines/r1-u1');
    const body = (await answer.json()) as Record<string, unknown>;
    assert.equal(answer.headers.get('etag'), '"1"');
    assert.deepEqual(body['macs'], ['52:54:00:00:00:01']);
    const machine = machineResource.parse(body);
    assert.equal(machine.status.acceptance, 'accepted');
    assert.ok(machine.status.actions.includes('netboot'));
  });

  it('round-trip: what was read can be written back, status and all', async () => {
    await using api = await runningApi();
    await add(api, 'r1-u1', { macs: [mac(1)] });
    const body: unknown = await (await api.request('/api/v1/machines/r1-u1')).json();
    const answer = await api.send('PUT', '/api/v1/machines/r1-u1', body, { 'if-match': '"1"' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('etag'), '"1"', 'nothing has changed');
  });

  it('refuse an edit of what somebody else has edited since', async () => {
    await using api = await runningApi();
    await add(api, 'r1-u1');
    await api.send('PATCH', '/api/v1/machines/r1-u1', { serial: 'S1' });
    const answer = await api.send(
      'PUT',
      '/api/v1/machines/r1-u1',
      { kind: 'Machine', name: 'r1-u1' },
      { 'if-match': '"1"' },
    );
    assert.equal(answer.status, 412);
    assert.equal(problem.parse(await answer.json()).rev, 2);
  });

  it('are created only if new, when that is asked', async () => {
    await using api = await runningApi();
    await add(api, 'r1-u1');
    const body = { kind: 'Machine', name: 'r1-u1', serial: 'other' };
    const answer = await api.send('PUT', '/api/v1/machines/r1-u1', body, { 'if-none-match': '*' });
    assert.equal(answer.status, 412);
  });

  it('change in parts by a merge patch', async () => {
    await using api = await runningApi();
    await add(api, 'r1-u1', { labels: { rack: 'r1', env: 'lab' }, serial: 'S1' });
    const answer = await api.request('/api/v1/machines/r1-u1', {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ labels: { env: null, gpu: 'yes' }, serial: null }),
    });
    const machine = machineResource.parse(await answer.json());
    assert.deepEqual(machine.labels, { rack: 'r1', gpu: 'yes' });
    assert.equal(machine.serial, undefined);
  });

  it('name the field that is wrong, what was got and what is wanted', async () => {
    await using api = await runningApi();
    const answer = await api.send('PUT', '/api/v1/machines/r1-u1', {
      kind: 'Machine',
      name: 'r1-u1',
      macs: ['52:54:00:00:00:01', 'nonsense'],
      profil: 'x',
    });
    assert.equal(answer.status, 400);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
    assert.deepEqual(problem.parse(await answer.json()).errors, [
      {
        in: 'body',
        path: 'macs[1]',
        pointer: '#/macs/1',
        text: 'got "nonsense", want a MAC address such as 52:54:00:00:00:01',
      },
      { in: 'body', path: 'profil', pointer: '#/profil', text: 'unknown key; did you mean profile?' },
    ]);
  });

  it('are not renamed by a body that says another name than the path', async () => {
    await using api = await runningApi();
    const answer = await api.send('PUT', '/api/v1/machines/r1-u1', { kind: 'Machine', name: 'r1-u2' });
    assert.equal(answer.status, 400);
  });

  it('obey the table of allowed actions, and say what to do', async () => {
    await using api = await runningApi();
    await add(api, 'r1-u1');
    assert.equal((await api.request('/api/v1/machines/r1-u1/actions/lock', { method: 'POST' })).status, 200);
    const answer = await api.request('/api/v1/machines/r1-u1', { method: 'DELETE' });
    assert.equal(answer.status, 409);
    const { code, next } = problem.parse(await answer.json());
    assert.deepEqual([code, next], ['refused', 'ingot machine unlock r1-u1']);
  });

  it('get a grant for one netboot', async () => {
    await using api = await runningApi();
    await add(api, 'r1-u1');
    const profile = { kind: 'Profile', name: 'rescue', os: 'chain', writes: 'none', url: 'http://192.0.2.1/x' };
    await api.send('PUT', '/api/v1/profiles/rescue', profile);
    const answer = await api.send('POST', '/api/v1/machines/r1-u1/boot', { profile: 'rescue' });
    assert.equal(answer.status, 201);
    assert.match((await api.audit()).at(-1)?.detail ?? '', /^profile rescue, grant \S+$/);
  });

  it('leave an entry in the audit log for every change, and none for what was refused', async () => {
    await using api = await runningApi();
    await add(api, 'r1-u1');
    await api.request('/api/v1/machines/nobody/actions/lock', { method: 'POST' });
    await api.request('/api/v1/machines/r1-u1/actions/lock', { method: 'POST' });
    assert.deepEqual(
      (await api.audit()).map(({ who, action, target }) => [who, action, target]),
      [
        ['a-admin', 'putMachine', 'r1-u1'],
        ['a-admin', 'actOnMachine', 'r1-u1 lock'],
      ],
    );
  });
});

describe('the list of machines', () => {
  it('counts as people count', async () => {
    await using api = await runningApi();
    for (const name of ['r1-u10', 'r1-u9', 'r2-u1', 'r1-u1']) await add(api, name);
    assert.deepEqual(await names(api, ''), ['r1-u1', 'r1-u9', 'r1-u10', 'r2-u1']);
    assert.deepEqual(await names(api, 'descending=true'), ['r2-u1', 'r1-u10', 'r1-u9', 'r1-u1']);
  });

  it('goes on where a page ended, although machines come and go meanwhile', async () => {
    await using api = await runningApi();
    for (let unit = 1; unit <= 9; unit++) await add(api, `r1-u${unit}`);
    const first = await list(api, 'limit=4');
    assert.equal(first.total, 9);
    await api.request('/api/v1/machines/r1-u4', { method: 'DELETE' });
    await add(api, 'r1-u0');
    const second = await list(api, `limit=4&after=${encodeURIComponent(first.next ?? '')}`);
    assert.deepEqual(
      second.items.map(({ name }) => name),
      ['r1-u5', 'r1-u6', 'r1-u7', 'r1-u8'],
    );
    const third = await list(api, `limit=4&after=${encodeURIComponent(second.next ?? '')}`);
    assert.deepEqual([third.items.length, third.next], [1, undefined]);
  });

  it('is filtered by labels, facts, text and state', async () => {
    await using api = await runningApi();
    await add(api, 'r1-u1', { labels: { env: 'lab' }, macs: [mac(1)], location: { rack: 'r1' } });
    await add(api, 'r1-u2', { labels: { env: 'prod' }, serial: 'ZX81' });
    const facts = { arch: 'arm64', 'gpu.count': 4, manufacturer: 'Ampere' };
    api.registry.observe({ mac: sure(parseMacAddress(mac(9))), facts, source: 'dhcp', at: 7 });
    for (const [query, want] of [
      ['label=env=lab', ['r1-u1']],
      ['label=env', ['r1-u1', 'r1-u2']],
      ['label=!env', ['m-525400000009']],
      ['label=env!=lab', ['m-525400000009', 'r1-u2']],
      ['fact=gpu.count>=2,arch=arm64', ['m-525400000009']],
      ['fact=gpu.count>4', []],
      ['acceptance=seen', ['m-525400000009']],
      ['rack=r1', ['r1-u1']],
      ['search=zx81', ['r1-u2']],
      ['search=AMPERE', ['m-525400000009']],
      ['sort=last-seen&descending=true&limit=1', ['m-525400000009']],
      ['fact=constructor', []],
    ] as const) {
      assert.deepEqual(await names(api, query.replaceAll('>', '%3E')), want, query);
    }
  });

  it('shows how the newest boot of each went', async () => {
    await using api = await runningApi();
    await add(api, 'r1-u1');
    await add(api, 'r1-u2');
    api.recorder.tell(attemptOf('r1-u1', { id: 'one', startedAt: 5 }));
    api.recorder.tell(attemptOf('r1-u1', { id: 'two', startedAt: 9, stage: 'running' }));
    assert.deepEqual(await names(api, 'stage=running'), ['r1-u1']);
    assert.equal((await list(api, 'search=r1-u1')).items[0]?.status.attempt?.id, 'two');
  });

  it('keeps the newest boot of a machine that was only seen, when it is written down under a name', async () => {
    await using api = await runningApi();
    const seen = api.registry.observe({ mac: sure(parseMacAddress(mac(6))), facts: {}, source: 'dhcp', at: 7 });
    const before = attemptOf(seen?.document.name ?? '', { mac: sure(parseMacAddress(mac(6))) });
    api.recorder.tell(before);
    await add(api, 'r1-u6', { macs: [mac(6)] });
    const { items } = await list(api, '');
    assert.deepEqual(
      items.map(({ name, status }) => [name, status.attempt?.id]),
      [['r1-u6', before.id]],
    );
  });

  it('refuses what it does not know, and names it', async () => {
    await using api = await runningApi();
    for (const [query, path] of [
      ['limit=0', 'limit'],
      ['sort=size', 'sort'],
      ['racks=r1', 'racks'],
      ['after=x', 'after'],
      ['label=%3D%3D', 'label'],
    ]) {
      const answer = await api.request(`/api/v1/machines?${query}`);
      assert.equal(answer.status, 400, query);
      assert.equal(problem.parse(await answer.json()).errors?.[0]?.path, path);
    }
  });
});

describe('explain', () => {
  it('says which rule decides, and gives the script byte for byte', async () => {
    await using api = await runningApi();
    await add(api, 'r1-u1', { macs: [mac(1)] });
    for (const asked of ['r1-u1', '52-54-00-00-00-01', '525400000001']) {
      const { machine, plan, script } = explanation.parse(
        await (await api.request(`/api/v1/explain?of=${asked}`)).json(),
      );
      assert.equal(machine, 'r1-u1');
      assert.deepEqual([plan.kind, plan.code], ['own-disk', 'no-profile']);
      assert.equal(script.text, '#!ipxe\nexit\n');
    }
  });

  it('explains a MAC that nobody knows, but not a name', async () => {
    await using api = await runningApi();
    const stranger = explanation.parse(await (await api.request(`/api/v1/explain?of=${mac(77)}`)).json());
    assert.equal(stranger.plan.code, 'unknown');
    assert.equal((await api.request('/api/v1/explain?of=r9-u9')).status, 404);
  });
});
