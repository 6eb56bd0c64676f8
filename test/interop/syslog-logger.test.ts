import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { TraceBody } from '#machines/contract/trace.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { syslogServer } from '#server/logs/syslog-server.ts';

const run = promisify(execFile);

/** Listens on loopback; `next` gives the events in their order, waiting for them. */
async function listening(t: TestContext) {
  const events: TraceBody[] = [];
  let wake: () => void = () => {};
  const task = syslogServer({
    listen: { address: sure(parseIpv4('127.0.0.1')), port: 0 },
    recorder: {
      record(_subject, body) {
        events.push(body);
        wake();
        return undefined;
      },
    },
    clock: { now: Date.now },
    log: { debug() {}, info() {}, warn() {} },
  });
  const stop = new AbortController();
  const ended = task.run(stop.signal);
  const { port } = await task.ready;
  t.after(async () => {
    stop.abort();
    await ended;
  });
  return {
    port: String(port),
    next: async (): Promise<TraceBody> => {
      for (;;) {
        const event = events.shift();
        if (event) return event;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

const FORMS: readonly (readonly string[])[] = [
  ['--udp', '--rfc3164'],
  ['--udp', '--rfc5424'],
  ['--tcp', '--rfc3164'],
  ['--tcp', '--rfc5424'],
  ['--tcp', '--rfc5424', '--octet-count'],
  ['--tcp', '--rfc3164', '--octet-count'],
];

describe('what logger of util-linux sends is read', { timeout: 60_000 }, () => {
  for (const form of FORMS) {
    test(form.join(' '), async (t) => {
      if (spawnSync('logger', ['--version']).status !== 0) {
        t.skip("needs logger of Debian's bsdutils");
        return;
      }
      const { port, next } = await listening(t);
      const text = 'eth0: Link is Up, 1000 Mb/s [full] ü';
      const to = ['--server', '127.0.0.1', '--port', port, '--tag', 'netcfg', '--priority', 'daemon.warning'];
      await run('logger', [...form, ...to, '--', text], { timeout: 10_000 });
      assert.deepEqual(await next(), { kind: 'log', source: 'syslog', severity: 4, text: `netcfg: ${text}` });
    });
  }
});
