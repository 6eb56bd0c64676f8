import protobuf from 'protobufjs';
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { job } from '#machines/contract/job.ts';
import type { Attempt, TraceEvent } from '#machines/contract/trace.ts';
import type { Ipv4 } from '#machines/values/ip-address.ts';
import { bootTrace } from '#services/telemetry/boot-trace.ts';
import { MAX_WAITING, otlpExporter } from '#services/telemetry/exporter.ts';
import { jobTrace } from '#services/telemetry/job-trace.ts';
import { requestSpan } from '#services/telemetry/request-trace.ts';
import { encodeSpans } from '#services/telemetry/wire/otlp.ts';

const T0 = 1_700_000_000_000;
const ATTEMPT: Attempt = {
  id: 'a1',
  machine: 'r1-u1',
  site: 'lab',
  startedAt: T0,
  lastAt: T0 + 9000,
  endedAt: T0 + 9000,
  stage: 'kernel',
  verdict: { code: 'kernel-missing', stage: 'kernel', cause: 'it stopped', next: 'look' },
  events: 4,
};
const EVENTS: readonly TraceEvent[] = [
  { seq: 1, at: T0, kind: 'other-dhcp', serverId: '192.0.2.1' as Ipv4 },
  { seq: 2, at: T0 + 1500.25, kind: 'tftp-sent', file: 'ipxe.efi', bytes: 1000, ms: 500, resent: 0 },
  { seq: 3, at: T0 + 2000, kind: 'script-rendered', situation: 'kernel', because: 'granted', bytes: 12 },
  { seq: 4, at: T0 + 2500, kind: 'log', source: 'console', severity: 6, text: 'password=hunter2' },
];

const request = protobuf
  .loadSync(new URL('otlp.proto', import.meta.url).pathname)
  .lookupType('opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest');

/** As a collector does: JSON to protobuf by its definitions. Ids are hex in OTLP's JSON, and base64 in protobuf's. */
function asCollector(text: string) {
  const json = JSON.parse(text, (key, value: unknown) =>
    /^(trace|span|parentSpan)Id$/.test(key) ? Buffer.from(String(value), 'hex').toString('base64') : value,
  ) as Record<string, unknown>;
  assert.equal(request.verify(request.fromObject(json)), null);
  const read = request.toObject(request.decode(request.encode(request.fromObject(json)).finish()), {
    longs: String,
    bytes: String,
    defaults: false,
  });
  // Whatever the definitions do not know would be gone by now.
  assert.deepEqual(withoutDefaults(read), withoutDefaults(json));
  return read as { resourceSpans: { scopeSpans: { spans: ReadSpan[] }[] }[] };
}

type ReadSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status?: { code?: number; message?: string };
};

/** Protobuf does not carry zeros, nor empty lists. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== 0 && !(Array.isArray(inner) && inner.length === 0))
      .map(([key, inner]) => [key, withoutDefaults(inner)]),
  );
}

const encoded = (spans: Parameters<typeof encodeSpans>[0]): string =>
  encodeSpans(spans, { resource: { 'service.name': 'ingot' }, scope: { name: 'ingot', version: '1' } });

describe('a boot as a trace', () => {
  it('is what a collector’s definitions read, with a span for each stage inside the boot', () => {
    const text = encoded(bootTrace(ATTEMPT, EVENTS));
    const spans = asCollector(text).resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['boot', 'dhcp', 'loader', 'script'],
    );
    const [root, ...stages] = spans;
    for (const one of spans) {
      assert.equal(one.traceId, root?.traceId);
      assert.ok(BigInt(one.endTimeUnixNano) >= BigInt(one.startTimeUnixNano));
      assert.ok(BigInt(one.startTimeUnixNano) >= BigInt(root?.startTimeUnixNano ?? 0));
    }
    for (const one of stages) assert.equal(one.parentSpanId, root?.spanId);
    assert.equal(root?.status?.message, 'it stopped');
    assert.equal(root?.startTimeUnixNano, `${T0}000000`);
    assert.equal(stages[1]?.startTimeUnixNano, '1700000001000250000', 'what takes time is told when it is over');
    assert.ok(!text.includes('hunter2'), 'what a machine logged is not sent');
    assert.equal(encoded(bootTrace(ATTEMPT, EVENTS)), text, 'the same trace when it is sent again');
  });

  it('of a job has its steps', () => {
    const step = (name: string, more: object) => ({ name, ...more });
    const failed = job.parse({
      id: 'j1',
      kind: 'inspect',
      machine: 'r1-u1',
      state: 'failed',
      by: 'a',
      createdAt: T0,
      startedAt: T0 + 10,
      endedAt: T0 + 30,
      steps: [
        step('boot-agent', { state: 'failed', startedAt: T0 + 10, endedAt: T0 + 30, tries: 2, text: 'it is silent' }),
        step('read', { state: 'waiting' }),
      ],
      rev: 3,
    });
    const spans = asCollector(encoded(jobTrace(failed))).resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
    assert.deepEqual(
      spans.map(({ name, status }) => [name, status?.code, status?.message]),
      [
        ['inspect', 2, 'it is silent'],
        ['boot-agent', 2, 'it is silent'],
      ],
    );
  });
});

describe('the exporter of traces', () => {
  async function collector(answers: number[]) {
    const got: string[] = [];
    const told = new EventEmitter();
    const server = createServer((asked, answer) => {
      let body = '';
      asked.on('data', (chunk: Buffer) => (body += chunk.toString()));
      asked.on('end', () => {
        const status = answers.shift() ?? 200;
        if (status === 200) got.push(body);
        answer.writeHead(status, { 'content-type': 'application/json' }).end('{}');
        told.emit('got');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
      got,
      async until(count: number) {
        while (got.length < count) await once(told, 'got');
      },
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      },
    };
  }
  const exporterTo = (url: string, warned: unknown[] = []) =>
    otlpExporter({
      url,
      resource: {},
      version: '1',
      log: { warn: (...said: unknown[]) => void warned.push(said) },
      sleep: () => new Promise((resolve) => setImmediate(resolve)),
    });

  it('sends again what a collector that was busy did not take, and drops what it refuses', async () => {
    await using there = await collector([503, 503, 400]);
    const stop = new AbortController();
    const warned: unknown[] = [];
    const exporter = exporterTo(there.url, warned);
    const ended = exporter.run(stop.signal);
    exporter.add(bootTrace(ATTEMPT, EVENTS));
    while (exporter.counts().dropped === 0) await new Promise((resolve) => setImmediate(resolve));
    exporter.add(bootTrace(ATTEMPT, EVENTS));
    await there.until(1);
    stop.abort();
    await ended;
    assert.deepEqual(exporter.counts(), { sent: 4, dropped: 4 });
    assert.equal(warned.length, 1, 'it is said once');
    asCollector(there.got[0] ?? '');
  });

  it('keeps a bounded number of spans for a collector that is away', () => {
    const exporter = exporterTo('http://127.0.0.1:1/');
    for (let index = 0; index < MAX_WAITING / 2; index += 1) exporter.add(bootTrace(ATTEMPT, EVENTS));
    assert.equal(exporter.counts().dropped, (MAX_WAITING / 2) * 4 - MAX_WAITING);
  });
});

describe('a request to the API as a span', () => {
  const asked = {
    route: 'getMachine',
    method: 'GET',
    path: '/api/v1/machines/{name}',
    status: 200,
    startMs: T0,
    endMs: T0 + 5,
    parent: undefined,
  };
  const newId = (digits: number) => 'a'.repeat(digits);

  it('is read by a collector, names the route and never the machine', () => {
    const text = encodeSpans([requestSpan({ ...asked, status: 503 }, newId)], { resource: {}, scope: SCOPE });
    const [span] = asCollector(text).resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
    assert.equal(span?.name, 'GET /api/v1/machines/{name}');
    assert.equal(requestSpan({ ...asked, status: 503 }, newId).status.kind, 'error');
    assert.equal(
      requestSpan({ ...asked, status: 404 }, newId).status.kind,
      'unset',
      'a caller’s mistake is none of ours',
    );
  });

  for (const [parent, trace] of [
    [`00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`, '1'.repeat(32)],
    [`cc-${'1'.repeat(32)}-${'2'.repeat(16)}-00-later`, '1'.repeat(32)],
    [`ff-${'1'.repeat(32)}-${'2'.repeat(16)}-01`, 'a'.repeat(32)],
    [`00-${'0'.repeat(32)}-${'2'.repeat(16)}-01`, 'a'.repeat(32)],
    [`00-${'1'.repeat(32)}-${'0'.repeat(16)}-01`, 'a'.repeat(32)],
    ['nonsense', 'a'.repeat(32)],
  ] as const) {
    it(`of the traceparent ${parent}`, () => assert.equal(requestSpan({ ...asked, parent }, newId).traceId, trace));
  }
});

const SCOPE = { name: 'ingot', version: '0' };
