import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import { signedCertificate } from '#machines/contract/certificate.ts';
import { isOver, type Job, type JobKind } from '#machines/contract/job.ts';
import { verifyCertificate } from '#services/certificates/sign.ts';
import { DEBIAN_DISK_NEEDS, debianDisk } from '#test/lab/debian-disk.ts';
import type { Guest } from '#test/lab/guest.ts';
import { need } from '#test/lab/need.ts';
import { waitFor } from '#test/lab/wait.ts';
import { agentImage } from './agent-image.ts';
import { situation } from './boot-steps.ts';
import { BOOT_LIMIT_MS, BOOT_NEEDS, type BootWorld, machineDocument, openBootWorld } from './boot-world.ts';

const JOB_LIMIT_MS = 400_000;
const DISK_BYTES = 96 << 20;
const SERIAL = 'INGOT-DISK-1';

/**
 * The whole life of a machine under real firmware: looked at, installed from an image by the agent, started from its own
 * disk, erased with a certificate, found blank from outside, installed again. Its switch is a person's: the test's.
 */
test('a machine is inspected, installed, boots its disk, is erased, and is installed again', async (t: TestContext) => {
  const tools = need(t, [...new Set([...BOOT_NEEDS, ...DEBIAN_DISK_NEEDS])]);
  if (!tools) return;
  const image = await agentImage({ variant: 'vm' });
  await using world = await openBootWorld(tools, { mode: 'server' });
  const { daemon, lab } = world;
  placeAgent(join(daemon.directory, 'data', 'agent', 'x86_64'), image);
  await daemon.apply([
    {
      kind: 'Image',
      name: 'debian',
      arch: 'x86_64',
      assets: [{ role: 'disk', path: debianDisk(tools, ['console=ttyS0', 'quiet', 'installed.by=ingot']) }],
    },
    { kind: 'Profile', name: 'debian', os: 'image', image: 'debian' },
    machineDocument({ profile: 'debian', disks: { install: { serial: SERIAL } } }),
  ]);
  const disk = join(lab.folder, 'disk.raw');
  writeFileSync(disk, '');
  truncateSync(disk, DISK_BYTES);
  // OVMF without stored boot entries spends minutes on every way of its network; that a machine without a grant comes to
  // its disk all the same is seen in own-disk.test.ts.
  const powerOn = (first: 'network' | 'disk' = 'network'): Guest =>
    world.powerOn({
      firmware: 'uefi-pxe',
      extraArgs: [
        ...['-m', '2048', '-uuid', '00112233-4455-6677-8899-aabbccddee01', '-smbios', 'type=1,serial=SN-1'],
        ...['-drive', `file=${disk},if=none,id=d0,format=raw`],
        ...['-device', `virtio-blk-pci,drive=d0,serial=${SERIAL},bootindex=${first === 'disk' ? 0 : 2}`],
        ...['-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n'],
      ],
    });
  try {
    const inspect = await begin(world, 'inspect');
    let guest = powerOn();
    assert.equal((await ended(world, inspect)).state, 'done');

    const install = await begin(world, 'install');
    const installed = await ended(world, install);
    assert.equal(installed.state, 'done', installed.result?.because);
    // QEMU ends where a machine would restart.
    await guest.waitForPowerOff(BOOT_LIMIT_MS);

    guest = powerOn('disk');
    await guest.waitForSerial(/INGOT-GUEST-UP .*installed\.by=ingot/, BOOT_LIMIT_MS);
    await guest.waitForPowerOff(BOOT_LIMIT_MS);

    const wipe = await begin(world, 'wipe');
    guest = powerOn();
    const wiped = await ended(world, wipe);
    assert.equal(wiped.state, 'done', wiped.result?.because);
    const signed = signedCertificate.parse(await daemon.api('GET', `/api/v1/jobs/${wipe}/certificate`));
    assert.equal(verifyCertificate(signed).kind, 'signed');
    assert.deepEqual(
      signed.certificate.erased.map((one) => [one.serial, one.bytes]),
      [[SERIAL, DISK_BYTES]],
    );
    assert.ok(
      readFileSync(disk).every((byte) => byte === 0),
      'the disk is blank, seen from outside',
    );

    const again = await begin(world, 'install');
    assert.equal((await ended(world, again)).state, 'done');
    await guest.waitForPowerOff(BOOT_LIMIT_MS);
    guest = powerOn('disk');
    await guest.waitForSerial(/INGOT-GUEST-UP .*installed\.by=ingot/, BOOT_LIMIT_MS);
  } catch (cause) {
    throw new Error(await situation(world), { cause });
  }
});

function placeAgent(folder: string, image: Awaited<ReturnType<typeof agentImage>>): void {
  mkdirSync(folder, { recursive: true });
  copyFileSync(image.vmlinuz, join(folder, 'vmlinuz'));
  copyFileSync(image.initrd, join(folder, 'initrd.zst'));
  copyFileSync(join(image.initrd, '..', 'manifest.json'), join(folder, 'manifest.json'));
}

/** Begins a job as an operator does, its plan confirmed where it has one. */
async function begin({ daemon }: BootWorld, kind: JobKind): Promise<string> {
  const machine = 'r1-u1';
  const job = kind === 'inspect' ? { kind, machine } : await planned(daemon, kind, machine);
  const { items } = await daemon.api<{ readonly items: readonly Job[] }>('POST', '/api/v1/jobs', { jobs: [job] });
  return items[0]?.id ?? assert.fail('no job was begun');
}

async function planned(daemon: BootWorld['daemon'], kind: JobKind, machine: string) {
  const ask = () => daemon.api<PlanAnswer>('POST', '/api/v1/plans', { kind, machines: [machine] });
  // An image is read once before it can be planned with.
  const { items } = await waitFor('the plan', () => ask().catch(() => undefined), 60_000);
  const [plan] = items;
  assert.ok(plan);
  assert.deepEqual(plan.refusals, []);
  return {
    kind,
    machine,
    plan: { id: plan.id, digest: plan.digest },
    acknowledge: plan.acknowledge.map(({ say }) => say),
  };
}

const ended = ({ daemon }: BootWorld, id: string): Promise<Job> =>
  waitFor(
    `the end of job ${id}`,
    async () => {
      const job = await daemon.api<Job>('GET', `/api/v1/jobs/${id}`);
      return isOver(job.state) && job;
    },
    JOB_LIMIT_MS,
  );
