import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { watchEvent, type WatchEvent } from '#machines/contract/api/watch.ts';
import { attemptOf } from './memory-recorder.ts';
import { type RunningApi, runningApi } from './running-api.ts';

/** A message that never comes must fail its test, not hold up all of them. */
async function within<T>(promise: Promise<T> | undefined): Promise<T | undefined> {
  const late = AbortSignal.timeout(10_000);
  return await Promise.race([promise, once(late, 'abort').then(() => Promise.reject(new Error('no message came')))]);
}

/** Reads a stream until it is told to stop; each message with its id. */
async function watching(api: RunningApi, query = '', headers: Record<string, string> = {}) {
  const leave = new AbortController();
  const answer = await api.request(`/api/v1/watch${query}`, { signal: leave.signal, headers });
  assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  let lastId = '';
  return {
    /** The next message that has data, within ten seconds. */
    async next(): Promise<WatchEvent> {
      for (;;) {
        const end = text.indexOf('\n\n');
        if (end < 0) {
          const chunk = await within(reader?.read());
          if (!chunk || chunk.done) throw new Error('the stream ended');
          text += chunk.value;
          continue;
        }
        const message = text.slice(0, end);
        text = text.slice(end + 2);
        lastId = /^id: (.*)$/m.exec(message)?.[1] ?? lastId;
        const data = /^data: (.*)$/m.exec(message)?.[1];
        if (data !== undefined) return watchEvent.parse(JSON.parse(data));
      }
    },
    async ended(): Promise<boolean> {
      for (;;) {
        const chunk = await reader?.read();
        if (!chunk || chunk.done) return true;
      }
    },
    id: () => lastId,
    leave: () => leave.abort(),
  };
}

const add = (api: RunningApi, name: string) => api.send('PUT', `/api/v1/machines/${name}`, { kind: 'Machine', name });

describe('the stream of changes', { timeout: 20_000 }, () => {
  it('tells of machines, attempts and documents', async () => {
    await using api = await runningApi();
    const stream = await watching(api);
    await api.send('PUT', '/api/v1/profiles/local', { kind: 'Profile', name: 'local', os: 'disk' });
    assert.equal((await stream.next()).kind, 'document');
    await add(api, 'r1-u1');
    const machine = await stream.next();
    assert.equal(machine.kind === 'machine' && machine.machine?.name, 'r1-u1');
    api.recorder.tell(attemptOf('r1-u1'));
    assert.equal((await stream.next()).kind, 'attempt');
    await api.request('/api/v1/machines/r1-u1', { method: 'DELETE' });
    assert.deepEqual(await stream.next(), { kind: 'machine', name: 'r1-u1', machine: null });
    stream.leave();
  });

  it('sends each packet only to who asked for it', async () => {
    await using api = await runningApi();
    const stream = await watching(api, '?kinds=trace&machine=r1-u1');
    api.recorder.tell(attemptOf('r1-u2'), { kind: 'grant-spent', grant: 'other' });
    api.recorder.tell(attemptOf('r1-u1'), { kind: 'grant-spent', grant: 'mine' });
    const event = await stream.next();
    assert.equal(event.kind === 'trace' && event.event.kind === 'grant-spent' && event.event.grant, 'mine');
    stream.leave();
  });

  it('goes on after a broken connection without losing anything', async () => {
    await using api = await runningApi();
    const first = await watching(api);
    await add(api, 'r1-u1');
    await first.next();
    first.leave();
    await add(api, 'r1-u2');
    const second = await watching(api, '', { 'last-event-id': first.id() });
    const event = await second.next();
    assert.equal(event.kind === 'machine' && event.name, 'r1-u2');
    second.leave();
  });

  it('says reset to who has been away too long, or comes from another run of the daemon', async () => {
    await using api = await runningApi();
    for (const id of ['0badcafe-3', 'nonsense', '0badcafe-99999']) {
      const stream = await watching(api, '', { 'last-event-id': id });
      assert.equal((await stream.next()).kind, 'reset');
      stream.leave();
    }
  });

  it('keeps a bounded number of events', async () => {
    await using api = await runningApi();
    const first = await watching(api, '?kinds=trace');
    api.recorder.tell(attemptOf('r1-u1'), { kind: 'grant-spent', grant: '0' });
    await first.next();
    first.leave();
    for (let count = 0; count < 10_050; count++) {
      api.recorder.tell(attemptOf('r1-u1'), { kind: 'dropped', count, because: 'test' });
    }
    const late = await watching(api, '?kinds=trace', { 'last-event-id': first.id() });
    assert.equal((await late.next()).kind, 'reset');
    late.leave();
  });

  it('ends at once when its token is voided', async () => {
    await using api = await runningApi();
    const { key, secret } = await api.access.createToken({ name: 'watcher', role: 'viewer' });
    const stream = await watching(api, '', { authorization: `Bearer ${secret}` });
    await api.access.remove(key.id);
    assert.equal(await stream.ended(), true);
  });

  it('ends when the time of its token is over', async () => {
    await using api = await runningApi();
    const { key, secret } = await api.access.createToken({ name: 'watcher', role: 'viewer', days: 1 });
    api.clock.now = (key.expiresAt ?? 0) - 50;
    const stream = await watching(api, '', { authorization: `Bearer ${secret}` });
    api.clock.now += 50;
    assert.equal(await stream.ended(), true);
  });

  it('ends with the token that its own was made with', async () => {
    await using api = await runningApi();
    const { key } = await api.access.createToken({ name: 'ci', role: 'admin' });
    const { secret } = await api.access.createToken({ name: 'watcher', role: 'viewer', by: key });
    const stream = await watching(api, '', { authorization: `Bearer ${secret}` });
    await api.request(`/api/v1/tokens/${key.id}`, { method: 'DELETE' });
    assert.equal(await stream.ended(), true);
  });

  it('ends with the daemon', async () => {
    const api = await runningApi();
    const stream = await watching(api);
    const ended = stream.ended().catch(() => true);
    await api[Symbol.asyncDispose]();
    assert.equal(await ended, true);
  });
});
