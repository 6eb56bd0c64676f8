import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { Inventory } from '#machines/contract/inventory.ts';
import { isOver, type Job } from '#machines/contract/job.ts';
import { need } from '#test/lab/need.ts';
import { blockStatistics } from '#test/lab/qmp.ts';
import { waitFor } from '#test/lab/wait.ts';
import { agentImage } from './agent-image.ts';
import { grantBoot, situation } from './boot-steps.ts';
import { BOOT_LIMIT_MS, BOOT_NEEDS, LINE_LIMIT_MS, MAC, openBootWorld } from './boot-world.ts';

const SECOND_MAC = '52:54:00:00:00:02';
const UUID = '00112233-4455-6677-8899-aabbccddee42';
const NAME = `m-${MAC.replaceAll(':', '')}`;
const MEMORY_MB = 1024;
const DISKS = [
  { id: 'd0', serial: 'INGOT-VIRTIO-1', megabytes: 24, device: 'virtio-blk-pci,drive=d0,serial=INGOT-VIRTIO-1' },
  { id: 'd1', serial: 'INGOT-SCSI-2', megabytes: 40, device: 'scsi-hd,drive=d1,serial=INGOT-SCSI-2' },
] as const;

/**
 * A machine that nobody knows, under real firmware: it netboots from us into the agent, which tells what QEMU was told,
 * and its disks are as they were, by their bytes and by QEMU's count of writes.
 */
test('an unknown machine is discovered, accepted and ready, and nothing is written to its disks', async (t: TestContext) => {
  const tools = need(t, BOOT_NEEDS);
  if (!tools) return;
  const image = await agentImage({ variant: 'vm' });
  await using world = await openBootWorld(tools, {
    mode: 'server',
    config: {
      interfaces: [{ name: 'br0', mode: 'server', discovery: 'agent' }],
    },
  });
  const { daemon, lab } = world;
  const folder = join(daemon.directory, 'data', 'agent', 'x86_64');
  mkdirSync(folder, { recursive: true });
  copyFileSync(image.vmlinuz, join(folder, 'vmlinuz'));
  copyFileSync(image.initrd, join(folder, 'initrd.zst'));
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(image.manifest));

  const monitor = join(lab.folder, 'qmp.sock');
  const before = new Map<string, string>();
  for (const { id, megabytes } of DISKS) {
    const bytes = randomBytes(megabytes << 20);
    // A page of swap space, version 2: what would make a careless program write.
    bytes.fill(0, 0, 4096);
    bytes.write('SWAPSPACE2', 4096 - 10);
    bytes.writeUInt32LE(1, 1024);
    bytes.writeUInt32LE((megabytes << 20) / 4096 - 1, 1028);
    writeFileSync(join(lab.folder, `${id}.raw`), bytes);
    before.set(id, hashOf(join(lab.folder, `${id}.raw`)));
  }
  const begun = performance.now();
  const guest = world.powerOn({
    firmware: 'bios-pxe',
    extraArgs: [
      ...['-m', String(MEMORY_MB), '-smp', '2,sockets=2,cores=1', '-uuid', UUID],
      ...['-smbios', 'type=1,manufacturer=Ingot Lab,product=Machine 5,serial=SN-42'],
      ...['-device', 'virtio-scsi-pci'],
      ...DISKS.flatMap(({ id, device }) => [
        ...['-drive', `file=${join(lab.folder, `${id}.raw`)},if=none,id=${id},format=raw`],
        ...['-device', device],
      ]),
      ...['-netdev', 'user,id=n1,restrict=on', '-device', `virtio-net-pci,netdev=n1,mac=${SECOND_MAC},romfile=`],
      ...['-qmp', `unix:${monitor},server=on,wait=off`],
    ],
  });
  try {
    const machine = await waitFor(
      'the machine to be discovered',
      async () => {
        if (/ingot: (?:REFUSED|FAILED)/.test(guest.serial())) throw new Error(guest.serial().slice(-3000));
        const found = await daemon.api<MachineResource>('GET', `/api/v1/machines/${NAME}`).catch(() => undefined);
        return found?.status.standing === 'discovered' && found;
      },
      BOOT_LIMIT_MS,
    );
    t.diagnostic(`power-on to the inventory: ${((performance.now() - begun) / 1000).toFixed(1)} s under emulation`);

    const { items } = await daemon.api<{ items: readonly Inventory[] }>('GET', `/api/v1/machines/${NAME}/inventory`);
    const [inventory] = items;
    assert.ok(inventory);
    t.diagnostic(`gaps: ${inventory.gaps.join('; ') || 'none'}`);
    assert.equal(inventory.source, 'agent');
    assert.equal(inventory.system.uuid?.toLowerCase(), UUID);
    assert.equal(inventory.system.manufacturer, 'Ingot Lab');
    assert.equal(inventory.system.product, 'Machine 5');
    assert.equal(inventory.system.serial, 'SN-42');
    assert.equal(inventory.firmware, 'bios');
    assert.equal(inventory.processors.length, 2);
    assert.ok(Math.abs((inventory.memory?.totalBytes ?? 0) - MEMORY_MB * 2 ** 20) < 64 * 2 ** 20);
    assert.deepEqual(
      unordered(inventory.disks.map(({ serial, bytes }) => [serial, bytes])),
      unordered(DISKS.map(({ serial, megabytes }) => [serial, megabytes << 20])),
    );
    for (const { signatures } of inventory.disks) assert.deepEqual(signatures, ['swap']);
    assert.deepEqual(
      unordered(inventory.nics.map(({ mac, booted }) => [mac, booted === true])),
      unordered([
        [MAC, true],
        [SECOND_MAC, false],
      ]),
    );
    assert.equal(machine.status.facts['disk.count']?.value, 2);
    assert.equal(machine.status.facts['inventory.conflict'], undefined);

    // It waits, is accepted, and is ready.
    await guest.waitForSerial(/waiting to be accepted: ingot machine accept m-525400000001/, LINE_LIMIT_MS);
    await daemon.api('POST', `/api/v1/machines/${NAME}/actions/accept`);
    await guest.waitForSerial(/m-525400000001 is ready/, LINE_LIMIT_MS);
    const ready = await daemon.api<MachineResource>('GET', `/api/v1/machines/${NAME}`);
    assert.equal(ready.status.standing, 'ready');

    // Looked at again, now by a job over the machine API, with certificates of the daemon's own CA.
    const jobs = await daemon.api<{ items: readonly Job[] }>('POST', '/api/v1/jobs', {
      jobs: [{ kind: 'inspect', machine: NAME }],
    });
    const job = await waitFor(
      'the end of the inspection',
      async () => {
        const one = await daemon.api<Job>('GET', `/api/v1/jobs/${jobs.items[0]?.id}`);
        return isOver(one.state) && one;
      },
      LINE_LIMIT_MS,
    );
    assert.equal(job.state, 'done', job.result?.because);

    // Its log from the first second on, and what it reported, are in the trace of this boot; its token is not.
    const events = await world.trace();
    const logs = events.flatMap((event) => (event.kind === 'log' ? [event] : []));
    assert.ok(logs.some(({ source, text }) => source === 'kernel' && text.startsWith('[0.000] Linux version')));
    assert.ok(logs.some(({ source, text }) => source === 'agent' && /Ingot agent/.test(text)));
    assert.ok(events.some(({ kind }) => kind === 'boot-token'));
    assert.doesNotMatch(JSON.stringify(events), /ingot_[A-Za-z0-9_-]{20}/);
    assert.doesNotMatch(guest.serial(), /ingot_[A-Za-z0-9_-]{20}/);
    assert.equal((await world.verdicts.until(MAC, 'booted', LINE_LIMIT_MS)).stage, 'running');

    const statistics = await blockStatistics(monitor);
    for (const { id } of DISKS) {
      const disk = statistics.find((one) => one.id === id);
      assert.ok(disk && disk.reads > 0, `${id} was read`);
      assert.deepEqual([disk.writes, disk.writtenBytes, disk.discards], [0, 0, 0], `${id} was not written`);
    }
    // Granted something else to boot, the agent makes way for it.
    await grantBoot(world, NAME, 'once');
    await guest.waitForPowerOff(LINE_LIMIT_MS);
    for (const { id } of DISKS) assert.equal(hashOf(join(lab.folder, `${id}.raw`)), before.get(id), id);
  } catch (cause) {
    throw new Error(`${await situation(world)}\n${guest.serial().slice(-3000)}`, { cause });
  }
});

/** In any order. */
const unordered = (all: readonly unknown[]): readonly string[] =>
  all.map((one) => JSON.stringify(one)).toSorted((a, b) => a.localeCompare(b));

const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
