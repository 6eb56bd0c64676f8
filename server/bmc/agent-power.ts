import type { LiveAgent, LiveAgents } from '#services/agents/live-agents.ts';
import { BmcError } from '#services/bmc/contract.ts';
import type { MachineApiPower } from '#services/bmc/power.ts';
import type { MachineApiClient } from '#services/machine-api/client.ts';
import { MachineApiError } from '#services/machine-api/machine-api-error.ts';

const CALL_MS = 15_000;

/** Power by the machine API of the agent that runs on a machine: what its BMC lacks. */
export function agentPower(parts: {
  readonly agents: Pick<LiveAgents, 'of'>;
  readonly open: (agent: LiveAgent, signal: AbortSignal) => Promise<MachineApiClient>;
}): MachineApiPower {
  const { agents, open } = parts;
  return {
    has: (machine) => agents.of(machine) !== undefined,
    async command(machine, command, until) {
      const agent = agents.of(machine);
      if (!agent) throw new BmcError('unreachable', `no agent runs on ${machine}`);
      const signal = AbortSignal.any([until, AbortSignal.timeout(CALL_MS)]);
      try {
        using api = await open(agent, signal);
        if (command === 'soft') await api.call('/machine.MachineService/Shutdown', { force: false }, { signal });
        else await api.call('/machine.MachineService/Reboot', { mode: 'DEFAULT' }, { signal });
      } catch (cause) {
        if (until.aborted) throw until.reason;
        if (!(cause instanceof MachineApiError) && !signal.aborted) throw cause;
        throw new BmcError('refused', `the agent on ${machine} did not do it`, { cause });
      }
    },
  };
}
