import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { need } from '#test/lab/need.ts';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { waitFor } from '#test/lab/wait.ts';
import { attemptOf } from './api/memory-recorder.ts';
import { runningApi } from './api/running-api.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';

async function machinePlane(daemon: Daemon): Promise<string> {
  const { listeners } = await daemon.api<{ listeners: { name: string; at: string }[] }>('GET', '/api/v1/status');
  return listeners.find(({ name }) => name === 'machine')?.at ?? '';
}

describe('/metrics', () => {
  it('is as Prometheus’ own tool wants it: names, units, HELP and TYPE', async (t) => {
    const tools = need(t, ['promtool']);
    if (!tools) return;
    await using daemon = await startDaemon({});
    // Something of each plane has happened.
    await fetch(`${daemon.ready.boot}/nothing`);
    await fetch(`${await machinePlane(daemon)}/nothing`);
    const text = await (
      await fetch(`${daemon.ready.api}/metrics`, { headers: { authorization: `Bearer ${daemon.token}` } })
    ).text();
    const checked = spawnSync(tools.promtool, ['check', 'metrics', '--extended'], { input: text, encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
    assert.equal(checked.stderr, '');
    for (const name of [
      'ingot_boot_http_requests_total',
      'ingot_machine_plane_requests_total',
      'ingot_agent_plane_requests_total',
      'ingot_agents',
      'ingot_webhook_waiting',
    ]) {
      assert.match(text, new RegExp(`^# HELP ${name} \\S`, 'm'), name);
    }
  });

  it('has a bounded number of lines, whatever strangers ask for', async () => {
    await using daemon = await startDaemon({});
    const lines = async () =>
      (
        await (
          await fetch(`${daemon.ready.api}/metrics`, { headers: { authorization: `Bearer ${daemon.token}` } })
        ).text()
      ).split('\n').length;
    const machine = await machinePlane(daemon);
    const ask = (index: number) =>
      Promise.all([
        fetch(`${daemon.ready.boot}/stranger-${index}`),
        fetch(`${machine}/stranger-${index}`),
        fetch(`${daemon.ready.api}/api/v1/stranger-${index}`),
      ]);
    await ask(0);
    const before = await lines();
    for (let index = 1; index < 50; index += 1) await ask(index);
    // The request for the first list is counted in the second.
    assert.ok((await lines()) <= before + 2);
  });
});

describe('what a running daemon tells others', () => {
  it('is a signed webhook of what an operator did, and a span of the request, in the trace of who asked', async () => {
    const got: { url: string; headers: IncomingHttpHeaders; body: string }[] = [];
    const receiver = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        got.push({ url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
        response.writeHead(204).end();
      });
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const at = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    const secret = 'a secret of sixteen or more';
    await using daemon = await startDaemon({
      config: {
        webhooks: [{ url: `${at}/hook`, secret: { env: 'HOOK_SECRET' }, events: ['machine'] }],
        otlp: { url: `${at}/v1/traces` },
      },
      env: { HOOK_SECRET: secret },
    });
    const [traceId, parent] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
    const put = await fetch(`${daemon.ready.api}/api/v1/machines/r1-u1`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${daemon.token}`,
        'content-type': 'application/json',
        traceparent: `00-${traceId}-${parent}-01`,
      },
      body: JSON.stringify({ kind: 'Machine', name: 'r1-u1', macs: ['52:54:00:00:00:01'] }),
    });
    assert.equal(put.status, 200, await put.text());
    const hook = await waitFor('the webhook', () => got.find(({ url }) => url === '/hook'), 20_000);
    const { headers, body } = hook;
    const told = JSON.parse(body) as { event: string };
    assert.equal(told.event, 'machine.added');
    assert.ok(body.includes('r1-u1'));
    const signed = `${String(headers['ingot-id'])}.${String(headers['ingot-timestamp'])}.${body}`;
    assert.equal(headers['ingot-signature'], `sha256=${createHmac('sha256', secret).update(signed).digest('hex')}`);

    const spans = () =>
      got
        .filter(({ url }) => url === '/v1/traces')
        .flatMap((one) => (JSON.parse(one.body) as Traces).resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
    const span = await waitFor('the span', () => spans().find((one) => one.traceId === traceId), 20_000);
    assert.deepEqual([span.name, span.parentSpanId, span.kind], ['PUT /api/v1/machines/{name}', parent, 2]);
    const { items } = await daemon.api<{ items: { state: string; event: string }[] }>(
      'GET',
      '/api/v1/webhook-deliveries',
    );
    assert.deepEqual([items[0]?.event, items[0]?.state], ['machine.added', 'delivered']);
    assert.ok(!daemon.output().includes(secret));
    receiver.closeAllConnections();
    receiver.close();
  });
});

type Traces = {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly { traceId: string; parentSpanId?: string; name: string; kind: number }[];
    }[];
  }[];
};

describe('service discovery for Prometheus', () => {
  it('gives accepted machines whose address is known, with labels that its relabelling can use', async () => {
    await using api = await runningApi();
    const put = (name: string, more: object) =>
      api.send('PUT', `/api/v1/machines/${name}`, { kind: 'Machine', name, ...more });
    await put('r1-u1', {
      address: '192.0.2.11',
      labels: { 'app.kubernetes.io/name': 'db', env: 'prod' },
      location: { rack: 'r1', unit: 1 },
    });
    await put('r1-u2', { labels: { env: 'lab' } });
    await put('r1-u3', {});
    await put('r1-u4', { address: '2001:db8::4' });
    api.recorder.tell(attemptOf('r1-u2', { address: '192.0.2.12' as IpAddress }));
    const ask = async (query = '') => {
      const answer = await api.request(`/api/v1/prometheus/targets${query}`);
      assert.equal(answer.status, 200);
      assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
      return (await answer.json()) as { targets: string[]; labels: Record<string, string> }[];
    };
    const all = await ask();
    assert.deepEqual(
      all.map(({ targets }) => targets[0]).toSorted((a, b) => ((a ?? '') < (b ?? '') ? -1 : 1)),
      ['192.0.2.11:9100', '192.0.2.12:9100', '[2001:db8::4]:9100'],
    );
    assert.deepEqual(all.find(({ labels }) => labels['__meta_ingot_machine'] === 'r1-u1')?.labels, {
      __meta_ingot_machine: 'r1-u1',
      __meta_ingot_site: 'default',
      __meta_ingot_rack: 'r1',
      __meta_ingot_unit: '1',
      __meta_ingot_service: 'none',
      __meta_ingot_label_app_kubernetes_io_name: 'db',
      __meta_ingot_label_env: 'prod',
    });
    assert.deepEqual(
      (await ask('?label=env%3Dlab&port=9090')).map(({ targets }) => targets),
      [['192.0.2.12:9090']],
    );
    assert.equal((await fetch(`${api.url}/api/v1/prometheus/targets`)).status, 401);
  });

  it('is used by Prometheus itself, which scrapes the daemon and what it names', async (t) => {
    const tools = need(t, ['prometheus']);
    if (!tools) return;
    await using api = await runningApi();
    await using exporter = await answering('machine_up 1\n');
    const document = { kind: 'Machine', name: 'r1-u1', address: '127.0.0.1', labels: { env: 'prod' } };
    await api.send('PUT', '/api/v1/machines/r1-u1', document);
    const dir = await mkdtemp(join(tmpdir(), 'ingot-prometheus-'));
    const port = await freePort();
    const daemon = new URL(api.url).host;
    await writeFile(join(dir, 'token'), api.tokens.viewer);
    await writeFile(
      join(dir, 'prometheus.yml'),
      `global: { scrape_interval: 1s }
scrape_configs:
  - job_name: ingot
    authorization: { type: Bearer, credentials_file: token }
    static_configs: [{ targets: ['${daemon}'] }]
  - job_name: machines
    http_sd_configs:
      - url: ${api.url}/api/v1/prometheus/targets?port=${exporter.port}
        authorization: { type: Bearer, credentials_file: token }
    relabel_configs:
      - { source_labels: [__meta_ingot_machine], target_label: machine }
      - { source_labels: [__meta_ingot_label_env], target_label: env }
`,
    );
    const prometheus = spawn(
      tools.prometheus,
      [
        `--config.file=${dir}/prometheus.yml`,
        `--storage.tsdb.path=${dir}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
    try {
      const asked = async (query: string): Promise<readonly unknown[]> => {
        const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`).catch(
          () => undefined,
        );
        const { data } =
          answer?.ok === true ? ((await answer.json()) as { data: { result: unknown[] } }) : { data: undefined };
        return data?.result ?? [];
      };
      const found = (query: string) => waitFor(query, async () => (await asked(query)).length > 0, 40_000);
      await found('machine_up{machine="r1-u1", env="prod"} == 1');
      await found('up{job="ingot"} == 1');
      await found('ingot_machines{acceptance="accepted"} == 1');
    } finally {
      prometheus.kill();
      await once(prometheus, 'exit');
      await rm(dir, { recursive: true });
    }
  });
});

async function answering(text: string) {
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/plain').end(text));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function freePort(): Promise<number> {
  await using held = await answering('');
  return held.port;
}
