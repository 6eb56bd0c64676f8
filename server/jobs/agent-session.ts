import { setTimeout as sleep } from 'node:timers/promises';
import { inventory as inventorySchema, type Inventory, type InventoryDisk } from '#machines/contract/inventory.ts';
import type { Job, Plan, PlannedDisk } from '#machines/contract/job.ts';
import { matchDisks, proveMachine } from '#machines/decide/jobs/prove-machine.ts';
import type { StepContext } from '#services/jobs/contract.ts';
import type { MachineApiClient } from '#services/machine-api/client.ts';
import type { AgentBoots, Agents, JobPower, LiveAgent, PowerAsked } from './contract.ts';

/** From power-on to a registered agent: a server's self-test alone takes minutes. */
const AGENT_BOOT_MS = 20 * 60_000;
/** A daemon that comes back hears from agents that are still there within a few heartbeats. */
const RETURN_MS = 45_000;

export type AgentParts = {
  readonly agents: Agents;
  readonly boots: AgentBoots;
  readonly power: JobPower;
  /** The newest inventory of a machine is kept with what else is known of it. */
  readonly keepInventory: (machine: string, inventory: Inventory) => Promise<void>;
  readonly now: () => number;
  /** When this daemon began to listen: agents that were there before tell it soon. */
  readonly startedAt: number;
};

/** The machine's agent, booted if it is not there. Rejects when none came in time. */
export async function agentOf(context: StepContext, parts: AgentParts): Promise<LiveAgent> {
  const { agents, boots, power } = parts;
  const { machine, id } = context.job();
  const present = await presentAgent(context, parts);
  if (present) return present;
  await boots.permit(machine, `job:${id}`);
  // Where a person holds the switch, the agent is there long before that person says so.
  const enough = new AbortController();
  const signal = AbortSignal.any([context.signal, enough.signal]);
  let last = `restarts ${machine}`;
  const told = (text: string, fraction?: number): void => {
    last = text;
    context.progress(text, fraction);
  };
  const here = (): Promise<LiveAgent | undefined> =>
    arrival(machine, AGENT_BOOT_MS, signal, agents, () => context.progress(last));
  const restarted = power.netboot(machine, powerAsked(context.job()), signal, told).then(() => {
    told(`waits for the agent of ${machine}`);
    return here();
  });
  const came = await Promise.race([here(), restarted]).finally(() => enough.abort());
  if (!came) {
    throw new Error(
      `no agent registered within ${AGENT_BOOT_MS / 60_000} minutes; ingot trace ${machine} says how far it came`,
    );
  }
  return came;
}

/**
 * The first restart of a job is the will of whoever asked for it, and so is the one of a machine that lost its power in
 * the middle, which its step counts. Only an agent that does not come up could be a loop.
 */
export const powerAsked = ({ by, steps }: Job): PowerAsked => ({
  by,
  again: steps.some(({ name, state, tries }) => name === 'boot-agent' && state === 'running' && tries > 1),
});

/** The plan that somebody has confirmed; nothing where nobody has. */
export const confirmedPlan = ({ plan, confirmed }: Job): Plan | undefined =>
  plan && confirmed?.digest === plan.digest ? plan : undefined;

/** Has the agent that is there restart its machine. Gives it, or nothing where none is there to be told. */
export async function rebootAgent(context: StepContext, parts: AgentParts): Promise<LiveAgent | undefined> {
  const agent = await presentAgent(context, parts);
  if (!agent) return undefined;
  using api = await parts.agents.open(agent, context.signal);
  await api.call('/machine.MachineService/Reboot', {}, { signal: context.signal });
  return agent;
}

/** The agent that is there. One of a job that another process began is waited for: it tells of itself soon. */
async function presentAgent(context: StepContext, parts: AgentParts): Promise<LiveAgent | undefined> {
  const { machine, createdAt } = context.job();
  const returning = createdAt < parts.startedAt ? parts.startedAt + RETURN_MS - parts.now() : 0;
  const here = parts.agents.of(machine);
  if (here || returning <= 0) return here;
  return await arrival(machine, returning, context.signal, parts.agents);
}

const WAITING_SIGN_MS = 5000;

/** The agent of a machine as soon as there is one; nothing when the time is over. */
async function arrival(
  machine: string,
  ms: number,
  signal: AbortSignal,
  agents: Agents,
  waiting?: () => void,
): Promise<LiveAgent | undefined> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = agents.watch((name) => {
    if (name === machine && agents.of(machine)) resolve();
  });
  const timer = waiting && setInterval(waiting, WAITING_SIGN_MS);
  const over = new AbortController();
  try {
    const both = AbortSignal.any([signal, over.signal]);
    if (!agents.of(machine)) await Promise.race([promise, sleep(ms, undefined, { signal: both })]);
    return agents.of(machine);
  } finally {
    over.abort();
    clearInterval(timer);
    stop();
  }
}

/** A disk of the plan as it was found, and proven, on the machine that answers. */
export type ProvenDisk = { readonly planned: PlannedDisk; readonly found: InventoryDisk };

export type ProvenAgent = Disposable & {
  readonly agent: LiveAgent;
  readonly api: MachineApiClient;
  readonly inventory: Inventory;
  readonly disks: readonly ProvenDisk[];
  readonly by: readonly string[];
};

/** The machine turned out to be another, or its disks are not the planned ones: the confirmation is void. */
export class NotProven extends Error {}

/**
 * The agent of the machine that the plan was made for: identifiers and disks are read again, and any difference rejects
 * with `NotProven` (safety rule 1). Asked for before each step that writes, since the machine may have been exchanged,
 * or rebooted, since the last one.
 */
export async function provenAgent(context: StepContext, plan: Plan, parts: AgentParts): Promise<ProvenAgent> {
  const agent = await agentOf(context, parts);
  const api = await parts.agents.open(agent, context.signal);
  try {
    const inventory = await freshInventory(api, context.signal, parts.now());
    await parts.keepInventory(agent.machine, inventory);
    const proof = proveMachine(plan.identifiers, inventory, acknowledgedSingle(context.job(), plan));
    if (proof.kind === 'refused') throw new NotProven(proof.because);
    const matched = matchDisks(plan, inventory, begunBy(context.job()));
    if (matched.kind === 'different') throw new NotProven(matched.because);
    return { agent, api, inventory, disks: matched.disks, by: proof.by, [Symbol.dispose]: () => api[Symbol.dispose]() };
  } catch (error) {
    api[Symbol.dispose]();
    throw error;
  }
}

export async function freshInventory(api: MachineApiClient, signal: AbortSignal, at: number): Promise<Inventory> {
  const answer = await api.call('/ingot.AgentService/Inventory', {}, { signal, deadlineMs: 120_000 });
  const read = inventorySchema.safeParse(JSON.parse(new TextDecoder().decode(answer.json)));
  if (read.success) return { ...read.data, at };
  const [issue] = read.error.issues;
  throw new Error(`the agent’s inventory: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown form'}`);
}

/** Whoever confirmed a machine with one kind of identifier said its name. */
const acknowledgedSingle = ({ confirmed, machine }: Job, { identifiers }: Plan): boolean =>
  new Set(identifiers.map(({ kind }) => kind)).size < 2 && confirmed?.said.includes(machine) === true;

/** Disks that this job has begun to write: what it left there half-way is no surprise. */
export const WRITE_BEGUN = 'write-begun';
const begunBy = ({ notes }: Job): ReadonlySet<string> => new Set(notes[WRITE_BEGUN]?.split('\n'));
