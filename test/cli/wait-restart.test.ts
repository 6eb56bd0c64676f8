import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attemptOf } from '#test/server/api/memory-recorder.ts';
import { runningCli } from './running-cli.ts';

const LATER = 1_700_000_100_000;
const verdict = (code: 'booted' | 'no-tftp') =>
  ({ code, stage: 'loader', cause: 'nothing answered', next: 'look' }) as const;

/** A machine whose system does what it is told; `told` hears it. */
const withSystem = (told: (what: string) => void) =>
  runningCli({
    system: {
      power: { has: () => true, command: async (_name, what) => told(what) },
      agents: { of: () => undefined, open: () => Promise.reject(new Error('none')) },
      held: () => undefined,
    },
  });

describe('ingot reboot --wait', () => {
  it('ends when the boot that follows has, and not by the one before', async () => {
    const told: string[] = [];
    await using cli = await withSystem((what) => {
      told.push(what);
      const begun = attemptOf('a', { id: 'new', startedAt: LATER });
      cli.api.recorder.tell(begun);
      setImmediate(() => cli.api.recorder.tell({ ...begun, verdict: verdict('booted') }));
    });
    await cli.done('machine', 'add', 'a');
    cli.api.recorder.tell(attemptOf('a', { id: 'old', verdict: verdict('booted'), endedAt: 1 }));
    const { out } = await cli.done('reboot', 'a', '--wait');
    assert.equal(out, 'a has restarted\n');
    assert.deepEqual(told, ['reset']);
  });

  it('ends with 1 and the reason when it does not come up', async () => {
    await using cli = await withSystem(() =>
      cli.api.recorder.tell(
        attemptOf('a', { id: 'new', startedAt: LATER, endedAt: LATER, verdict: verdict('no-tftp') }),
      ),
    );
    await cli.done('machine', 'add', 'a');
    const { status, error } = await cli.run(['reboot', 'a', '--wait']);
    assert.equal(status, 1);
    assert.match(error, /it did not boot: nothing answered/);
    assert.match(error, /next: look/);
  });
});

describe('ingot shutdown --wait', () => {
  it('says so where nobody can see that it is off', async () => {
    await using cli = await withSystem(() => {});
    await cli.done('machine', 'add', 'a');
    const { status, error } = await cli.run(['shutdown', 'a', '--wait']);
    assert.equal(status, 1);
    assert.match(error, /nobody can see/);
  });
});
