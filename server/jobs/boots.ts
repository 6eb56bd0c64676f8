import type { Registry } from '#services/registry/contract.ts';
import type { BootTokens } from '#services/boot-tokens/boot-tokens.ts';
import type { Recorder } from '#services/trace/contract.ts';
import type { Installers } from './installer-steps.ts';
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

/** Of network installers, by what has been recorded of their boots. */
export function installersOf(parts: {
  readonly registry: Pick<Registry, 'grant'>;
  readonly recorder: Pick<Recorder, 'attempts' | 'events' | 'watch'>;
  readonly tokens: Pick<BootTokens, 'void'>;
}): Installers {
  const { registry, recorder, tokens } = parts;
  return {
    async permit(machine, profile, by) {
      const outcome = await registry.grant({ machine, profile, by, isPlanned: true });
      if (outcome.kind === 'done') return outcome.value.id;
      throw new Error('because' in outcome ? outcome.because : `${machine} may not boot ${profile}: ${outcome.kind}`);
    },
    attemptsOf: (machine) => recorder.attempts({ machine, limit: 5 }),
    eventsOf: (attempt) => recorder.events(attempt),
    watch: (listener) => recorder.watch(listener),
    over: (attempt) => tokens.void(attempt, 'the installation is over'),
  };
}
