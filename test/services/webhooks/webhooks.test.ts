import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { WebhookEvent } from '#machines/contract/webhook.ts';
import type { Delivery, DeliveryStore } from '#services/store/contract.ts';
import { readSecret } from '#services/webhooks/secret.ts';
import { MAX_WAITING, openWebhooks } from '#services/webhooks/webhooks.ts';

const SECRET = 'a secret of sixteen or more';
type Received = { readonly headers: IncomingHttpHeaders; readonly body: string; readonly path: string };

/** Answers what `answers` says, in turn, and 204 after that. */
async function receiver(answers: readonly { status: number; headers?: Record<string, string> }[] = []) {
  const got: Received[] = [];
  const told = new EventEmitter();
  const left = [...answers];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      got.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), path: request.url ?? '' });
      const { status, headers = {} } = left.shift() ?? { status: 204 };
      response.writeHead(status, headers).end();
      told.emit('got');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    got,
    async count(wanted: number) {
      while (got.length < wanted) await once(told, 'got');
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function memoryStore() {
  const all = new Map<string, Delivery>();
  const changed = new EventEmitter();
  const store: DeliveryStore = {
    async put(delivery) {
      all.set(delivery.id, delivery);
      changed.emit('put');
    },
    list: async ({ state }) => [...all.values()].filter((one) => state === undefined || one.state === state),
    prune: async () => 0,
  };
  return {
    store,
    all,
    async until(holds: (deliveries: readonly Delivery[]) => boolean) {
      while (!holds([...all.values()])) await once(changed, 'put');
    },
  };
}

const quiet = { info() {}, warn() {}, error() {} };

function running(url: string, kept: ReturnType<typeof memoryStore>, events: readonly WebhookEvent[] = ['job.done']) {
  const stop = new AbortController();
  const webhooks = openWebhooks({
    hooks: [{ url, secret: SECRET, events }],
    site: 'lab',
    store: kept.store,
    log: quiet,
    now: Date.now,
    chance: () => 0,
    newId: randomUUID,
  });
  const ended = webhooks.run(stop.signal);
  return {
    webhooks,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}

describe('webhooks', () => {
  it('are told what they asked for, signed so that the receiver can prove it', async () => {
    await using there = await receiver();
    const kept = memoryStore();
    await using here = running(there.url, kept);
    here.webhooks.tell('job.failed', { job: 'unwanted' });
    here.webhooks.tell('job.done', { job: { id: 'j1' } });
    await there.count(1);
    await kept.until((all) => all.some(({ state }) => state === 'delivered'));
    const [{ headers, body }] = there.got as [Received];
    const said = JSON.parse(body) as Record<string, unknown>;
    assert.deepEqual([said['event'], said['site'], said['job']], ['job.done', 'lab', { id: 'j1' }]);
    assert.equal(said['id'], headers['ingot-id']);
    const timestamp = String(headers['ingot-timestamp']);
    assert.ok(Math.abs(Number(timestamp) - Date.now() / 1000) < 60);
    const hmac = createHmac('sha256', SECRET).update(`${String(headers['ingot-id'])}.${timestamp}.${body}`);
    assert.equal(headers['ingot-signature'], `sha256=${hmac.digest('hex')}`);
    assert.equal(there.got.length, 1, 'what it did not ask for was not sent');
    assert.ok(!JSON.stringify([...kept.all.values()]).includes(SECRET));
  });

  it('are tried again under the same id until they have it', async () => {
    await using there = await receiver([{ status: 500 }]);
    const kept = memoryStore();
    await using here = running(there.url, kept);
    here.webhooks.tell('job.done', {});
    await kept.until((all) => all.some(({ state }) => state === 'delivered'));
    const [first, second] = there.got;
    assert.equal(there.got.length, 2);
    assert.equal(first?.headers['ingot-id'], second?.headers['ingot-id']);
    assert.deepEqual(
      [...kept.all.values()].map(({ tries, status }) => [tries, status]),
      [[2, 204]],
    );
  });

  it('are never sent on to where a receiver points', async () => {
    await using elsewhere = await receiver();
    await using there = await receiver([{ status: 307, headers: { location: elsewhere.url } }]);
    const kept = memoryStore();
    await using here = running(there.url, kept);
    const delivery = await here.webhooks.test(there.url);
    assert.equal(delivery?.state, 'dead');
    assert.match(delivery?.because ?? '', /not the address that was named/);
    assert.equal(elsewhere.got.length, 0);
    assert.equal(await here.webhooks.test(elsewhere.url), undefined, 'nor to an address that is not configured');
    assert.equal(elsewhere.got.length, 0);
  });

  it('that waited when the daemon ended are taken up; those of no webhook any more are dead', async () => {
    await using there = await receiver();
    const kept = memoryStore();
    const waits = { event: 'job.done', at: 1, state: 'waiting', tries: 3, nextAt: 2 } as const;
    kept.all.set('a', { ...waits, id: 'a', url: there.url, body: '{"id":"a"}' });
    kept.all.set('b', { ...waits, id: 'b', url: 'http://127.0.0.1:1/gone', body: '{"id":"b"}' });
    await using _here = running(there.url, kept);
    await kept.until((all) => all.every(({ state }) => state !== 'waiting'));
    assert.equal(there.got[0]?.headers['ingot-id'], 'a');
    assert.deepEqual([kept.all.get('a')?.state, kept.all.get('b')?.state], ['delivered', 'dead']);
  });

  it('whose log cannot be written are delivered, and the path of their address is in no log', async () => {
    await using there = await receiver();
    const errors: unknown[] = [];
    const { store } = memoryStore();
    const webhooks = openWebhooks({
      hooks: [{ url: there.url, secret: SECRET, events: ['job.done'] }],
      site: 'lab',
      store: { ...store, put: async () => await Promise.reject(new Error('the disk is full')) },
      log: { ...quiet, error: (...said: readonly unknown[]) => void errors.push(said) },
      now: () => Date.now(),
      chance: () => 0,
      newId: randomUUID,
    });
    const stop = new AbortController();
    const over = webhooks.run(stop.signal);
    webhooks.tell('job.done', {});
    await there.count(1);
    stop.abort();
    await over;
    assert.match(JSON.stringify(errors), new RegExp(new URL(there.url).host));
    assert.doesNotMatch(JSON.stringify(errors), /hook"/);
  });

  it('whose receiver is away fill a queue that ends', async () => {
    const kept = memoryStore();
    const gone = await receiver();
    await gone[Symbol.asyncDispose]();
    await using here = running(gone.url, kept);
    for (let index = 0; index < MAX_WAITING + 5; index += 1) here.webhooks.tell('job.done', { index });
    await kept.until((all) => all.length === MAX_WAITING + 5);
    const [state] = here.webhooks.states();
    assert.deepEqual([state?.waiting, state?.dead], [MAX_WAITING, 5]);
  });
});

describe('the secret of a webhook', () => {
  it('is read from a file or the environment, and never shown when it is wrong', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'ingot-webhook-'));
    const file = join(dir, 'secret');
    await writeFile(file, `${SECRET}\n`);
    assert.equal(await readSecret({ file }, {}), SECRET);
    assert.equal(await readSecret({ env: 'HOOK' }, { HOOK: SECRET }), SECRET);
    await assert.rejects(readSecret({ env: 'HOOK' }, {}), /no secret in \$HOOK/);
    await assert.rejects(readSecret({ env: 'HOOK' }, { HOOK: 'short-one' }), (error: Error) => {
      assert.ok(!error.message.includes('short-one'));
      return true;
    });
    await assert.rejects(readSecret({ file: join(dir, 'none') }, {}), /cannot be read/);
    await rm(dir, { recursive: true });
  });
});
