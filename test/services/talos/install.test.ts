import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import grpc from '@grpc/grpc-js';
import type { MachineApiClient } from '#services/machine-api/client.ts';
import { MachineApiError } from '#services/machine-api/machine-api-error.ts';
import { type InstallEnd, type InstallProgress, type Mode, watchInstall } from '#services/talos/install.ts';
import { definition, type FakeNode, fakeNode, refuses, resourceOf, says } from './fake-node.ts';

const VERSION = '/machine.MachineService/Version';
const GET = '/cosi.resource.State/Get';
const ACTOR = 'a';
const REBOOTED = { code: 'FATAL', message: 'unix.Reboot(1234567)' } as const;
const version = (tag: string) => says({ version: { tag } });

/** What the machine is, one after another: each try to reach it asks what it is now. */
function watched(
  stages: readonly (Partial<Record<Mode, FakeNode>> | undefined)[],
  /** Listening ends when something was heard; else only with the events. */
  endsRounds = false,
) {
  let stage = 0;
  let round = new AbortController();
  const seen: InstallProgress[] = [];
  const stop = AbortSignal.timeout(10_000);
  // A client of the fake's is shared by all tries: only the test closes it.
  const lent = (fake: FakeNode): MachineApiClient => ({ ...fake.client, [Symbol.dispose]() {} });
  const watching = watchInstall({
    definition,
    async open(mode) {
      const fake = stages[stage]?.[mode];
      if (!fake) throw new MachineApiError(mode === 'running' ? 'untrusted' : 'unreachable', `not ${mode}`);
      return lent(fake);
    },
    async pause() {
      if (stage < stages.length - 1) stage++;
    },
    round() {
      round = new AbortController();
      return round.signal;
    },
    signal: stop,
  });
  return {
    seen,
    async end(): Promise<InstallEnd> {
      for (;;) {
        const next = await watching.next();
        if (next.done) return next.value;
        seen.push(next.value);
        if (endsRounds) round.abort();
      }
    },
  };
}

const booted = (tag: string) =>
  fakeNode({ [VERSION]: version(tag), [GET]: resourceOf({ 'SystemDisks.block.talos.dev': 'diskID: nvme0n1\n' }) });

describe('an install that is watched', () => {
  it('is told by its sequence, then by silence, and is done when it has booted from its disk', async () => {
    using maintenance = await fakeNode({ [VERSION]: version('v1.13.0'), [GET]: resourceOf({}) });
    maintenance.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'install', action: 'START' });
    maintenance.tell(ACTOR, 'machine.PhaseEvent', { phase: 'install', action: 'START' });
    maintenance.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'install', action: 'NOOP', error: REBOOTED });
    using running = await booted('v1.13.0');
    running.tell('b', 'machine.SequenceEvent', { sequence: 'boot', action: 'START' });
    const watch = watched([{ maintenance }, undefined, { running }]);
    assert.deepEqual(await watch.end(), { kind: 'installed', disk: 'nvme0n1' });
    assert.deepEqual(watch.seen, [
      { kind: 'working', phase: 'begins' },
      { kind: 'working', phase: 'install' },
      { kind: 'rebooting' },
      { kind: 'away', because: 'running: not running; maintenance: not maintenance' },
    ]);
  });

  it('is done where the machine runs from its disk and has forgotten the events of its boot', async () => {
    using fake = await fakeNode({
      [VERSION]: version('v1.13.2'),
      [GET]: resourceOf({
        'SystemDisks.block.talos.dev': 'diskID: sda\n',
        'MachineStatuses.runtime.talos.dev': 'stage: running\n',
      }),
    });
    assert.deepEqual(await watched([{ running: fake }]).end(), { kind: 'installed', disk: 'sda' });
  });

  it('is not done while its disk is being written, although the machine has its identity', async () => {
    using writing = await booted('v1.13.0');
    writing.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'install', action: 'START' });
    using running = await booted('v1.13.0');
    running.tell('b', 'machine.SequenceEvent', { sequence: 'boot', action: 'START' });
    const watch = watched([{ running: writing }, { running }], true);
    assert.deepEqual(await watch.end(), { kind: 'installed', disk: 'nvme0n1' });
    assert.deepEqual(watch.seen, [{ kind: 'working', phase: 'begins' }]);
  });

  it('before 1.13 is silent in maintenance, and that is no failure', async () => {
    const notThere = refuses(grpc.status.UNIMPLEMENTED, 'API is not implemented in maintenance mode');
    using maintenance = await fakeNode({
      [VERSION]: notThere,
      '/machine.MachineService/Events': notThere,
      [GET]: resourceOf({ 'Versions.runtime.talos.dev': 'version: v1.12.4\n' }),
    });
    using running = await booted('v1.12.4');
    running.tell('b', 'machine.SequenceEvent', { sequence: 'boot', action: 'START' });
    const watch = watched([{ maintenance }, { running }]);
    assert.deepEqual(await watch.end(), { kind: 'installed', disk: 'nvme0n1' });
    assert.deepEqual(
      watch.seen.map(({ kind }) => kind),
      ['away'],
    );
  });

  it('that fails ends with its reason', async () => {
    using maintenance = await fakeNode({ [VERSION]: version('v1.13.0'), [GET]: resourceOf({}) });
    maintenance.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'install', action: 'START' });
    const error = { code: 'FATAL', message: 'no disk' } as const;
    maintenance.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'install', action: 'NOOP', error });
    assert.deepEqual(await watched([{ maintenance }]).end(), { kind: 'failed', because: 'no disk' });
  });

  it('from 1.14 on fails by what its resource says', async () => {
    const status = 'image: x\nphase: failed\nerror: no disk matches\n';
    using maintenance = await fakeNode({
      [VERSION]: version('v1.14.0'),
      [GET]: resourceOf({ 'UnattendedInstallStatuses.runtime.talos.dev': status }),
    });
    assert.deepEqual(await watched([{ maintenance }]).end(), { kind: 'failed', because: 'no disk matches' });
  });
});
