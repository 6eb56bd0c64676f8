import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job, Plan, PlannedDisk } from '#machines/contract/job.ts';
import { openCable } from './cable.ts';
import { NEXT, talosWorld, told } from './talos-world.ts';

const SERVICE = '/machine.MachineService';
const RESET = `${SERVICE}/Reset`;
const REBOOT = `${SERVICE}/Reboot`;
const UPGRADE = '/machine.LifecycleService/Upgrade';

type Draft = Omit<Plan, 'id' | 'digest'>;

/** Held in a phase of a sequence until the test lets it go on. */
function held(sequence: string, phase: string) {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  return {
    reached: reached.promise,
    release: released.resolve,
    faults: {
      delays(one: string, at: string) {
        if (one !== sequence || at !== phase) return undefined;
        reached.resolve();
        return released.promise;
      },
    },
  };
}

describe('the system disk of a machine that runs Talos', () => {
  const OTHERS: readonly (readonly [string, Partial<PlannedDisk>])[] = [
    ['serial', { serial: 'S-OTHER' }],
    ['WWN', { wwn: 'naa.5000c500deadbeef' }],
    ['path', { name: 'sdz' }],
    ['size', { bytes: 1 }],
  ];
  const otherDisk =
    (change: Partial<PlannedDisk>, steps?: string[]) =>
    (plan: Draft): Draft => ({
      ...plan,
      steps: steps ?? plan.steps,
      disks: plan.disks.map((disk) => (disk.act === 'leave-alone' ? disk : { ...disk, ...change })),
    });

  it('must be the confirmed one, else nothing is told to it', async () => {
    await using world = await talosWorld({});
    world.rig.machines[0]?.powerOn();
    await world.installed([0]);
    const before = world.arrivals.count(REBOOT);
    for (const [what, change] of OTHERS) {
      for (const [kind, asked, steps] of [
        ['reset', { graceful: false }, undefined],
        ['reset', { graceful: false }, ['reset-talos']],
        ['upgrade', { to: NEXT }, undefined],
        ['upgrade', { to: NEXT }, ['upgrade-talos']],
        ['rollback', {}, undefined],
      ] as const) {
        const { id } = await world.submitUpkeep(kind, 0, asked, otherDisk(change, steps && [...steps]));
        const job = await world.over(id);
        assert.equal(job.state, 'failed', `${kind}: another ${what}: ${told(job)}`);
        const because = /its system is on sda \(serial .*\), want .*; nothing was (done|erased|written)$/;
        assert.match(job.result?.because ?? '', because, `${kind}: another ${what}`);
        const [, wanted = ''] = (job.result?.because ?? '').split(', want ');
        assert.ok(wanted.includes(String(Object.values(change)[0])), wanted);
      }
    }
    assert.equal(world.arrivals.count(RESET), 0);
    assert.equal(world.arrivals.count(UPGRADE), 0);
    assert.equal(world.arrivals.count(REBOOT), before);
    assert.equal(world.arrivals.count(`${SERVICE}/Rollback`), 0);
  });
});

describe('a reset in whose middle the network is cut', { concurrency: 3 }, () => {
  const begin = async (phase: string, times: { readonly settle?: number; readonly reset?: number } = {}) => {
    const hold = held('reset', phase);
    const cable = openCable(50_100);
    const world = await talosWorld({ cable, faults: hold.faults, times });
    world.rig.machines[0]?.powerOn();
    await world.installed([0]);
    const { id } = await world.submitUpkeep('reset', 0, { graceful: false });
    await hold.reached;
    return { world, cable, hold, id };
  };
  const isMember = async (world: Awaited<ReturnType<typeof talosWorld>>): Promise<boolean> =>
    (await world.secrets.etcdHolders('home')).length === 1;

  it('is not taken for an erasure while the machine is silent, erased or not', async () => {
    const { world, cable, hold, id } = await begin('umount', { settle: 400 });
    await using _closing = world;
    await cable.cut();
    const job = await world.over(id);
    assert.equal(job.state, 'failed', told(job));
    assert.match(job.result?.because ?? '', /has not said that it is erased: .* is not known$/);
    assert.match(job.result?.next ?? '', /ingot wipe/);
    assert.ok(await isMember(world), 'its etcd is not forgotten');
    // And indeed nothing is erased yet.
    await cable.mend();
    assert.equal(await world.runs(0), 2);
    hold.release();
  });

  it('is one that was not done where it answers as a member again', async () => {
    const { world, cable, hold, id } = await begin('umount', { reset: 5000 });
    await using _closing = world;
    await cable.cut();
    await world.when(id, ({ steps }) =>
      steps.some(({ name, state }) => name === 'await-erased' && state === 'running'),
    );
    await cable.mend();
    const job = await world.over(id);
    assert.match(job.result?.because ?? '', /still answers as a member of home$/, told(job));
    assert.ok(await isMember(world));
    hold.release();
  });

  it('is done where it had told that it stops everything, and its BMC reads that it is off', async () => {
    const { world, cable, hold, id } = await begin('forceCleanup');
    await using _closing = world;
    await world.when(id, ({ notes }) => notes['talos-reset-stopped'] !== undefined);
    await cable.cut();
    hold.release();
    const job = await world.over(id);
    assert.equal(job.state, 'done', told(job));
    assert.match(job.result?.because ?? '', /its BMC reads that it is off/);
    assert.ok(!(await isMember(world)));
    assert.equal(world.rig.machine(0).story.at(-1), 'disk shutdown');
  });
});

describe('a daemon that is killed', { concurrency: 3 }, () => {
  const stepText = (job: Job, name: string): string => job.steps.find((one) => one.name === name)?.text ?? '';

  it('as a machine gets its configuration, and as etcd is begun, does neither twice', async () => {
    await using world = await talosWorld({});
    world.rig.machines[0]?.powerOn();
    const { id } = await world.submitInstall(0);
    await world.killedAt(`${SERVICE}/ApplyConfiguration`);
    await world.killedAt(`${SERVICE}/Bootstrap`);
    const job = await world.over(id);
    assert.equal(job.state, 'done', told(job));
    assert.equal(world.arrivals.count(`${SERVICE}/ApplyConfiguration`), 1);
    assert.match(stepText(job, 'apply-config'), /has its configuration/);
    // Whether the first word had come through was for the second one to tell.
    assert.match(stepText(job, 'bootstrap-etcd'), /bootstrapped/);
    assert.deepEqual(await world.secrets.etcdHolders('home'), world.names);
    assert.deepEqual(world.rig.machine(0).story, ['network kexec']);
  });

  it('as a machine reboots into another release installs it once, and rolls back once', async () => {
    const faults = { isUnwell: (version: string) => version === NEXT };
    await using world = await talosWorld({ faults, times: { settle: 3000 } });
    world.rig.machines[0]?.powerOn();
    await world.installed([0]);
    const { id } = await world.submitUpkeep('upgrade', 0, { to: NEXT });
    await world.killedAt(REBOOT);
    await world.killedAt(`${SERVICE}/Rollback`);
    const job = await world.over(id);
    assert.match(job.result?.because ?? '', /rolled back to Talos v1\.13\.2, which runs and is ready/, told(job));
    assert.equal(world.arrivals.count(UPGRADE), 1);
    assert.equal(world.arrivals.count(REBOOT), 1);
    assert.equal(world.arrivals.count(`${SERVICE}/Rollback`), 1);
    assert.deepEqual(world.rig.machine(0).story, ['network kexec', 'disk kexec', 'disk kexec']);
  });

  it('in the middle of the installer begins it again: what is half written is not booted', async () => {
    await using world = await talosWorld({});
    world.rig.machines[0]?.powerOn();
    await world.installed([0]);
    const { id } = await world.submitUpkeep('upgrade', 0, { to: NEXT });
    await world.killedAt(UPGRADE);
    const job = await world.over(id);
    assert.equal(job.state, 'done', told(job));
    assert.equal(world.arrivals.count(UPGRADE), 2);
    assert.equal(world.arrivals.count(REBOOT), 1);
    assert.equal(await world.runs(0), 9);
  });

  it('as a rollback is asked for does not ask again, which would turn it back', async () => {
    await using world = await talosWorld({});
    world.rig.machines[0]?.powerOn();
    await world.installed([0]);
    const [upgraded] = await world.upkeep('upgrade', [0], { to: NEXT });
    assert.match(upgraded?.result?.because ?? '', /; home says v1\.13\.9 now$/);
    assert.equal(world.cluster().talos, NEXT);
    const { id } = await world.submitUpkeep('rollback', 0);
    await world.killedAt(`${SERVICE}/Rollback`);
    const job = await world.over(id);
    assert.equal(job.state, 'done', told(job));
    assert.equal(world.arrivals.count(`${SERVICE}/Rollback`), 1);
    assert.equal(await world.runs(0), 2);
    assert.equal(world.cluster().talos, NEXT, 'one that is rolled back is behind its cluster');
  });

  it('as a reset is asked for does not ask again, and knows by its key what became of it', async () => {
    await using world = await talosWorld({});
    world.rig.machines[0]?.powerOn();
    await world.installed([0]);
    const { id } = await world.submitUpkeep('reset', 0, { graceful: false, erase: 'configuration' });
    await world.killedAt(RESET);
    const job = await world.over(id);
    assert.equal(job.state, 'done', told(job));
    assert.match(job.result?.because ?? '', /shows a key that its cluster did not sign/);
    assert.equal(world.arrivals.count(RESET), 1);
  });

  it('in the middle of a reset hears its end from the events that are kept', async () => {
    const hold = held('reset', 'umount');
    await using world = await talosWorld({ faults: hold.faults });
    world.rig.machines[0]?.powerOn();
    await world.installed([0]);
    const { id } = await world.submitUpkeep('reset', 0, { graceful: false });
    await hold.reached;
    await world.when(id, ({ notes }) => notes['talos-reset-actor'] !== undefined);
    await world.killed();
    await world.when(id, ({ steps }) => steps.some(({ name, tries }) => name === 'reset-talos' && tries > 1));
    await world.arrivals.next(`${SERVICE}/Events`);
    hold.release();
    const job = await world.over(id);
    assert.equal(job.state, 'done', told(job));
    assert.match(job.result?.because ?? '', /it said that its reset is done/);
    assert.equal(world.arrivals.count(RESET), 1);
    assert.deepEqual(await world.secrets.etcdHolders('home'), []);
  });
});
