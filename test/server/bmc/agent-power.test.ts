import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { machineDocument } from '#machines/contract/documents.ts';
import { agentPower } from '#server/bmc/agent-power.ts';
import type { LiveAgent } from '#services/agents/live-agents.ts';
import { BmcError } from '#services/bmc/contract.ts';
import type { Refusal } from '#services/bmc/power.ts';
import { servedAgent } from '#test/machines/agent/api/served-agent.ts';
import { runningApi } from '#test/server/api/running-api.ts';

const NEVER = new AbortController().signal;

/** An agent that serves the machine API on loopback, as the daemon knows it by the machine's name. */
async function world() {
  const served = await servedAgent();
  const agent: LiveAgent = {
    machine: 'a',
    attempt: 'one',
    address: '127.0.0.1',
    port: served.port,
    registeredAt: 0,
  };
  const agents = {
    of: (name: string) => (name === 'a' ? agent : undefined),
    open: () => served.as('os:admin'),
  };
  return { served, agents, power: agentPower({ agents, open: agents.open }) };
}

/** What the machine does once it was let go. */
async function ended({ served }: Awaited<ReturnType<typeof world>>): Promise<'reboot' | 'shutdown'> {
  served.letGo();
  return await served.machine.restarted;
}

const withCode = (code: string) => (error: unknown) => error instanceof BmcError && error.code === code;

describe('power by the agent that runs on a machine', () => {
  for (const [command, want] of [
    ['soft', 'shutdown'],
    ['reset', 'reboot'],
  ] as const) {
    it(`${command} is its ${want}`, async () => {
      const at = await world();
      await using _served = at.served;
      assert.deepEqual([at.power.has('a'), at.power.has('b')], [true, false]);
      await at.power.command('a', command, NEVER);
      assert.equal(await ended(at), want);
    });
  }

  it('is refused where none runs, where it may not be done, and by whoever was called off', async () => {
    const at = await world();
    await using _served = at.served;
    await assert.rejects(at.power.command('b', 'soft', NEVER), withCode('unreachable'));
    const looker = agentPower({ agents: at.agents, open: () => at.served.as('os:reader') });
    await assert.rejects(looker.command('a', 'reset', NEVER), withCode('refused'));
    const gone = new Error('enough');
    await assert.rejects(at.power.command('a', 'reset', AbortSignal.abort(gone)), (error) => error === gone);
  });
});

describe('the API of what runs on a machine', () => {
  async function withApi(held?: Refusal) {
    const at = await world();
    const api = await runningApi({ system: { power: at.power, agents: at.agents, held: () => held } });
    const put = async (name: string) =>
      assert.equal(
        (await api.registry.put(machineDocument.parse({ kind: 'Machine', name }), { who: 'test' })).kind,
        'done',
      );
    await put('a');
    await put('b');
    return {
      ...at,
      api,
      ask: (name: string, what: string) => api.request(`/api/v1/machines/${name}/system/${what}`, { method: 'POST' }),
      log: (name: string, query: string) => api.request(`/api/v1/machines/${name}/system/log?${query}`),
      async [Symbol.asyncDispose]() {
        await api[Symbol.asyncDispose]();
        await at.served[Symbol.asyncDispose]();
      },
    };
  }

  it('restarts it, and writes down who did', async () => {
    await using at = await withApi();
    assert.equal((await at.ask('a', 'reboot')).status, 204);
    assert.equal(await ended(at), 'reboot');
    const [entry] = (await at.api.audit()).slice(-1);
    assert.deepEqual([entry?.action, entry?.target], ['rebootMachine', 'a']);
  });

  it('refuses by the table of actions, while a job writes, and where no agent runs', async () => {
    await using at = await withApi();
    const refusal = async (name: string) => {
      const answer = await at.ask(name, 'shutdown');
      const { detail, next } = (await answer.json()) as { detail: string; next: string };
      return [answer.status, detail, next].join(' | ');
    };
    assert.match(await refusal('b'), /^409 \| no agent runs on b.* \| ingot power cycle b/);
    assert.match(await refusal('nobody'), /^404/);
    await at.api.registry.act('a', 'lock', { who: 'test' });
    assert.match(await refusal('a'), /a: it is locked \| ingot machine unlock a/);
    await using writing = await withApi({ because: 'its agent is at wipe-disks', next: 'ingot job show 1' });
    assert.equal((await writing.ask('a', 'shutdown')).status, 409);
    assert.deepEqual(await writing.api.audit(), []);
  });

  it('gives the logs of its kernel and of its agent', async () => {
    await using at = await withApi();
    at.served.machine.kernelSays('6,1,1500000,-;Linux version 6.1');
    at.served.log.info('the agent is here');
    at.served.log.info('and says more');
    const dmesg = async () => (await at.log('a', 'of=kernel')).text();
    let text = await dmesg();
    while (!text.includes('Linux')) text = await dmesg();
    assert.match(text, /Linux version 6\.1\n$/);
    const all = await (await at.log('a', 'of=agent')).text();
    assert.match(all, /the agent is here\n.*and says more\n/);
    assert.match(await (await at.log('a', 'of=agent&tail=1')).text(), /^\[.*\] and says more\n$/);
    assert.equal((await at.log('b', '')).status, 409);
    assert.equal((await at.log('nobody', '')).status, 404);
    assert.equal((await at.log('a', 'of=everything')).status, 400);
  });

  it('goes on with a log for as long as somebody reads', async () => {
    await using at = await withApi();
    at.served.log.info('before');
    const { body } = await at.log('a', 'of=agent&follow=true');
    assert.ok(body);
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let read = '';
    const until = async (word: string): Promise<void> => {
      while (!read.includes(word)) {
        const { value, done } = await reader.read();
        assert.ok(!done, read);
        read += value;
      }
    };
    await until('before');
    at.served.log.info('after');
    await until('after');
    await reader.cancel();
  });
});
