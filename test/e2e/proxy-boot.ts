import assert from 'node:assert/strict';
import type { TraceEvent } from '#machines/contract/trace.ts';
import type { Firmware } from '#test/lab/guest.ts';
import type { Need } from '#test/lab/need.ts';
import { assertBooted, assertHealthyBoot, bootToUserSpace, type Loss, situation } from './boot-steps.ts';
import { BOOT_NEEDS, machineDocument, openBootWorld } from './boot-world.ts';
import { OTHER_MACHINE, startNeighbourDhcpServer } from './foreign-boot-server.ts';

export const PROXY_NEEDS = [...BOOT_NEEDS, 'dnsmasq'] as const satisfies readonly Need[];

/**
 * Boots a machine beside dnsmasq, which leases and names no boot file: every address is dnsmasq's, all files are ours.
 * Gives its trace.
 */
export async function proxyBoots(
  tools: Parameters<typeof openBootWorld>[0] & { readonly dnsmasq: string },
  firmware: Firmware,
  { loss, labels = {} }: { readonly loss?: Loss; readonly labels?: Readonly<Record<string, string>> } = {},
): Promise<readonly TraceEvent[]> {
  await using world = await openBootWorld(tools, {
    mode: 'proxy',
    before: (lab) => startNeighbourDhcpServer(lab, tools),
  });
  await world.daemon.apply([machineDocument({ profile: 'live', labels })]);
  const address = await bootToUserSpace(world, firmware, { loss });
  assert.match(address, /^192\.168\.77\.1\d\d$/);
  await (loss ? assertBooted(world) : assertHealthyBoot(world, firmware, OTHER_MACHINE));
  const events = await world.trace();
  const answers = events.flatMap((event) => (event.kind === 'dhcp-answered' ? [event] : []));
  assert.ok(answers.length > 0, await situation(world));
  for (const answer of answers) {
    assert.ok(answer.proxy && answer.yiaddr === undefined && answer.bootFile !== undefined, await situation(world));
  }
  return events;
}
