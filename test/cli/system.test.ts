import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attemptOf } from '#test/server/api/memory-recorder.ts';
import { runningCli } from './running-cli.ts';

describe('ingot logs', () => {
  it('shows what was logged of the newest boot, without what a terminal obeys', async () => {
    await using cli = await runningCli();
    await cli.done('machine', 'add', 'a');
    const { recorder } = cli.api;
    recorder.tell(attemptOf('a'), { kind: 'log', source: 'console', severity: 6, text: 'System BIOS' });
    recorder.tell(attemptOf('a'), { kind: 'log', source: 'kernel', severity: 2, text: 'panic \x1b[2J' });
    recorder.tell(attemptOf('a'), { kind: 'reported', by: 'agent', text: 'no log line' });
    const { out } = await cli.done('logs', 'a');
    assert.match(out, /^2023-.* console System BIOS\n2023-.* kernel {2}panic .*\n$/);
    assert.ok(!out.includes('\x1b') && !out.includes('no log line'));
    assert.match((await cli.done('logs', 'a', '--source', 'console')).out, /^2023-\S+ System BIOS\n$/);
    const wrong = await cli.run(['logs', 'a', '--source', 'nothing']);
    assert.deepEqual([wrong.status, wrong.error.includes('want console | kernel')], [2, true]);
  });

  it('goes on with what comes', async () => {
    await using cli = await runningCli();
    await cli.done('machine', 'add', 'a');
    const enough = new AbortController();
    cli.api.recorder.tell(attemptOf('a'), { kind: 'log', source: 'console', severity: 6, text: 'one' });
    let told = false;
    const { out } = await cli.run(['logs', 'a', '--follow'], {
      signal: enough.signal,
      onOut(text) {
        if (!told) cli.api.recorder.tell(attemptOf('a'), { kind: 'log', source: 'console', severity: 6, text: 'two' });
        told = true;
        if (text.includes('two')) enough.abort();
      },
    });
    assert.match(out, /one\n.*two\n/);
  });
});

describe('what runs on a machine', () => {
  it('says what to do where nothing does', async () => {
    await using cli = await runningCli();
    await cli.done('machine', 'add', 'a');
    for (const args of [
      ['dmesg', 'a'],
      ['reboot', 'a'],
      ['shutdown', 'a'],
      ['logs', 'a', '--live'],
    ]) {
      const { status, error } = await cli.run(args);
      assert.equal(status, 5, args.join(' '));
      assert.match(error, /no agent runs on a/);
      assert.match(error, /ingot power cycle a/);
    }
    assert.equal((await cli.run(['dmesg', 'nobody'])).status, 3);
  });

  it('is restarted by several only when a person says so', async () => {
    await using cli = await runningCli();
    for (const name of ['n1', 'n2']) await cli.done('machine', 'add', name);
    const { status } = await cli.run(['reboot', 'n1..2']);
    assert.notEqual(status, 0);
    assert.match((await cli.run(['reboot', 'n1..2', '--yes'])).error, /n1: no agent runs|no agent runs on n1/);
    await cli.done('machine', 'adopt', 'n1');
    const serving = await cli.run(['shutdown', 'n1']);
    assert.equal(serving.status, 2);
    assert.match(serving.error, /n1: it is in service\nTurn off n1\? Nobody .*\n {2}next: ingot shutdown n1 --yes/);
  });
});
