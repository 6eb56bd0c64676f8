import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DaemonError } from '#machines/agent/daemon.ts';
import type { KernelLine } from '#machines/agent/decide/kernel-log.ts';
import { openJournal } from '#machines/agent/journal.ts';
import { openAgentLog } from '#machines/agent/log.ts';
import { openLogSender } from '#machines/agent/log-sender.ts';
import { type AgentLogs, agentLogs } from '#machines/contract/agent.ts';

function sending(capacity = 5000) {
  const journal = openJournal<KernelLine>(capacity);
  const log = openAgentLog({ host: { uptimeMs: () => 50 }, print: () => {} });
  const kernel = { journal, run: async () => {} };
  const sender = openLogSender({ kernel, log, uptimeMs: () => 99, random: () => 0, patience: 0.001 });
  const says = (uptimeMs: number, text: string) =>
    journal.push({ facility: 0, severity: 6, sequence: uptimeMs, uptimeMs, text });
  return { log, sender, says };
}

/** Collects what is sent, as strictly as the contract is. */
function collector() {
  const batches: AgentLogs[] = [];
  const lines = () => batches.flatMap((batch) => batch.lines.map(({ text }) => text));
  return { batches, lines, send: async (logs: AgentLogs) => void batches.push(agentLogs.parse(logs)) };
}

describe('the logs on their way to the daemon', () => {
  it('are sent from the first line, in the order of their times, each once', async () => {
    const { log, sender, says } = sending();
    says(10, 'one');
    log.info('three');
    says(20, 'two');
    says(60, 'four');
    const { lines, send, batches } = collector();
    await sender.flush(send);
    await sender.flush(send);
    assert.deepEqual(lines(), ['one', 'two', 'three', 'four']);
    assert.equal(batches.length, 1);
  });

  it('say how many lines were forgotten before they could be sent', async () => {
    const { sender, says } = sending(10);
    for (let index = 0; index < 25; index++) says(index, `line ${index}`);
    const { lines, send } = collector();
    await sender.flush(send);
    assert.deepEqual(lines().slice(0, 2), ['15 lines were lost here', 'line 15']);
    assert.equal(lines().at(-1), 'line 24');
  });

  it('come in batches that a server takes, be they long or many', async () => {
    const { sender, says } = sending();
    for (let index = 0; index < 1500; index++) says(index, `${index} ${'x'.repeat(1000)}`);
    const { lines, send, batches } = collector();
    await sender.flush(send);
    assert.equal(lines().length, 1500);
    for (const batch of batches) assert.ok(JSON.stringify(batch).length < 200_000);
  });

  it('go on after a failure where they were, and past what is refused for ever', async () => {
    const { log, sender, says } = sending();
    says(1, 'one');
    const faults = [new DaemonError('unreachable', 'gone'), new DaemonError('refused', 'status 400')];
    const { lines, send } = collector();
    const stop = new AbortController();
    const done = sender.run(async (logs) => {
      const fault = faults.shift();
      if (fault) throw fault;
      await send(logs);
      stop.abort();
    }, stop.signal);
    await done;
    assert.deepEqual(lines(), ['1 line was refused: status 400']);
    log.info('two');
    await sender.flush(send);
    assert.equal(lines().at(-1), 'two');
  });

  it('end with the session', async () => {
    const { sender, says } = sending();
    says(1, 'one');
    const refused = async () => {
      throw new DaemonError('unknown', 'no such session');
    };
    await assert.rejects(sender.run(refused, new AbortController().signal), { code: 'unknown' });
  });
});
