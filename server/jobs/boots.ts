import type { Registry } from '#services/registry/contract.ts';
import type { AgentBoots } from './contract.ts';

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
