import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import { attemptOf } from './memory-recorder.ts';
import { type RunningApi, runningApi } from './running-api.ts';

type Page = { items: { id?: string; address?: string; name?: string }[]; next?: string; total?: number };
const NOW = 1_700_000_000_000;

async function allOf(
  api: RunningApi,
  path: string,
  pick: 'id' | 'address' | 'name',
): Promise<readonly (readonly string[])[]> {
  const pages: string[][] = [];
  let after = '';
  for (let left = 20; left > 0; left -= 1) {
    const answer = await api.request(`${path}${after}`);
    assert.equal(answer.status, 200, await answer.clone().text());
    const { items, next } = (await answer.json()) as Page;
    pages.push(items.map((one) => one[pick] ?? ''));
    if (next === undefined) return pages;
    after = `&after=${encodeURIComponent(next)}`;
  }
  throw new Error(`${path} never ends`);
}

async function withMachines(): Promise<RunningApi> {
  const api = await runningApi();
  for (const [name, rack] of [
    ['r1-u1', 'r1'],
    ['r2-u1', 'r2'],
  ]) {
    const macs = [`52:54:00:00:00:0${name === 'r1-u1' ? 1 : 2}`];
    await api.send('PUT', `/api/v1/machines/${name ?? ''}`, { kind: 'Machine', name, macs, labels: { rack } });
  }
  return api;
}

describe('lists that grow with time', () => {
  it('boot attempts come page by page, and by labels of their machine, each once', async () => {
    await using api = await withMachines();
    for (let index = 0; index < 9; index += 1) {
      const machine = index % 2 === 0 ? 'r1-u1' : 'r2-u1';
      // Several of one millisecond, as a rack that is switched on at once has.
      api.recorder.tell(attemptOf(machine, { id: `a${index}`, startedAt: NOW + Math.floor(index / 4) }));
    }
    assert.deepEqual(await allOf(api, '/api/v1/attempts?limit=4', 'id'), [
      ['a8', 'a7', 'a6', 'a5'],
      ['a4', 'a3', 'a2', 'a1'],
      ['a0'],
    ]);
    assert.deepEqual(await allOf(api, '/api/v1/attempts?limit=6&sort=oldest', 'id'), [
      ['a0', 'a1', 'a2', 'a3', 'a4', 'a5'],
      ['a6', 'a7', 'a8'],
    ]);
    assert.deepEqual(await allOf(api, '/api/v1/attempts?limit=2&label=rack%3Dr1', 'id'), [
      ['a8', 'a6'],
      ['a4', 'a2'],
      ['a0'],
    ]);
    assert.deepEqual(await allOf(api, '/api/v1/attempts?label=rack%3Dr3', 'id'), [[]]);
    assert.deepEqual(await allOf(api, '/api/v1/attempts?stage=kernel', 'id'), [[]]);
  });

  it('jobs come page by page, by kind, state and labels', async () => {
    await using api = await withMachines();
    const made = [];
    for (let index = 0; index < 5; index += 1) {
      made.push(await api.jobs.submit({ kind: 'inspect', machine: index % 2 === 0 ? 'r1-u1' : 'r2-u1', by: 'a' }));
    }
    const ids = (await allOf(api, '/api/v1/jobs?limit=2', 'id')).flat();
    assert.deepEqual(ids.toSorted(), made.map(({ id }) => id).toSorted());
    assert.deepEqual((await allOf(api, '/api/v1/jobs?limit=2&sort=oldest', 'id')).flat(), ids.toReversed());
    const ofRack = (await allOf(api, '/api/v1/jobs?limit=1&label=rack%3Dr2', 'id')).flat();
    assert.deepEqual(ofRack.toSorted(), [made[1]?.id ?? '', made[3]?.id ?? ''].toSorted());
    assert.deepEqual((await allOf(api, '/api/v1/jobs?kind=wipe', 'id')).flat(), []);
  });

  it('leases are sorted and paged, also by a label or a fact of whose they are', async () => {
    await using api = await withMachines();
    for (let index = 1; index <= 12; index += 1) {
      api.leases.set(`10.0.0.${index}`, {
        site: 'default',
        subnet: '10.0.0.0/24',
        address: `10.0.0.${index}` as IpAddress,
        key: String(index),
        mac: `52:54:00:00:00:${index.toString(16).padStart(2, '0')}` as MacAddress,
        hostname: `h${12 - index}`,
        state: index === 12 ? 'declined' : 'bound',
        boundAt: NOW - index,
        expiresAt: NOW + 1000 + (index % 3),
      });
    }
    const pages = await allOf(api, '/api/v1/leases?limit=5', 'address');
    assert.deepEqual(
      pages.flat(),
      Array.from({ length: 12 }, (_, index) => `10.0.0.${index + 1}`),
      'as people count',
    );
    assert.deepEqual(
      (await allOf(api, '/api/v1/leases?sort=bound&limit=5', 'address')).flat(),
      pages.flat().toReversed(),
    );
    const byEnd = (await allOf(api, '/api/v1/leases?sort=expires&descending=true&limit=3', 'address')).flat();
    assert.equal(new Set(byEnd).size, 12);
    assert.equal(byEnd[0], '10.0.0.11');
    assert.deepEqual(await allOf(api, '/api/v1/leases?label=rack%3Dr2', 'address'), [['10.0.0.2']]);
    assert.deepEqual(await allOf(api, '/api/v1/leases?fact=arch', 'address'), [[]]);
    assert.deepEqual(await allOf(api, '/api/v1/leases?state=declined', 'address'), [['10.0.0.12']]);
  });

  it('the audit log comes page by page, by who, what and to what', async () => {
    await using api = await withMachines();
    for (let index = 0; index < 3; index += 1) {
      await api.request('/api/v1/machines/r1-u1/actions/lock', { method: 'POST' });
      await api.request('/api/v1/machines/r1-u1/actions/unlock', { method: 'POST' });
    }
    const ask = async (query: string) => {
      const answer = await api.request(`/api/v1/audit?${query}`);
      return (await answer.json()) as { items: { seq: number; action: string; target: string }[]; next?: string };
    };
    const seen: number[] = [];
    let after = '';
    for (let left = 10; left > 0; left -= 1) {
      const { items, next } = await ask(`action=actOnMachine&limit=2${after}`);
      seen.push(...items.map(({ seq }) => seq));
      for (const one of items) assert.equal(one.action, 'actOnMachine');
      if (next === undefined) break;
      after = `&after=${encodeURIComponent(next)}`;
    }
    assert.equal(new Set(seen).size, 6);
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => b - a),
    );
    assert.equal((await ask('target=r2-u1')).items.length, 1);
    assert.equal((await ask('who=nobody')).items.length, 0);
  });

  it('documents are filtered, sorted and paged; all come where no limit is given', async () => {
    await using api = await runningApi();
    const put = (path: string, document: Record<string, unknown>) => api.send('PUT', `/api/v1/${path}`, document);
    for (let index = 1; index <= 11; index += 1) {
      await put(`profiles/p${index}`, {
        kind: 'Profile',
        name: `p${index}`,
        os: index % 2 === 0 ? 'menu' : 'disk',
        writes: 'none',
        labels: { team: index > 9 ? 'b' : 'a' },
      });
    }
    for (const [name, priority] of [
      ['c1', 30],
      ['c2', 4],
      ['c3', 200],
    ] as const)
      await put(`classes/${name}`, { kind: 'Class', name, priority, profile: 'p1', match: {} });
    const names = async (query: string) => (await allOf(api, `/api/v1/${query}`, 'name')).map((page) => page.join(' '));
    const all = 'p1 p2 p3 p4 p5 p6 p7 p8 p9 p10 p11';
    assert.deepEqual(await names('profiles?label=team'), [all], 'as people count');
    assert.deepEqual(await names('profiles?label=team&limit=6'), ['p1 p2 p3 p4 p5 p6', 'p7 p8 p9 p10 p11']);
    assert.deepEqual(await names('profiles?label=team&sort=os&descending=true&limit=5'), [
      'p10 p8 p6 p4 p2',
      'p11 p9 p7 p5 p3',
      'p1',
    ]);
    assert.deepEqual(await names('profiles?label=team%3Db&search=MENU'), ['p10']);
    assert.deepEqual(await names('classes?sort=priority&limit=2'), ['c2 c1', 'c3']);
    assert.equal((await api.request('/api/v1/profiles?sort=priority')).status, 400);
    const answer = (await (await api.request('/api/v1/profiles?label=team%3Da&limit=1')).json()) as Page;
    assert.equal(answer.total, 9);
    for (const path of ['images', 'networks', 'subnets', 'clusters'])
      assert.deepEqual(await names(`${path}?limit=1&label=team`), [''], path);
  });

  it('a cursor that is none is refused, and never read as something', async () => {
    await using api = await runningApi();
    for (const path of ['attempts', 'jobs', 'leases', 'machines', 'audit', 'webhook-deliveries', 'profiles']) {
      for (const after of ['x', 'bnVsbA==', btoa('[1]'), btoa('{"length":2}'), btoa('[{},{}]')]) {
        const answer = await api.request(`/api/v1/${path}?after=${encodeURIComponent(after)}`);
        assert.equal(answer.status, 400, `${path} ${after}`);
      }
    }
  });
});
