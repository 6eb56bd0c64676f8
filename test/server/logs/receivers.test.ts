import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import type { TraceBody } from '#machines/contract/trace.ts';
import { jsonLinesServer } from '#server/logs/json-lines-server.ts';
import type { LogLimits } from '#server/logs/limits.ts';
import { type LogServerParts, syslogServer } from '#server/logs/syslog-server.ts';
import type { Task } from '#server/task.ts';
import type { Listen } from '#server/config/config.ts';
import { parseIpAddress } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import type { Subject } from '#services/trace/contract.ts';

type Recorded = { readonly subject: Subject; readonly body: TraceBody };

async function running(
  t: TestContext,
  make: (parts: LogServerParts) => Task<Listen>,
  limits: Partial<LogLimits> = {},
  address = '127.0.0.1',
) {
  const recorded: Recorded[] = [];
  const wanted: { readonly count: number; readonly resolve: () => void }[] = [];
  let now = 1000;
  const task = make({
    listen: { address: sure(parseIpAddress(address)), port: 0 },
    recorder: {
      record(subject, body) {
        recorded.push({ subject, body });
        for (const { count, resolve } of wanted) if (recorded.length >= count) resolve();
        return undefined;
      },
    },
    clock: { now: () => now },
    log: { debug() {}, info() {}, warn() {} },
    limits,
  });
  const stop = new AbortController();
  const ended = task.run(stop.signal);
  const { port } = await task.ready;
  t.after(async () => {
    stop.abort();
    await ended;
  });
  return {
    port,
    recorded,
    stop: async () => {
      stop.abort();
      await ended;
    },
    wait: (ms: number) => {
      now += ms;
    },
    /** Resolves once so many events are there. */
    events: async (count: number): Promise<readonly TraceBody[]> => {
      const { promise, resolve } = Promise.withResolvers<void>();
      wanted.push({ count, resolve });
      if (recorded.length < count) await promise;
      return recorded.map(({ body }) => body);
    },
    udp: async (...messages: readonly (string | Uint8Array)[]): Promise<void> => {
      const socket = createSocket('udp4');
      for (const message of messages) {
        const { promise, resolve } = Promise.withResolvers<void>();
        socket.send(message, port, '127.0.0.1', () => resolve());
        await promise;
      }
      socket.close();
    },
    tcp: async (): Promise<Socket> => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.on('error', () => {});
      await once(socket, 'connect');
      return socket;
    },
  };
}

const log = (source: 'syslog' | 'json' | 'ipxe', severity: number, text: string): TraceBody => ({
  kind: 'log',
  source,
  severity,
  text,
});

describe('the syslog receiver', { timeout: 20_000 }, () => {
  it('takes datagrams, and says from where they came', async (t) => {
    const server = await running(t, syslogServer);
    await server.udp('<4>Jan  1 00:00:07 kernel: eth0: Link is Up');
    assert.deepEqual(await server.events(1), [log('syslog', 4, 'kernel: eth0: Link is Up')]);
    assert.deepEqual(server.recorded[0]?.subject, { address: '127.0.0.1' });
  });

  it('tells what iPXE says from what a system says', async (t) => {
    const server = await running(t, syslogServer);
    await server.udp('<14>ipxe: net0: link up');
    assert.deepEqual(await server.events(1), [log('ipxe', 6, 'net0: link up')]);
  });

  it('takes both framings over TCP, in pieces, and the last message without an end', async (t) => {
    const server = await running(t, syslogServer);
    const socket = await server.tcp();
    socket.write('<6>a: on');
    socket.write('e\n10 <6>b: two\n');
    socket.end('<6>c: three');
    assert.deepEqual(await server.events(3), [
      log('syslog', 6, 'a: one'),
      log('syslog', 6, 'b: two'),
      log('syslog', 6, 'c: three'),
    ]);
  });

  it('knows an IPv4 peer of a socket for both families', async (t) => {
    const server = await running(t, syslogServer, {}, '::');
    const socket = await server.tcp();
    socket.end('<6>a: one\n');
    await server.events(1);
    assert.deepEqual(server.recorded[0]?.subject, { address: '127.0.0.1' });
  });

  it('takes the first bytes of a message without end, in bounded memory', async (t) => {
    const server = await running(t, syslogServer, { messageBytes: 64 });
    const socket = await server.tcp();
    for (let count = 0; count < 64; count++) socket.write('x'.repeat(65_536));
    socket.end('\n<6>a: next\n');
    const events = await server.events(2);
    assert.deepEqual(events[1], log('syslog', 6, 'a: next'));
    assert.ok(JSON.stringify(events[0]).length < 200);
    await server.udp('y'.repeat(9000));
    assert.ok(JSON.stringify((await server.events(3))[2]).length < 200);
  });

  it('takes a source’s burst and then its rate, and tells how many were dropped', async (t) => {
    const server = await running(t, syslogServer, { burst: 3, perSecond: 1 });
    const socket = await server.tcp();
    socket.write('<6>a: 1\n<6>a: 2\n<6>a: 3\n<6>a: 4\n<6>a: 5\n');
    await server.events(3);
    // In the same connection, so that it comes after the ones that were dropped.
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.write('<6>a: 6\n', () => resolve());
    await promise;
    await server.udp('<6>b: 7');
    server.wait(2000);
    socket.end('<6>a: 8\n');
    const events = await server.events(5);
    assert.equal(events.at(-1)?.kind, 'log');
    const texts = events.map((event) => (event.kind === 'log' ? event.text : ''));
    assert.deepEqual(texts.slice(0, 3), ['a: 1', 'a: 2', 'a: 3']);
    assert.ok(
      texts.some((text) => /\d log lines came too fast/.test(text)),
      texts.join('; '),
    );
  });

  it('bounds connections of one source', async (t) => {
    const server = await running(t, syslogServer, { connectionsPerSource: 2 });
    await Promise.all([server.tcp(), server.tcp()]);
    const third = await server.tcp();
    third.resume();
    await once(third, 'close');
    assert.deepEqual(server.recorded, []);
  });

  it('survives bytes of any kind', async (t) => {
    const server = await running(t, syslogServer);
    const noise = Uint8Array.from({ length: 50_000 }, (_, index) => (index * index * 31 + (index >> 3)) & 255);
    const socket = await server.tcp();
    socket.end(noise);
    for (let from = 0; from < 50_000; from += 1000) await server.udp(noise.subarray(from, from + 999));
    await server.udp(new Uint8Array(0), '<6>a: still here');
    for (let count = 1; ; count++) {
      const last = (await server.events(count)).at(-1);
      if (last?.kind === 'log' && last.text === 'a: still here') break;
    }
  });

  it('closes what it opened, with a client in the middle of a message', async (t) => {
    const server = await running(t, syslogServer);
    const socket = await server.tcp();
    socket.write('<6>a: half');
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    socket.resume().on('close', () => resolve());
    await server.stop();
    await closed;
    await assert.rejects(server.tcp(), /ECONNREFUSED/);
  });

  it('says which port it cannot have', async (t) => {
    const first = await running(t, syslogServer);
    const second = syslogServer({
      listen: { address: sure(parseIpAddress('127.0.0.1')), port: first.port },
      recorder: { record: () => undefined },
      clock: { now: () => 0 },
      log: { debug() {}, info() {}, warn() {} },
    });
    await assert.rejects(second.run(new AbortController().signal), ({ cause }: Error) =>
      /cannot listen on TCP 127\.0\.0\.1 port \d+/.test(String(cause)),
    );
  });
});

describe('the receiver of JSON lines', { timeout: 20_000 }, () => {
  it('takes Talos’ kernel log over TCP and UDP', async (t) => {
    const server = await running(t, jsonLinesServer);
    const line = '{"facility":"kern","msg":"Linux version 6.6","talos-level":"info"}';
    const socket = await server.tcp();
    socket.end(`${line}\n`);
    await server.events(1);
    await server.udp(line);
    const want = log('json', 6, 'kern: Linux version 6.6');
    assert.deepEqual(await server.events(2), [want, want]);
  });
});
