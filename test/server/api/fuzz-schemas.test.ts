import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { pino } from 'pino';
import { problem } from '#machines/contract/api/problem.ts';
import type { Route } from '#machines/contract/api/route.ts';
import { ROUTE_NAMES, ROUTES } from '#machines/contract/api/routes.ts';
import { KNOWN_NAMES, valuesOf, wrongValuesOf } from './from-schema.ts';
import { attemptOf } from './memory-recorder.ts';
import { type RunningApi, runningApi } from './running-api.ts';

/** Of each route, valid and invalid. */
const RUNS = 8;
/** They end a stream, the session that asks, or name hosts that are not ours. */
const LEFT_OUT = ['watch', 'endSession', 'addCatalogImage', 'openConsole', 'readSystemLog'];
const SEED = 20_261_128;

const marker = (what: string): string => `SEEDED-${what}-${randomBytes(12).toString('hex')}`;

type Asked = { readonly params: unknown; readonly query: unknown; readonly body: unknown };

function askedOf(route: Route, isValid: boolean): fc.Arbitrary<Asked> {
  const of = isValid ? valuesOf : wrongValuesOf;
  const body = route.body?.kind === 'json' ? of(route.body.schema) : fc.constant(undefined);
  const params = fc.record(
    Object.fromEntries(
      [...route.path.matchAll(/\{(\w+)\}/g)].map(([, key = '']) => {
        const shape = route.params?.shape[key];
        const known = fc.constantFrom(...KNOWN_NAMES);
        return [
          key,
          shape && isValid ? fc.oneof(known, valuesOf(shape)) : fc.oneof(known, fc.string({ maxLength: 20 })),
        ];
      }),
    ),
  );
  return fc.record({ params, query: route.query ? of(route.query) : fc.constant({}), body });
}

async function send(api: RunningApi, route: Route, { params, query, body }: Asked) {
  const path = route.path.replace(/\{(\w+)\}/g, (_whole, key: string) =>
    encodeURIComponent(textOf(Reflect.get(Object(params) as object, key))),
  );
  const search = new URLSearchParams();
  const given = typeof query === 'object' && query !== null ? query : {};
  for (const [key, value] of Object.entries(given)) if (value !== undefined) search.append(key, textOf(value));
  const bytes = route.body?.kind === 'bytes';
  const hasBody = route.body !== undefined;
  const answer = await api.request(`${path}?${search.toString()}`, {
    method: route.method,
    headers: {
      ...(hasBody ? { 'content-type': bytes ? 'application/octet-stream' : 'application/json' } : {}),
      ...(route.method === 'PUT' ? { 'if-match': '*' } : {}),
    },
    ...(hasBody ? { body: bytes ? 'bytes' : (JSON.stringify(body) ?? 'null') } : {}),
  });
  return { path, status: answer.status, text: await answer.text() };
}

/** Their BMCs have addresses, and nobody is there. */
const ASKS_A_BMC = ['getPower', 'identifyMachine', 'listBmcEvents', 'pinBmc', 'readBmcInventory', 'rotateBmc'];

/** Objects without a prototype have no text of their own. */
const textOf = (value: unknown): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed();

describe('the API fed from its own schemas', () => {
  it('answers every route without 5xx, by the book, and no secret is written anywhere', async (t) => {
    const secrets = {
      password: marker('password'),
      second: marker('second'),
      user: marker('user'),
      bmc: marker('bmc'),
    };
    const written: string[] = [];
    const log = pino({ level: 'trace' }, { write: (line: string) => void written.push(line) });
    await using api = await runningApi({ log });
    const all = [...Object.values(secrets), ...Object.values(api.tokens)];
    const holdsNone = (where: string, text: string): void => {
      for (const secret of all) assert.ok(!text.includes(secret), `${where} holds a secret: ${secret.slice(0, 20)}…`);
    };

    // What is there to be told.
    await api.send('POST', '/api/v1/apply', {
      documents: [
        { kind: 'Credential', name: 'rack1', username: 'admin', password: { value: secrets.password } },
        { kind: 'Credential', name: 'all', username: 'admin', password: { value: secrets.second } },
        { kind: 'Profile', name: 'local', os: 'disk' },
        ...['r1-u1', 'r1-u2'].map((name, index) => ({
          kind: 'Machine',
          name,
          macs: [`52:54:00:00:00:0${index + 1}`],
          bmc: { type: 'redfish', address: `https://10.0.0.${index + 1}`, credential: 'rack1' },
        })),
      ],
    });
    await api.send('POST', '/api/v1/users', { name: 'anna', role: 'viewer', password: secrets.user });
    await api.send('PUT', '/api/v1/bmc-credentials/rack2', { username: 'admin', password: secrets.bmc });
    api.recorder.tell(attemptOf('r1-u1'), { kind: 'log', source: 'agent', severity: 6, text: 'hello' });

    const leave = new AbortController();
    const stream = await api.request('/api/v1/watch?kinds=machine,document,attempt,trace,grant,job', {
      signal: leave.signal,
    });
    const streamed = readAll(stream, leave.signal);

    const statuses = new Map<number, number>();
    const unavailable = new Set<string>();
    // What is there stays until the end.
    const removing = (name: string): number => (/^(remove|actOn|retire|forget)/.test(name) ? 1 : 0);
    for (const name of ROUTE_NAMES.toSorted((a, b) => removing(a) - removing(b))) {
      if (LEFT_OUT.includes(name)) continue;
      const route: Route = ROUTES[name];
      for (const isValid of [true, false]) {
        for (const asked of fc.sample(askedOf(route, isValid), { numRuns: RUNS, seed: SEED })) {
          const { path, status, text } = await send(api, route, asked);
          const what = `${route.method} ${path} ${JSON.stringify(asked.body)?.slice(0, 500) ?? ''}`;
          assert.ok(status < 500 || status === 503, `${what}: ${status} ${text.slice(0, 500)}`);
          if (status >= 400) assert.equal(problem.parse(JSON.parse(text)).status, status, what);
          holdsNone(what, text);
          if (status === 503) unavailable.add(name);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      }
    }
    t.diagnostic(JSON.stringify(Object.fromEntries([...statuses].toSorted(([a], [b]) => a - b))));
    assert.deepEqual(
      [...unavailable].toSorted(),
      ASKS_A_BMC,
      'nothing but what has to be asked of a BMC, and none is there',
    );
    assert.ok((statuses.get(200) ?? 0) > 100, 'some are done');
    assert.ok((statuses.get(400) ?? 0) > 100, 'some are refused');

    leave.abort();
    holdsNone('the stream of changes', await streamed);
    holdsNone('/metrics', await (await api.request('/metrics')).text());
    holdsNone('the log', written.join(''));
    assert.ok(written.length > 10, 'something was logged');
    let kept = '';
    for (const file of await readdir(api.dir, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const text = await readFile(join(file.parentPath, file.name), 'latin1');
      holdsNone(file.name, text);
      kept += text;
    }
    // What is no secret would be found where these were looked for.
    for (const text of [kept, written.join(''), await streamed]) assert.match(text, /r1-u2/);
  });
});

async function readAll(answer: Response, signal: AbortSignal): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of answer.body ?? []) text += decoder.decode(chunk as Uint8Array, { stream: true });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return text;
}
