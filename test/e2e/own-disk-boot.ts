import assert from 'node:assert/strict';
import type { Need } from '#test/lab/need.ts';
import { bootsOwnDisk, bootToUserSpace, grantBoot, situation } from './boot-steps.ts';
import { BOOT_NEEDS, LINE_LIMIT_MS, MAC, machineDocument, openBootWorld } from './boot-world.ts';
import { startNeighbourDhcpServer } from './foreign-boot-server.ts';

export const OWN_DISK_NEEDS = [...BOOT_NEEDS, 'dnsmasq'] as const satisfies readonly Need[];
type Tools = Readonly<Record<(typeof OWN_DISK_NEEDS)[number], string>>;
type PxeFirmware = 'bios-pxe' | 'uefi-pxe';

/** A machine in service that we know nothing of is offered no boot file, over no protocol, and starts as ever. */
export async function strangerBootsOwnDisk(
  tools: Tools,
  mode: 'server' | 'proxy',
  firmware: PxeFirmware,
): Promise<void> {
  const foreign = {
    before: (lab: Parameters<typeof startNeighbourDhcpServer>[0]) => startNeighbourDhcpServer(lab, tools),
  };
  await using world = await openBootWorld(tools, { mode, ...(mode === 'proxy' ? foreign : {}) });
  const events = await bootsOwnDisk(world, firmware);
  const offered = events.filter((event) => event.kind === 'dhcp-answered' && event.bootFile !== undefined);
  assert.deepEqual(offered, []);
  assert.ok(!events.some(({ kind }) => kind.startsWith('http-')), await situation(world));
  const [attempt] = await world.daemon.attempts({ mac: MAC });
  assert.ok(attempt && ['not-accepted', 'in-progress'].includes(attempt.verdict.code), await situation(world));
}

/** A grant is for one boot: at the next start the machine goes to its own disk, and nothing is installed twice. */
export async function grantBootsOnce(tools: Tools, firmware: PxeFirmware): Promise<void> {
  await using world = await openBootWorld(tools, { mode: 'server' });
  await world.daemon.apply([machineDocument()]);
  await grantBoot(world, 'r1-u1', 'once');
  await bootToUserSpace(world, firmware, { profile: 'once' });
  await world.verdicts.until(MAC, 'booted', LINE_LIMIT_MS);
  const spent = (await world.trace()).filter(({ kind }) => kind === 'grant-spent');
  assert.equal(spent.length, 1, await situation(world));
  await bootsOwnDisk(world, firmware);
  assert.equal((await world.daemon.attempts({ mac: MAC })).length, 2, await situation(world));
}
