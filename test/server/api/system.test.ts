import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemStatus } from '#machines/contract/api/system-resource.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { metricsText } from '#server/api/metrics.ts';
import { attemptOf } from './memory-recorder.ts';
import { LOADER_COUNT, runningApi } from './running-api.ts';

describe('status', () => {
  it('counts machines and the verdicts of their newest boots', async () => {
    await using api = await runningApi();
    await api.send('PUT', '/api/v1/machines/a', { kind: 'Machine', name: 'a' });
    api.recorder.tell(attemptOf('a'));
    const status = systemStatus.parse(await (await api.request('/api/v1/status')).json());
    assert.deepEqual(status.machines, { total: 1, seen: 0, accepted: 1, rejected: 0, locked: 0 });
    assert.deepEqual(status.verdicts, { 'in-progress': 1 });
  });
});

describe('attempts', () => {
  it('are given with their events, from where one has read', async () => {
    await using api = await runningApi();
    const attempt = attemptOf('a');
    for (const grant of ['1', '2', '3']) api.recorder.tell(attempt, { kind: 'grant-spent', grant });
    const events = async (query: string) =>
      (
        (await (await api.request(`/api/v1/attempts/${attempt.id}/events${query}`)).json()) as {
          items: { seq: number }[];
        }
      ).items.map(({ seq }) => seq);
    assert.deepEqual(await events(''), [1, 2, 3]);
    assert.deepEqual(await events('?after=2'), [3]);
    assert.equal((await api.request('/api/v1/attempts/nobody/events')).status, 404);
    const { items } = (await (await api.request('/api/v1/attempts?machine=a')).json()) as { items: object[] };
    assert.equal(items.length, 1);
  });

  it('are downloaded as packets', async () => {
    await using api = await runningApi();
    api.recorder.tell(attemptOf('a'));
    const answer = await api.request(`/api/v1/attempts/${attemptOf('a').id}/pcap`);
    assert.equal(answer.headers.get('content-type'), 'application/vnd.tcpdump.pcap');
    assert.match(answer.headers.get('content-disposition') ?? '', /filename="a-.*\.pcap"/);
  });
});

describe('leases', () => {
  it('name the machine that holds them, hide old ones, and can be freed', async () => {
    await using api = await runningApi();
    await api.send('PUT', '/api/v1/machines/a', { kind: 'Machine', name: 'a', macs: ['52:54:00:00:00:01'] });
    const mac = sure(parseMacAddress('52:54:00:00:00:01'));
    const common = { site: 'default', subnet: '192.0.2.0/24', key: mac, mac, boundAt: 1 } as const;
    const [held, old] = [sure(parseIpv4('192.0.2.1')), sure(parseIpv4('192.0.2.2'))];
    api.leases.set(held, { ...common, address: held, state: 'bound', expiresAt: api.clock.now + 1 });
    api.leases.set(old, { ...common, address: old, state: 'released', expiresAt: 2 });
    const read = async (query: string) =>
      (
        (await (await api.request(`/api/v1/leases${query}`)).json()) as {
          items: { address: string; machine?: string }[];
        }
      ).items;
    assert.deepEqual(
      (await read('')).map(({ address, machine }) => [address, machine]),
      [['192.0.2.1', 'a']],
    );
    assert.equal((await read('?all=true')).length, 2);
    assert.equal((await api.request('/api/v1/leases/192.0.2.1', { method: 'DELETE' })).status, 204);
    assert.equal((await api.request('/api/v1/leases/192.0.2.1', { method: 'DELETE' })).status, 404);
  });
});

describe('loaders', () => {
  const put = (api: Awaited<ReturnType<typeof runningApi>>, query: string) =>
    api.request(`/api/v1/loaders?${query}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: 'a loader',
    });

  it('are listed, also the missing ones, and added whole', async () => {
    await using api = await runningApi();
    assert.equal((await put(api, 'name=ipxe/undionly.kpxe')).status, 200);
    assert.equal(await readFile(join(api.dir, 'ipxe/undionly.kpxe'), 'utf8'), 'a loader');
    const { items } = (await (await api.request('/api/v1/loaders')).json()) as {
      items: { name: string; present: boolean }[];
    };
    assert.equal(items.length, LOADER_COUNT);
    assert.deepEqual(
      items.filter(({ present }) => present).map(({ name }) => name),
      ['ipxe/undionly.kpxe'],
    );
  });

  it('are refused under names that are no loader’s, and with a wrong digest', async () => {
    await using api = await runningApi();
    for (const query of [
      'name=../../etc/passwd',
      'name=ipxe/other',
      `name=ipxe/undionly.kpxe&sha256=${'0'.repeat(64)}`,
    ]) {
      assert.equal((await put(api, query)).status, 400, query);
    }
  });
});

describe('tokens over the API', () => {
  it('are made, shown once, listed without secret and voided', async () => {
    await using api = await runningApi();
    const made = (await (await api.send('POST', '/api/v1/tokens', { name: 'ci', role: 'viewer', days: 1 })).json()) as {
      id: string;
      secret: string;
    };
    const ask = () => fetch(`${api.url}/api/v1/status`, { headers: { authorization: `Bearer ${made.secret}` } });
    assert.equal((await ask()).status, 200);
    const listed = await (await api.request('/api/v1/tokens')).text();
    assert.ok(listed.includes(made.id) && !listed.includes(made.secret) && !listed.includes('hash'));
    assert.equal((await api.request(`/api/v1/tokens/${made.id}`, { method: 'DELETE' })).status, 204);
    assert.equal((await ask()).status, 401);
    assert.ok(!JSON.stringify(await api.audit()).includes(made.secret));
  });
});

describe('metrics', () => {
  it('are Prometheus text with HELP and TYPE for each', async () => {
    await using api = await runningApi();
    await api.request('/api/v1/status');
    const text = await (await api.request('/metrics')).text();
    assert.match(text, /# TYPE ingot_api_requests_total counter\n/);
    assert.match(text, /ingot_api_requests_total\{route="getStatus",status="200"\} 1\n/);
    for (const line of text.trimEnd().split('\n')) assert.match(line, /^(# (HELP|TYPE) |[a-z_]+(\{.*\})? \S+$)/);
  });

  it('escape label values and add up what is too many', () => {
    const hostile = { labels: { name: 'a"\\\nb' }, value: 1 };
    const samples = [
      hostile,
      ...Array.from({ length: 500 }, (_, index) => ({ labels: { name: `n${index}` }, value: 1 })),
    ];
    const lines = metricsText([{ name: 'x_total', help: 'h', type: 'counter', samples }])
      .trimEnd()
      .split('\n');
    assert.equal(lines.length, 202);
    assert.equal(lines[2], 'x_total{name="a\\"\\\\\\nb"} 1');
    assert.equal(lines.at(-1), 'x_total{name="other"} 302');
  });
});
