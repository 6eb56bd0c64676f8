import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Inventory } from '#machines/contract/inventory.ts';
import { isOver, type Job } from '#machines/contract/job.ts';
import { agentImage } from '#test/e2e/agent-image.ts';
import { situation } from '#test/e2e/boot-steps.ts';
import { BOOT_LIMIT_MS, BOOT_NEEDS, MAC, machineDocument, openBootWorld } from '#test/e2e/boot-world.ts';
import { startQemuBmc } from '#test/harness/qemu-bmc.ts';
import { waitFor } from '#test/lab/wait.ts';
import { HARDWARE, USER } from '#test/machines/rack/bmc/rig.ts';

export const INSPECT_NEEDS = BOOT_NEEDS;
type Tools = Readonly<Record<(typeof BOOT_NEEDS)[number], string>>;

const NAME = 'r1-u1';
const DISKS = [
  { id: 'd0', serial: 'INGOT-VIRTIO-1', megabytes: 24, device: 'virtio-blk-pci,drive=d0,serial=INGOT-VIRTIO-1' },
  { id: 'd1', serial: 'INGOT-SCSI-2', megabytes: 40, device: 'scsi-hd,drive=d1,serial=INGOT-SCSI-2' },
] as const;

/**
 * A machine that is off, known by its document alone: an inspection turns it on by its BMC, it netboots from us into the
 * agent, and what the store then says of it is what QEMU was told.
 */
export async function inspectsByBmc(tools: Tools, type: 'ipmi' | 'redfish'): Promise<void> {
  const firmware = type === 'ipmi' ? 'bios' : 'uefi';
  const image = await agentImage({ variant: 'vm' });
  await using world = await openBootWorld(tools, { mode: 'server' });
  const { daemon, lab } = world;
  const folder = join(daemon.directory, 'data', 'agent', 'x86_64');
  mkdirSync(folder, { recursive: true });
  copyFileSync(image.vmlinuz, join(folder, 'vmlinuz'));
  copyFileSync(image.initrd, join(folder, 'initrd.zst'));
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(image.manifest));
  for (const { id, megabytes } of DISKS) {
    writeFileSync(join(lab.folder, `${id}.raw`), '');
    truncateSync(join(lab.folder, `${id}.raw`), megabytes << 20);
  }
  await using bmc = await startQemuBmc(lab, {
    machine: {
      tools,
      firmware: firmware === 'bios' ? 'bios-pxe' : 'uefi-pxe',
      ignoresMode: true,
      order: 'disk',
      mac: MAC,
      uuid: HARDWARE.uuid,
      memoryMb: 1536,
      extraArgs: [
        ...['-smp', '2,sockets=2,cores=1'],
        ...['-smbios', 'type=1,manufacturer=Ingot Lab,product=Machine 5,serial=SN0001'],
        ...['-device', 'virtio-scsi-pci'],
        ...DISKS.flatMap(({ id, device }) => [
          ...['-drive', `file=${join(lab.folder, `${id}.raw`)},if=none,id=${id},format=raw`],
          ...['-device', device],
        ]),
      ],
    },
    hardware: { ...HARDWARE, firmware },
    credential: USER,
  });
  await daemon.api('PUT', '/api/v1/bmc-credentials/lab', USER);
  const document = machineDocument({
    uuid: HARDWARE.uuid,
    bmc: { type, address: bmc[type], credential: 'lab' },
  });
  await daemon.apply([document]);
  try {
    const { items: jobs } = await daemon.api<{ items: readonly Job[] }>('POST', '/api/v1/jobs', {
      jobs: [{ kind: 'inspect', machine: NAME }],
    });
    const job = await waitFor(
      'the end of the inspection',
      async () => {
        const one = await daemon.api<Job>('GET', `/api/v1/jobs/${jobs[0]?.id}`);
        return isOver(one.state) && one;
      },
      BOOT_LIMIT_MS,
    );
    assert.equal(job.state, 'done', JSON.stringify(job));
    assert.deepEqual(bmc.boots(), [firmware === 'bios' ? 'bios-pxe network' : 'uefi-pxe network']);
    const { items } = await daemon.api<{ items: readonly Inventory[] }>('GET', `/api/v1/machines/${NAME}/inventory`);
    const inventory = items.find(({ source }) => source === 'agent') ?? assert.fail('the agent told nothing');
    assert.equal(inventory.firmware, firmware);
    assert.equal(inventory.system.uuid?.toLowerCase(), HARDWARE.uuid);
    assert.deepEqual(
      [inventory.system.manufacturer, inventory.system.product, inventory.system.serial],
      ['Ingot Lab', 'Machine 5', 'SN0001'],
    );
    assert.equal(inventory.processors.length, 2);
    assert.deepEqual(
      inventory.nics.map(({ mac }) => mac),
      [MAC],
    );
    assert.deepEqual(
      inventory.disks.map(({ serial, bytes }) => `${serial} ${bytes}`).toSorted(),
      DISKS.map(({ serial, megabytes }) => `${serial} ${megabytes << 20}`).toSorted(),
    );
  } catch (cause) {
    const said = daemon.hasEnded() ? `the daemon ended:\n${daemon.output().slice(-4000)}` : await situation(world);
    throw new Error(`${said}\n${bmc.serial().slice(-3000)}`, { cause });
  }
}
