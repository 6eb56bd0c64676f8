import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import { isOver, type Job, type JobKind, type WipeMethod } from '#machines/contract/job.ts';
import { isPlanned } from '#machines/decide/jobs/make-plan.ts';
import { DEBIAN_DISK_NEEDS, debianDisk } from '#test/lab/debian-disk.ts';
import type { Guest } from '#test/lab/guest.ts';
import type { Need } from '#test/lab/need.ts';
import { waitFor } from '#test/lab/wait.ts';
import { agentImage } from './agent-image.ts';
import { BOOT_NEEDS, type BootWorld, machineDocument, openBootWorld } from './boot-world.ts';

export const INSTALL_NEEDS = [...BOOT_NEEDS, ...DEBIAN_DISK_NEEDS] as const satisfies readonly Need[];
type Tools = Readonly<Record<(typeof INSTALL_NEEDS)[number], string>>;

const JOB_LIMIT_MS = 400_000;
export const DISK_BYTES = 96 << 20;
export const OTHER_BYTES = 16 << 20;
export const SERIAL = 'INGOT-DISK-1';
/** What the installed system says on its console. */
export const INSTALLED = /INGOT-GUEST-UP .*installed\.by=ingot/;

export type InstallWorld = AsyncDisposable & {
  readonly boot: BootWorld;
  /** The disk to install on, to be read from outside. */
  readonly disk: string;
  /** What `others` asked for: an NVMe and a SCSI disk, blank. */
  readonly others: readonly { readonly serial: string; readonly path: string }[];
  /**
   * Its switch. QEMU ends where a machine would restart. OVMF without stored boot entries spends minutes on every way of
   * its network, so it is told where to begin; that a machine without a grant comes to its disk all the same is seen in
   * own-disk.test.ts. `writesPerSecond`: bytes, so that there is a middle of each write to be hit.
   */
  powerOn(first: 'network' | 'disk', disk?: { readonly writesPerSecond: number }): Guest;
  /** Begins a job as an operator does, its plan confirmed where it has one. */
  begin(kind: JobKind, method?: WipeMethod): Promise<string>;
  job(id: string): Promise<Job>;
  when(id: string, what: string, wanted: (job: Job) => boolean): Promise<Job>;
  ended(id: string): Promise<Job>;
};

/** A daemon with the agent's image and a disk image of Debian's kernel, and one machine under UEFI with an empty disk. */
export async function openInstallWorld(
  tools: Tools,
  { others: hasOthers = false }: { readonly others?: boolean } = {},
): Promise<InstallWorld> {
  const image = await agentImage({ variant: 'vm' });
  await using stack = new AsyncDisposableStack();
  const boot = stack.use(await openBootWorld(tools, { mode: 'server' }));
  const agent = join(boot.daemon.directory, 'data', 'agent', 'x86_64');
  mkdirSync(agent, { recursive: true });
  copyFileSync(image.vmlinuz, join(agent, 'vmlinuz'));
  copyFileSync(image.initrd, join(agent, 'initrd.zst'));
  copyFileSync(join(image.initrd, '..', 'manifest.json'), join(agent, 'manifest.json'));
  await boot.daemon.apply([
    {
      kind: 'Image',
      name: 'debian',
      arch: 'x86_64',
      assets: [{ role: 'disk', path: debianDisk(tools, ['console=ttyS0', 'quiet', 'installed.by=ingot']) }],
    },
    { kind: 'Profile', name: 'debian', os: 'image', image: 'debian' },
    machineDocument({ profile: 'debian', disks: { install: { serial: SERIAL } } }),
  ]);
  const blank = (name: string, bytes: number): string => {
    const path = join(boot.lab.folder, name);
    writeFileSync(path, '');
    truncateSync(path, bytes);
    return path;
  };
  const disk = blank('disk.raw', DISK_BYTES);
  const others = hasOthers
    ? (['NVME', 'SCSI'] as const).map((kind) => ({
        serial: `INGOT-${kind}-1`,
        path: blank(`${kind}.raw`, OTHER_BYTES),
      }))
    : [];
  const job = (id: string): Promise<Job> => boot.daemon.api<Job>('GET', `/api/v1/jobs/${id}`);
  const when: InstallWorld['when'] = (id, what, wanted) =>
    waitFor(
      `${what} of job ${id}`,
      async () => {
        // The daemon may be away, on purpose.
        const now = await job(id).catch(() => undefined);
        return now !== undefined && wanted(now) && now;
      },
      JOB_LIMIT_MS,
    );
  const owned = stack.move();
  return {
    boot,
    disk,
    powerOn: (first, slow) =>
      boot.powerOn({
        firmware: 'uefi-pxe',
        extraArgs: [
          ...['-m', '2048', '-uuid', '00112233-4455-6677-8899-aabbccddee01', '-smbios', 'type=1,serial=SN-1'],
          ...[
            '-drive',
            `file=${disk},if=none,id=d0,format=raw,discard=unmap${slow ? `,throttling.bps-write=${slow.writesPerSecond}` : ''}`,
          ],
          ...['-device', `virtio-blk-pci,drive=d0,serial=${SERIAL},bootindex=${first === 'disk' ? 0 : 2}`],
          ...(hasOthers ? ['-device', 'virtio-scsi-pci,id=hba'] : []),
          ...others.flatMap(({ serial, path }, index) => [
            ...['-drive', `file=${path},if=none,id=o${index},format=raw,discard=unmap`],
            ...['-device', `${index === 0 ? 'nvme' : 'scsi-hd,bus=hba.0'},drive=o${index},serial=${serial}`],
          ]),
          ...['-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n'],
        ],
      }),
    others,
    async begin(kind, method) {
      const machine = 'r1-u1';
      const wanted = isPlanned(kind) ? await planned(boot, kind, machine, method) : { kind, machine };
      const { items } = await boot.daemon.api<{ readonly items: readonly Job[] }>('POST', '/api/v1/jobs', {
        jobs: [wanted],
      });
      return items[0]?.id ?? assert.fail('no job was begun');
    },
    job,
    when,
    ended: (id) => when(id, 'the end', ({ state }) => isOver(state)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function planned({ daemon }: BootWorld, kind: JobKind, machine: string, method?: WipeMethod) {
  const how = method === undefined ? {} : { method };
  const ask = () => daemon.api<PlanAnswer>('POST', '/api/v1/plans', { kind, machines: [machine], ...how });
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
