import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { Inventory } from '#machines/contract/inventory.ts';
import { need } from '#test/lab/need.ts';
import { blockStatistics } from '#test/lab/qmp.ts';
import { waitFor } from '#test/lab/wait.ts';
import { agentImage } from './agent-image.ts';
import { situation } from './boot-steps.ts';
import { BOOT_LIMIT_MS, BOOT_NEEDS, MAC, openBootWorld } from './boot-world.ts';
import { startNeighbourDhcpServer } from './foreign-boot-server.ts';

const NAME = `m-${MAC.replaceAll(':', '')}`;

test('beside another DHCP server, under UEFI: the token is pinned to the address that presents it', async (t: TestContext) => {
  const tools = need(t, [...BOOT_NEEDS, 'dnsmasq']);
  if (!tools) return;
  const image = await agentImage({ variant: 'vm' });
  await using world = await openBootWorld(tools, {
    mode: 'proxy',
    before: (lab) => startNeighbourDhcpServer(lab, tools),
    config: { interfaces: [{ name: 'br0', mode: 'proxy', discovery: 'agent' }] },
  });
  const { daemon, lab } = world;
  const folder = join(daemon.directory, 'data', 'agent', 'x86_64');
  mkdirSync(folder, { recursive: true });
  copyFileSync(image.vmlinuz, join(folder, 'vmlinuz'));
  copyFileSync(image.initrd, join(folder, 'initrd.zst'));
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(image.manifest));
  const disk = join(lab.folder, 'd0.raw');
  writeFileSync(disk, '');
  truncateSync(disk, 32 << 20);
  const monitor = join(lab.folder, 'qmp.sock');
  const guest = world.powerOn({
    firmware: 'uefi-pxe',
    extraArgs: [
      ...['-m', '1536', '-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n'],
      ...['-drive', `file=${disk},if=none,id=d0,format=raw`, '-device', 'virtio-blk-pci,drive=d0,serial=INGOT-U-1'],
      ...['-qmp', `unix:${monitor},server=on,wait=off`],
    ],
  });
  try {
    await waitFor(
      'the machine to be discovered',
      async () => {
        const found = await daemon.api<MachineResource>('GET', `/api/v1/machines/${NAME}`).catch(() => undefined);
        return found?.status.standing === 'discovered';
      },
      BOOT_LIMIT_MS,
    );
    const { items } = await daemon.api<{ items: readonly Inventory[] }>('GET', `/api/v1/machines/${NAME}/inventory`);
    assert.equal(items[0]?.firmware, 'uefi');
    assert.deepEqual(
      items[0].disks.map(({ serial }) => serial),
      ['INGOT-U-1'],
    );
    const events = await world.trace();
    assert.ok(events.some((event) => event.kind === 'boot-token' && event.act === 'taken'));
    const statistics = await blockStatistics(monitor);
    const { writes, discards } = statistics.find(({ id }) => id === 'd0') ?? assert.fail('no disk');
    assert.deepEqual([writes, discards], [0, 0]);
  } catch (cause) {
    throw new Error(`${await situation(world)}\n${guest.serial().slice(-3000)}`, { cause });
  }
});
