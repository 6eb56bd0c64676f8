import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import grpc from '@grpc/grpc-js';
import { talosVersionText } from '#machines/os/talos/version.ts';
import { type Followed, type FollowedEnd, type TalosNode, talosNode } from '#services/talos/node.ts';
import { definition, type FakeNode, fakeNode, type Handler, refuses, resourceOf, says } from './fake-node.ts';

const SERVICE = '/machine.MachineService';
const version = (tag: string) => says({ version: { tag } });
const ACTOR = '6a1f7b0e-0000-4000-8000-000000000001';
const OTHER = '6a1f7b0e-0000-4000-8000-000000000002';
const REBOOTED = { code: 'FATAL', message: 'sequence: unix.Reboot(1234567)' } as const;

const signal = () => AbortSignal.timeout(10_000);
const open = (fake: FakeNode): Promise<TalosNode> => talosNode({ definition, client: fake.client, signal: signal() });

async function all(states: AsyncGenerator<Followed, FollowedEnd, undefined>) {
  const seen: Followed[] = [];
  for (;;) {
    const next = await states.next();
    if (next.done) return { seen, end: next.value };
    seen.push(next.value);
  }
}

/** Answers with an actor, then does as told: what a machine does after it has answered. */
const begins =
  (then: () => void): Handler =>
  (_call, answer) => {
    answer(null, { messages: [{ actor_id: ACTOR }] });
    setImmediate(then);
  };

describe('the version of a node', () => {
  it('is what it answers', async () => {
    using fake = await fakeNode({ [`${SERVICE}/Version`]: version('v1.14.0-rc.1') });
    assert.equal(talosVersionText((await open(fake)).version), 'v1.14.0-rc.1');
  });

  for (const code of [grpc.status.UNIMPLEMENTED, grpc.status.PERMISSION_DENIED]) {
    it(`is read from its resources where the call is refused (${code}), as in maintenance before 1.13`, async () => {
      using fake = await fakeNode({
        [`${SERVICE}/Version`]: refuses(code, 'API is not implemented in maintenance mode'),
        '/cosi.resource.State/Get': resourceOf({ 'Versions.runtime.talos.dev': 'version: v1.12.4\n' }),
      });
      assert.equal(talosVersionText((await open(fake)).version), 'v1.12.4');
    });
  }

  it('that is none is an error', async () => {
    using fake = await fakeNode({ [`${SERVICE}/Version`]: version('') });
    await assert.rejects(open(fake), { code: 'failed', message: /version is unknown/ });
  });
});

describe('a node', () => {
  it('is given its configuration, and says what it will do', async () => {
    using fake = await fakeNode({
      [`${SERVICE}/Version`]: version('v1.13.0'),
      [`${SERVICE}/ApplyConfiguration`]: says({ mode: 'REBOOT', warnings: ['old'], mode_details: 'x' }),
    });
    const node = await open(fake);
    assert.deepEqual(await node.applyConfig('version: v1alpha1\n'), {
      mode: 'REBOOT',
      warnings: ['old'],
      details: 'x',
    });
    const [request] = fake.asked(`${SERVICE}/ApplyConfiguration`);
    assert.equal(request?.['mode'], 'AUTO');
    assert.equal(String(request?.['data']), 'version: v1alpha1\n');
  });

  it('refuses a configuration with its reason', async () => {
    using fake = await fakeNode({
      [`${SERVICE}/Version`]: version('v1.13.0'),
      [`${SERVICE}/ApplyConfiguration`]: refuses(grpc.status.INVALID_ARGUMENT, 'unknown keys'),
    });
    await assert.rejects((await open(fake)).applyConfig(''), { code: 'invalid', message: /unknown keys/ });
  });

  for (const [what, handler, kind] of [
    ['once', says(), 'bootstrapped'],
    ['no second time', refuses(grpc.status.ALREADY_EXISTS, 'etcd data directory is not empty'), 'already'],
    ['later, where it still boots', refuses(grpc.status.FAILED_PRECONDITION, 'time is not in sync'), 'not-yet'],
  ] as const) {
    it(`bootstraps ${what}`, async () => {
      using fake = await fakeNode({ [`${SERVICE}/Version`]: version('v1.13.0'), [`${SERVICE}/Bootstrap`]: handler });
      assert.equal((await (await open(fake)).bootstrap()).kind, kind);
    });
  }

  it('does not bootstrap as a worker', async () => {
    const handler = refuses(grpc.status.INVALID_ARGUMENT, 'bootstrap can only be performed on a control plane node');
    using fake = await fakeNode({ [`${SERVICE}/Version`]: version('v1.13.0'), [`${SERVICE}/Bootstrap`]: handler });
    await assert.rejects((await open(fake)).bootstrap(), { code: 'invalid' });
  });

  it('tells how it is', async () => {
    using fake = await fakeNode({
      [`${SERVICE}/Version`]: version('v1.13.0'),
      [`${SERVICE}/ServiceList`]: says({
        services: [
          { id: 'apid', state: 'Running', health: { healthy: true } },
          { id: 'etcd', state: 'Running', health: { healthy: false, last_message: 'no leader' } },
          { id: 'udevd', state: 'Running', health: { unknown: true } },
          { id: 'kubelet', state: 'Failed' },
        ],
      }),
      '/cosi.resource.State/Get': resourceOf({
        'MachineStatuses.runtime.talos.dev':
          'stage: running\nstatus:\n  ready: false\n  unmetConditions:\n    - {name: services, reason: etcd}\n',
        'SystemDisks.block.talos.dev': 'diskID: sda\ndevPath: /dev/sda\n',
      }),
    });
    const node = await open(fake);
    assert.deepEqual(await node.health(), {
      stage: 'running',
      ready: false,
      unmet: [{ name: 'services', reason: 'etcd' }],
      unwell: [
        { id: 'etcd', state: 'Running', message: 'no leader' },
        { id: 'kubelet', state: 'Failed', message: '' },
      ],
    });
    assert.equal(await node.systemDisk(), 'sda');
    assert.equal(await node.unattendedInstall(), undefined);
  });

  it('of 1.14 tells of its unattended install, and has no disk before it', async () => {
    using fake = await fakeNode({
      [`${SERVICE}/Version`]: version('v1.14.0'),
      '/cosi.resource.State/Get': resourceOf({
        'UnattendedInstallStatuses.runtime.talos.dev': 'image: x\nphase: failed\nerror: no disk\n',
      }),
    });
    const node = await open(fake);
    assert.deepEqual(await node.unattendedInstall(), { phase: 'failed', error: 'no disk' });
    assert.equal(await node.systemDisk(), undefined);
  });
});

describe('an install', () => {
  it('is followed from its history to the reboot that ends it, past what others do', async () => {
    using fake = await fakeNode({ [`${SERVICE}/Version`]: version('v1.13.0') });
    fake.tell(OTHER, 'machine.SequenceEvent', { sequence: 'initialize', action: 'START' });
    fake.tell(OTHER, 'machine.TaskEvent', { task: 'runningMaintenance', action: 'START' });
    fake.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'install', action: 'START' });
    fake.tell(ACTOR, 'machine.PhaseEvent', { phase: 'install', action: 'START' });
    fake.tell(OTHER, 'machine.PhaseEvent', { phase: 'config', action: 'START' });
    fake.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'install', action: 'NOOP', error: REBOOTED });
    const { seen, end } = await all((await open(fake)).follow(['install'], signal()));
    assert.deepEqual(end, { kind: 'rebooting', sequence: 'install' });
    assert.deepEqual(seen.at(-1), { kind: 'running', sequence: 'install', phase: 'install' });
    assert.equal(seen.length, 2);
  });

  it('that fails says where', async () => {
    using fake = await fakeNode({ [`${SERVICE}/Version`]: version('v1.13.0') });
    fake.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'install', action: 'START' });
    fake.tell(ACTOR, 'machine.PhaseEvent', { phase: 'install', action: 'START' });
    fake.tell(ACTOR, 'machine.TaskEvent', { task: 'install', action: 'START' });
    const error = { code: 'FATAL', message: 'task 1/1: failed, exit code 1' } as const;
    fake.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'install', action: 'NOOP', error });
    const { end } = await all((await open(fake)).follow(['install'], signal()));
    const where = { sequence: 'install', phase: 'install', task: 'install' };
    assert.deepEqual(end, { kind: 'failed', because: error.message, ...where });
  });

  it('is lost where the machine goes before it says how it ended', async () => {
    using fake = await fakeNode({ [`${SERVICE}/Version`]: version('v1.13.0') });
    fake.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'install', action: 'START' });
    const states = (await open(fake)).follow(['install'], signal());
    await states.next();
    fake.die();
    const { end } = await all(states);
    assert.deepEqual(end, { kind: 'lost', last: { kind: 'running', sequence: 'install' } });
  });
});

describe('a reset', () => {
  const reset = { graceful: true, what: 'configuration', afterwards: 'reboot' } as const;

  it('of the configuration wipes two partitions, and succeeds by going down', async () => {
    using fake: FakeNode = await fakeNode({
      [`${SERVICE}/Version`]: version('v1.13.0'),
      [`${SERVICE}/Reset`]: begins(() => {
        fake.tell(OTHER, 'machine.SequenceEvent', {
          sequence: 'reset',
          action: 'NOOP',
          error: { code: 'LOCKED', message: 'not ours' },
        });
        fake.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'reset', action: 'START' });
        fake.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'reset', action: 'NOOP', error: REBOOTED });
      }),
    });
    const { end } = await all((await open(fake)).reset(reset, signal()));
    assert.deepEqual(end, { kind: 'rebooting', sequence: 'reset' });
    assert.deepEqual(fake.asked(`${SERVICE}/Reset`), [
      {
        graceful: true,
        reboot: true,
        system_partitions_to_wipe: [
          { label: 'STATE', wipe: true },
          { label: 'EPHEMERAL', wipe: true },
        ],
        user_disks_to_wipe: [],
        mode: 'SYSTEM_DISK',
      },
    ]);
  });

  it('of the disk names no partition and no other disk', async () => {
    using fake: FakeNode = await fakeNode({
      [`${SERVICE}/Version`]: version('v1.13.0'),
      [`${SERVICE}/Reset`]: begins(() =>
        fake.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'reset', action: 'NOOP', error: REBOOTED }),
      ),
    });
    await all((await open(fake)).reset({ graceful: false, what: 'disk', afterwards: 'power-off' }, signal()));
    const [request] = fake.asked(`${SERVICE}/Reset`);
    assert.deepEqual(request?.['system_partitions_to_wipe'], []);
    assert.deepEqual(request['user_disks_to_wipe'], []);
    assert.equal(request['mode'], 'SYSTEM_DISK');
    assert.equal(request['reboot'], false);
  });

  for (const [code, kind] of [
    ['LOCKED', 'locked'],
    ['CANCELED', 'cancelled'],
  ] as const) {
    it(`that was answered with OK is ${kind} by an event`, async () => {
      using fake: FakeNode = await fakeNode({
        [`${SERVICE}/Version`]: version('v1.13.0'),
        [`${SERVICE}/Reset`]: begins(() =>
          fake.tell(ACTOR, 'machine.SequenceEvent', {
            sequence: 'reset',
            action: 'NOOP',
            error: { code, message: 'busy' },
          }),
        ),
      });
      const { end } = await all((await open(fake)).reset(reset, signal()));
      assert.deepEqual(end, { kind, because: 'busy' });
    });
  }

  it('that is refused is an error of the call', async () => {
    const handler = refuses(grpc.status.UNKNOWN, 'reset failed: invalid input: no such label');
    using fake = await fakeNode({ [`${SERVICE}/Version`]: version('v1.13.0'), [`${SERVICE}/Reset`]: handler });
    await assert.rejects(all((await open(fake)).reset(reset, signal())), { code: 'failed', message: /invalid input/ });
  });
});

describe('an upgrade', () => {
  const goesDown = (fake: () => FakeNode, sequence: string) =>
    begins(() => fake().tell(ACTOR, 'machine.SequenceEvent', { sequence, action: 'NOOP', error: REBOOTED }));
  const streams =
    (...messages: readonly object[]): Handler =>
    (call) => {
      for (const message of messages) call.write(message);
      call.end();
    };

  for (const tag of ['v1.12.4', 'v1.13.0-alpha.2']) {
    it(`of ${tag} is one call`, async () => {
      using fake: FakeNode = await fakeNode({
        [`${SERVICE}/Version`]: version(tag),
        [`${SERVICE}/Upgrade`]: goesDown(() => fake, 'upgrade'),
      });
      const { end } = await all((await open(fake)).upgrade({ installer: 'registry/installer:v1.13.0' }, signal()));
      assert.deepEqual(end, { kind: 'rebooting', sequence: 'upgrade' });
      assert.equal(fake.asked(`${SERVICE}/Upgrade`)[0]?.['image'], 'registry/installer:v1.13.0');
    });
  }

  for (const tag of ['v1.13.0', 'v1.14.0-rc.1']) {
    it(`of ${tag} pulls, installs and reboots`, async () => {
      using fake: FakeNode = await fakeNode({
        [`${SERVICE}/Version`]: version(tag),
        '/machine.ImageService/Pull': streams(
          { pull_progress: { layer_id: 'a' } },
          { name: 'registry/installer@sha256:1' },
        ),
        '/machine.LifecycleService/Upgrade': streams(
          { progress: { message: 'writing' } },
          { progress: { exit_code: 0 } },
        ),
        [`${SERVICE}/Reboot`]: goesDown(() => fake, 'reboot'),
      });
      const { seen, end } = await all(
        (await open(fake)).upgrade({ installer: 'registry/installer:v1.14.0' }, signal()),
      );
      assert.deepEqual(end, { kind: 'rebooting', sequence: 'reboot' });
      assert.deepEqual(seen.at(-1), { kind: 'running', sequence: 'upgrade', phase: 'install', task: 'writing' });
      const [asked] = fake.asked('/machine.LifecycleService/Upgrade');
      assert.deepEqual(asked?.['source'], { image_name: 'registry/installer@sha256:1' });
      assert.deepEqual(asked['containerd'], { driver: 'CRI', namespace: 'NS_SYSTEM' });
    });
  }

  for (const [what, messages, because] of [
    [
      'ends with another code',
      [{ progress: { message: 'no space' } }, { progress: { exit_code: 2 } }],
      /with 2: no space/,
    ],
    ['ends without a code', [{ progress: { message: 'writing' } }], /without saying how/],
  ] as const) {
    it(`whose installer ${what} fails, and nothing reboots`, async () => {
      using fake = await fakeNode({
        [`${SERVICE}/Version`]: version('v1.14.0'),
        '/machine.ImageService/Pull': streams({ name: 'x' }),
        '/machine.LifecycleService/Upgrade': streams(...messages),
        [`${SERVICE}/Reboot`]: says({ actor_id: ACTOR }),
      });
      const { end } = await all((await open(fake)).upgrade({ installer: 'x' }, signal()));
      assert.ok(end.kind === 'failed');
      assert.match(end.because, because);
      assert.deepEqual(fake.asked(`${SERVICE}/Reboot`), []);
    });
  }

  it('is taken back, which ends in the reboot that it forces', async () => {
    using fake: FakeNode = await fakeNode({
      [`${SERVICE}/Version`]: version('v1.14.0'),
      [`${SERVICE}/Rollback`]: (_call, answer) => {
        answer(null, { messages: [{}] });
        setImmediate(() => {
          fake.tell(OTHER, 'machine.SequenceEvent', { sequence: 'boot', action: 'STOP' });
          fake.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'reboot', action: 'START' });
          fake.tell(ACTOR, 'machine.SequenceEvent', { sequence: 'reboot', action: 'NOOP', error: REBOOTED });
        });
      },
    });
    const { end } = await all((await open(fake)).rollback(signal()));
    assert.deepEqual(end, { kind: 'rebooting', sequence: 'reboot' });
  });
});
