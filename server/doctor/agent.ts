import type { AgentImage } from '#services/images/agent-image.ts';
import type { Config } from '../config/config.ts';
import { type Check, failure, fine, warning } from './finding.ts';

/** Is there an agent to boot, where the configuration or a job would boot one? */
export function agentCheck(
  image: Pick<AgentImage, 'state'>,
  { interfaces, subnets }: Pick<Config, 'interfaces' | 'subnets'>,
): Check {
  return {
    name: 'agent',
    async run() {
      const state = image.state();
      if (state.kind === 'ready') return [fine('agent', `image ${state.id} for ${state.arch}`)];
      const wanted = [
        ...interfaces.flatMap(({ name, mode, discovery }) => (mode !== 'off' && discovery === 'agent' ? [name] : [])),
        ...subnets.flatMap(({ name, mode, discovery }) => (mode !== 'off' && discovery === 'agent' ? [name] : [])),
      ];
      const fix = 'npm run agent:image';
      if (wanted.length > 0) {
        return [failure('agent', `${state.because}; unknown machines on ${wanted.join(', ')} wait instead`, fix)];
      }
      return [warning('agent', `${state.because}; inspect, install and wipe need one`, fix)];
    },
  };
}
