import type { AgentOrders } from '#machines/contract/agent.ts';
import type { Job } from '#machines/contract/job.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import { DIFFERENCE_FACT } from '#machines/decide/inspection.ts';

/** Reading all the hardware of a large server takes so long at most. */
const INVENTORY_MS = 3 * 60_000;

/**
 * What a machine's agent is told at its heartbeat. It waits until a person, or a class, accepts the machine; it reboots
 * only when there is something else for the machine to boot from the network, which is what an operator asked for.
 */
export function ordersFor(known: {
  readonly machine: Machine;
  /** What it would boot now, in a boot after this one. */
  readonly next: BootPlan;
  readonly jobs: readonly Job[];
  /** Its inventory of this boot has come. */
  readonly hasInventory: boolean;
  /** Since this session was first heard of. */
  readonly ageMs: number;
}): AgentOrders {
  const { machine, next, jobs, hasInventory, ageMs } = known;
  const { name } = machine.document;
  const [job] = jobs;
  const order = hasInventory || ageMs < INVENTORY_MS ? 'wait' : 'inventory';
  if (job) return { notice: `job ${job.kind}: ingot job show ${job.id}`, order };
  if (machine.acceptance === 'rejected') return { notice: `${name} was rejected: nothing is done with it`, order };
  const difference = Object.hasOwn(machine.facts, DIFFERENCE_FACT) ? machine.facts[DIFFERENCE_FACT]?.value : undefined;
  if (typeof difference === 'string') return { notice: oneLine(`look at ${name}: ${difference}`), order };
  if (machine.acceptance === 'seen') {
    return { notice: `waiting to be accepted: ingot machine accept ${name}`, order };
  }
  if (hasInventory && next.kind === 'netboot' && next.profile.os !== 'agent') {
    return { notice: `restarts to boot profile ${next.profile.name}`, order: 'reboot' };
  }
  return { notice: `${name} is ready, and nothing is asked of it: ingot boot, install or reboot ${name}`, order };
}

const oneLine = (text: string): string => text.replace(/\p{Cc}/gu, ' ').slice(0, 1024);
