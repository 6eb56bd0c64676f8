import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { openDaemon } from '#machines/agent/daemon.ts';
import { type FakePlane, fakePlane, TOKEN } from './fake-plane.ts';
import { makeMachineKey } from '#machines/agent/machine-key.ts';

const signal = AbortSignal.timeout(30_000);
const open = (plane: FakePlane, parts: { pin?: string; localAddress?: string } = {}) =>
  openDaemon({ url: new URL(plane.url), pin: plane.pin, random: () => 0, ...parts });

async function registered(daemon: ReturnType<typeof openDaemon>) {
  const { csr } = await makeMachineKey();
  const registration = {
    attempt: 'a1',
    version: '1',
    csr,
    addresses: ['127.0.0.1'],
    bootMac: '52:54:00:00:00:01',
    macs: [],
    port: 50_000,
  };
  return daemon.register(TOKEN, registration, signal);
}

describe('the daemon as an agent reaches it', () => {
  it('is known by its key alone, and told nothing before that', async () => {
    await using plane = await fakePlane();
    using stranger = open(plane, { pin: Buffer.alloc(32).toString('base64') });
    await assert.rejects(registered(stranger), { code: 'untrusted', message: /nothing was sent/ });
    using malformed = open(plane, { pin: 'AAAA' });
    await assert.rejects(registered(malformed), { code: 'untrusted' });
    assert.equal(plane.sent.end(), 0);
    using daemon = open(plane);
    const { machine, daemonTime } = await registered(daemon);
    assert.equal(machine, 'r1-u12');
    assert.ok(Math.abs((daemonTime ?? 0) - Date.now()) < 5000);
  });

  it('tells refusals, faults, strange answers and silence apart', async () => {
    await using plane = await fakePlane();
    using daemon = open(plane);
    const { session } = await registered(daemon);
    const status = { stage: 'waiting', text: '' } as const;
    await assert.rejects(daemon.status('another', status, signal), { code: 'unknown' });
    for (const [answer, code] of [
      [400, 'refused'],
      [413, 'refused'],
      [429, 'failed'],
      [503, 'failed'],
      [204, 'failed'],
      [301, 'failed'],
    ] as const) {
      plane.state.faults.push({ kind: 'status', status: answer });
      await assert.rejects(daemon.status(session, status, signal), { name: 'DaemonError', code });
    }
    assert.equal((await daemon.status(session, status, signal)).order, 'wait');
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const url = new URL(`https://127.0.0.1:${(closed.address() as AddressInfo).port}`);
    closed.close();
    using nobody = openDaemon({ url, pin: plane.pin, random: () => 0 });
    await assert.rejects(nobody.status(session, status, signal), { code: 'unreachable', message: /ECONNREFUSED/ });
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await assert.rejects(daemon.status(session, status, stop.signal), { message: 'enough' });
  });

  it('gives images past broken connections, and says so where it cannot', async () => {
    await using plane = await fakePlane();
    using daemon = open(plane);
    const { session } = await registered(daemon);
    plane.state.image = randomBytes(1 << 20);
    plane.state.cutImageAt = 300_000;
    const whole = await buffer(await daemon.fetch(() => session, '/agent/images/x', signal));
    assert.ok(whole.equals(plane.state.image));
    assert.equal(plane.all('image').length, 2);
    for (const path of ['//192.0.2.1/x', 'https://192.0.2.1/x', 'x']) {
      await assert.rejects(
        daemon.fetch(() => session, path, signal),
        { code: 'failed', message: /is no path of/ },
      );
    }
    await assert.rejects(
      daemon.fetch(() => 'another', '/agent/images/x', signal),
      { code: 'unknown' },
    );
    plane.state.faults.push({ kind: 'image', status: 416 });
    await assert.rejects(
      daemon.fetch(() => session, '/agent/images/x', signal),
      { code: 'refused', message: /416/ },
    );
  });

  it('waits for images of a daemon that is just being restarted', async () => {
    await using plane = await fakePlane();
    using daemon = open(plane);
    const { session } = await registered(daemon);
    plane.state.image = randomBytes(1 << 16);
    plane.state.faults.push({ kind: 'image', status: 503 }, { kind: 'image', status: 404 });
    const whole = await buffer(await daemon.fetch(() => session, '/agent/images/x', signal));
    assert.ok(whole.equals(plane.state.image));
    assert.equal(plane.state.faults.length, 0);
  });

  it('fails the stream of an image that is another one after the break', async () => {
    await using plane = await fakePlane();
    using daemon = open(plane);
    const { session } = await registered(daemon);
    plane.state.image = randomBytes(1 << 20);
    plane.state.cutImageAt = 300_000;
    plane.state.imageChanged = true;
    const broken = daemon.fetch(() => session, '/agent/images/x', signal).then(buffer);
    await assert.rejects(broken, { code: 'refused', message: /it begins again at 0/ });
  });
});
