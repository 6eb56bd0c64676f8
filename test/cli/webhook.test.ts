import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import type { Delivery } from '#services/store/contract.ts';
import { openWebhooks } from '#services/webhooks/webhooks.ts';
import { runningCli } from './running-cli.ts';

describe('ingot webhook', () => {
  it('says who is told, tries it, and shows what became of each message', async () => {
    let answer = 204;
    const receiver = createServer((_request, response) => response.writeHead(answer).end()).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const address = receiver.address();
    const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/hook`;
    const deliveries = new Map<string, Delivery>();
    const webhooks = openWebhooks({
      hooks: [{ url, secret: 'a secret of sixteen or more', events: ['job'] }],
      site: 'default',
      store: {
        put: async (one) => void deliveries.set(one.id, one),
        list: async ({ state }) =>
          [...deliveries.values()].filter((one) => state === undefined || one.state === state).toReversed(),
        prune: async () => 0,
      },
      log: pino({ level: 'silent' }),
      now: Date.now,
      chance: () => 0,
      newId: randomUUID,
    });
    await using cli = await runningCli({ webhooks });
    try {
      assert.match((await cli.done('webhook', 'list')).out, new RegExp(`${url} +0 +0 +0 +job`));
      assert.equal((await cli.done('webhook', 'test', url)).out, `${url}: delivered, it answered 204\n`);
      answer = 500;
      const refused = await cli.run(['webhook', 'test', url]);
      assert.equal(refused.status, 1);
      assert.match(refused.out, /: dead, it answered 500/);
      const { out } = await cli.done('webhook', 'deliveries');
      assert.match(out, /test +dead +1 +500[^\n]*\n[^\n]*test +delivered +1 +204/);
      assert.doesNotMatch((await cli.done('webhook', 'deliveries', '--state', 'dead')).out, /delivered/);
      assert.equal((await cli.run(['webhook', 'test', 'http://127.0.0.1:1/other'])).status, 3);
    } finally {
      receiver.close();
    }
  });

  it('makes a secret that nobody else reads, and the lines for the configuration', async () => {
    await using cli = await runningCli();
    const { out, error } = await cli.done('webhook', 'create', 'https://a.example/x', '--event', 'job.failed');
    const file = join(cli.cwd, 'webhook.secret');
    assert.equal(
      out,
      `webhooks:\n  - url: "https://a.example/x"\n    secret: { file: ${JSON.stringify(file)} }\n    events: [job.failed]\n`,
    );
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const secret = (await readFile(file, 'utf8')).trim();
    assert.ok(secret.length >= 16 && !`${out}${error}`.includes(secret));
    const again = await cli.run(['webhook', 'create', 'https://a.example/x']);
    assert.deepEqual([again.status, /exists/.test(again.error)], [5, true]);
    const wrong = await cli.run(['webhook', 'create', 'https://a.example/x', '--event', 'jobs', '--secret-file', 'b']);
    assert.deepEqual([wrong.status, /got jobs, want machine/.test(wrong.error)], [2, true]);
    assert.equal((await cli.done('webhook', 'list')).error, 'nobody is told\n  next: ingot webhook create URL\n');
  });
});
