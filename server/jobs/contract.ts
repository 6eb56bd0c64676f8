import type { LiveAgent, LiveAgents } from '#services/agents/live-agents.ts';
import type { MachineApiClient } from '#services/machine-api/client.ts';

export type { LiveAgent } from '#services/agents/live-agents.ts';

/** The agents of the machine plane, and the way to them. */
export type Agents = Pick<LiveAgents, 'of' | 'watch'> & {
  /** With the daemon's own certificate, as `os:admin`. */
  open(agent: LiveAgent, signal: AbortSignal): Promise<MachineApiClient>;
};

/** Says how it goes: a sign of life each time. */
export type Told = (text: string, fraction?: number) => void;

/** `again`: not what a person asked for, but a program that tries once more; that is where reboot loops come from. */
export type PowerAsked = { readonly by: string; readonly again: boolean };

/** How jobs move machines. Every verb ends in what was asked for or rejects with the reason, inside its deadlines. */
export type JobPower = {
  /** Restarts the machine so that it netboots: through its BMC, or a person is asked, which the text says. */
  netboot(machine: string, asked: PowerAsked, signal: AbortSignal, told: Told): Promise<void>;
  off(machine: string, asked: PowerAsked, signal: AbortSignal, told: Told): Promise<void>;
};

/** Permits one boot of the agent. */
export type AgentBoots = { permit(machine: string, by: string): Promise<void> };
