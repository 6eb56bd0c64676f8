import type { Registry } from '#services/registry/contract.ts';
import type { AgentBoots, JobPower } from './contract.ts';

/** The profile that boots the agent: built in. */
export const AGENT_PROFILE = 'agent';

export function agentBoots(registry: Pick<Registry, 'grant'>): AgentBoots {
  return {
    async permit(machine, by) {
      const outcome = await registry.grant({ machine, profile: AGENT_PROFILE, by });
      if (outcome.kind === 'done') return;
      throw new Error('because' in outcome ? outcome.because : `${machine} may not boot the agent: ${outcome.kind}`);
    },
  };
}

/** No way to its power switch but a person's hand. */
export const askedPower: JobPower = {
  netboot: async (machine, _signal, told) => told(`waits for a person: restart ${machine} and let it netboot`),
  off: (machine) => Promise.reject(new Error(`${machine} has no BMC: turn it off by hand`)),
};
