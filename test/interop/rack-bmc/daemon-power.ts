import assert from 'node:assert/strict';
import { type PowerOperation, powerOperation } from '#machines/contract/api/bmc-resource.ts';
import { assertHealthyBoot, situation } from '#test/e2e/boot-steps.ts';
import { BOOT_LIMIT_MS, BOOT_NEEDS, LINE_LIMIT_MS, MAC, machineDocument, openBootWorld } from '#test/e2e/boot-world.ts';
import type { Daemon } from '#test/harness/daemon.ts';
import { startQemuBmc } from '#test/harness/qemu-bmc.ts';
import { makeDisk } from '#test/lab/disk.ts';
import { HARDWARE, USER } from '#test/machines/rack/bmc/rig.ts';

const NAME = 'r1-u1';

async function power(daemon: Daemon, order: object): Promise<PowerOperation> {
  let operation = powerOperation.parse(await daemon.api('POST', `/api/v1/machines/${NAME}/power`, order));
  while (operation.state === 'running') {
    const next = `/api/v1/power-operations/${operation.id}?seen=${operation.seq}`;
    operation = powerOperation.parse(await daemon.api('GET', next));
  }
  assert.equal(operation.state, 'done', JSON.stringify(operation));
  return operation;
}

export const POWER_NEEDS = BOOT_NEEDS;
type Tools = Readonly<Record<(typeof BOOT_NEEDS)[number], string>>;

/** By IPMI one with a BIOS, by Redfish one with UEFI: turned on, booted from us once, and from its own disk after that. */
export async function powersMachine(tools: Tools, type: 'ipmi' | 'redfish'): Promise<void> {
  const firmware = type === 'ipmi' ? 'bios-pxe' : 'uefi-pxe';
  const mode = type === 'ipmi' ? 'bios' : 'uefi';
  await using world = await openBootWorld(tools, { mode: 'server' });
  const { daemon, lab } = world;
  const disk = makeDisk(lab.folder, mode, 'I am the own disk');
  await using bmc = await startQemuBmc(lab, {
    machine: { tools, firmware, order: 'disk', mac: MAC, uuid: HARDWARE.uuid, disk },
    hardware: { ...HARDWARE, firmware: mode },
    credential: USER,
  });
  await daemon.api('PUT', '/api/v1/bmc-credentials/lab', USER);
  const document = machineDocument({
    profile: 'live',
    uuid: HARDWARE.uuid,
    bmc: { type, address: bmc[type], credential: 'lab' },
  });
  await daemon.apply([document]);
  try {
    const on = await power(daemon, { action: 'on', boot: { device: 'network', mode } });
    assert.deepEqual([on.power, on.confirmed], ['on', true]);
    await bmc.waitForSerial(/^INGOT-GUEST-ADDRESS ip=\S+/m, BOOT_LIMIT_MS);
    await assertHealthyBoot(world, firmware);
    // The guest turns itself off, and its one boot from the network is over.
    await bmc.waitForPowerOff(LINE_LIMIT_MS);
    await power(daemon, { action: 'on' });
    await bmc.waitForSerial(/^I am the own disk$/m, BOOT_LIMIT_MS);
    assert.deepEqual(bmc.boots(), [`${firmware} network`, `${firmware} disk`]);
    assert.equal((await power(daemon, { action: 'force-off' })).power, 'off');
    await bmc.waitForPowerOff(LINE_LIMIT_MS);
  } catch (cause) {
    throw new Error(`${await situation(world)}\n${bmc.serial().slice(-2000)}`, { cause });
  }
}
