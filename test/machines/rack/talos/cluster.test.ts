import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { secretsFor } from './rig.ts';
import { waitFor } from '#test/lab/wait.ts';
import { talosNode } from '#services/talos/node.ts';
import { configFor, definition, endOf, installer, talosRig } from './rig.ts';

const VERSION = 'v1.13.2';
const limit = () => AbortSignal.timeout(20_000);

/** Where machines fetch their configurations, of which each try is counted. */
async function configServer(answer: (url: string, tries: number, response: ServerResponse) => void) {
  const tries = new Map<string, number>();
  const urls: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const { url = '' } = request;
    urls.push(url);
    tries.set(url, (tries.get(url) ?? 0) + 1);
    answer(url, tries.get(url) ?? 0, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address);
  return {
    base: `http://127.0.0.1:${address.port}`,
    urls,
    [Symbol.dispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe('simulated nodes of one cluster', () => {
  it('fetch their configurations, join in one etcd, and keep its majority', async () => {
    const secrets = await secretsFor(VERSION);
    const roles = ['controlplane', 'controlplane', 'controlplane', 'worker'] as const;
    await using stack = new AsyncDisposableStack();
    using server = await configServer((url, tries, response) => {
      // What is not there yet, and what is empty, is asked for again.
      if (tries < 3) {
        response.writeHead(tries === 1 ? 404 : 204).end();
        return;
      }
      const uuid = new URL(url, 'http://x').searchParams.get('u');
      const index = rig.machines.findIndex(({ spec }) => spec.uuid === uuid);
      const machine = rig.machine(index);
      response.end(configFor({ version: VERSION, secrets, role: roles[index] ?? 'worker', spec: machine.spec }));
    });
    const rig = stack.use(
      await talosRig({
        version: VERSION,
        machines: roles.length,
        config: () => `${server.base}/config?u=\${uuid}&m=\${mac}`,
      }),
    );
    const [first, second, third, worker] = [0, 1, 2, 3].map((index) => rig.machine(index));
    assert.ok(first && second && third && worker);
    rig.machines[3]?.powerOn();
    await worker.ended(1);
    assert.deepEqual(worker.story, ['network kexec'], 'a worker is installed without anybody');
    assert.match(server.urls[0] ?? '', /\?m=52%3A54%3A00%3A[^&]+&u=51a1a7ed-/);
    await waitFor('it to ask for trustd', () => worker.screen.some((line) => line.includes('trustd')), 10_000);
    await assert.rejects((await worker.running(secrets)).call('/machine.MachineService/Hostname', {}), {
      code: 'unreachable',
    });

    for (const machine of rig.machines.slice(0, 3)) machine.powerOn();
    for (const machine of rig.machines.slice(0, 3)) await machine.ended(1);
    using one = await first.node(secrets);
    using two = await second.node(secrets);
    using three = await third.node(secrets);
    using work = await worker.node(secrets);
    assert.equal((await one.health()).ready, false);
    await assert.rejects(work.bootstrap(), { code: 'invalid' });
    await waitFor('its bootstrap', async () => (await one.bootstrap()).kind === 'bootstrapped', 10_000);
    for (const node of [one, two, three, work]) {
      await waitFor('its health', async () => (await node.health()).ready, 10_000);
    }
    assert.equal((await two.bootstrap()).kind, 'already');
    assert.equal((await two.etcd()).members.length, 3);

    await second.powerOff();
    await waitFor('a member to be missed', async () => (await one.etcd()).members.length === 3, 5000);
    assert.notEqual((await one.etcd()).status?.leader, '0');
    await third.powerOff();
    assert.equal((await one.etcd()).status?.leader, '0', 'one of three is no majority');
    await waitFor('Kubernetes to be gone', async () => !(await work.health()).ready, 5000);

    // From their disks alone, as when the rack was started again.
    await first.powerOff();
    await worker.powerOff();
    rig.forget();
    for (const machine of rig.machines) machine.powerOn('disk');
    using again = await first.node(secrets);
    await waitFor('the majority', async () => (await again.health()).ready, 10_000);
    await waitFor('the last one', async () => (await again.etcd()).members.length === 3, 10_000);
    const graceful = { graceful: true, what: 'disk', afterwards: 'power-off' } as const;
    using leaving = await second.node(secrets);
    await waitFor('its health', async () => (await leaving.health()).ready, 10_000);
    assert.equal((await endOf(leaving.reset(graceful, limit()))).kind, 'rebooting');
    assert.equal((await again.etcd()).members.length, 2);
    assert.deepEqual(
      rig.machines.flatMap(({ screen }) => screen.filter((line) => line.startsWith('BUG'))),
      [],
    );
  });

  it('do not go on with a configuration that is wrong, and say so by events', async () => {
    const secrets = await secretsFor(VERSION);
    let isRight = false;
    await using stack = new AsyncDisposableStack();
    using server = await configServer((_url, _tries, response) => {
      const { spec } = rig.machine();
      const right = configFor({ version: VERSION, secrets, role: 'controlplane', spec });
      response.end(isRight ? right : right.replace('type: controlplane', 'type: emperor'));
    });
    const rig = stack.use(await talosRig({ version: VERSION, config: () => `${server.base}/c` }));
    rig.machines[0]?.powerOn();
    const machine = rig.machine();
    await waitFor('a refusal', () => machine.screen.some((line) => line.includes('emperor')), 10_000);
    assert.deepEqual(machine.story, []);
    isRight = true;
    await machine.ended(1);
  });
});

describe('what goes wrong on a simulated node', () => {
  const bad = 'factory.example/metal-installer/bad:v1.13.9';

  it('is told as Talos tells it', async () => {
    const secrets = await secretsFor(VERSION);
    await using rig = await talosRig({
      version: VERSION,
      faults: {
        lacksImage: (reference) => reference === installer('v1.13.7'),
        installerFails: (reference) => reference === installer('v1.13.8'),
        isUnwell: (release) => release === 'v1.13.9',
      },
    });
    rig.machines[0]?.powerOn();
    const machine = rig.machine();
    {
      using client = await machine.maintenance();
      const node = await talosNode({ definition, client, signal: limit() });
      // Maintenance is a sequence that runs still: who asks for a reset is told by an event that it is locked.
      await node.applyConfig(configFor({ version: VERSION, secrets, role: 'controlplane', spec: machine.spec }));
    }
    await machine.ended(1);
    using node = await machine.node(secrets);
    await waitFor('its bootstrap', async () => (await node.bootstrap()).kind === 'bootstrapped', 10_000);
    await waitFor('its health', async () => (await node.health()).ready, 10_000);

    await assert.rejects(endOf(node.upgrade({ installer: installer('v1.13.7') }, limit())), { code: 'not-found' });
    await assert.rejects(endOf(node.upgrade({ installer: bad }, limit())), { code: 'not-found' });
    const failed = await endOf(node.upgrade({ installer: installer('v1.13.8') }, limit()));
    assert.equal(failed.kind, 'failed');
    assert.deepEqual(machine.story, ['network kexec'], 'and nothing rebooted');

    assert.equal((await endOf(node.upgrade({ installer: installer('v1.13.9') }, limit()))).kind, 'rebooting');
    await machine.ended(2);
    using ill = await machine.node(secrets);
    const isIll = ({ unwell }: Awaited<ReturnType<typeof ill.health>>) => unwell.some(({ id }) => id === 'kubelet');
    await waitFor('its kubelet to be ill', async () => isIll(await ill.health()), 10_000);
    assert.equal((await ill.health()).ready, false);
    assert.equal((await endOf(ill.rollback(limit()))).kind, 'rebooting');
    await machine.ended(3);
    using well = await machine.node(secrets);
    await waitFor('its health', async () => (await well.health()).ready, 10_000);

    // A reboot that runs lets no reset in: the call succeeds, an event says that nothing was done.
    using client = await machine.running(secrets);
    const other = await talosNode({ definition, client, signal: limit() });
    await client.call('/machine.MachineService/Reboot', { mode: 'DEFAULT' });
    const locked = await endOf(other.reset({ graceful: false, what: 'disk', afterwards: 'reboot' }, limit()));
    assert.equal(locked.kind, 'locked');
  });
});
