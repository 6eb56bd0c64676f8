import type { PowerAction } from '#machines/contract/power.ts';
import type { Asks } from '#services/bmc/asks.ts';
import { BmcError } from '#services/bmc/contract.ts';
import type { Power } from '#services/bmc/power.ts';
import type { JobPower, PowerAsked } from '../jobs/contract.ts';
import type { BmcService } from './contract.ts';

/**
 * Power for jobs: through the BMC where it is proven to be the machine's, else a person is asked and waited for. What a
 * job may not do to a machine now (a lock, another action, the cool-down) fails it with that reason.
 */
export function jobPower({ power, asks }: { readonly power: Power; readonly asks: Asks }): JobPower {
  async function act(
    machine: string,
    what: { readonly action: PowerAction; readonly byHand: 'reset' | 'off'; readonly network: boolean },
    asked: PowerAsked,
    signal: AbortSignal,
    told: (text: string) => void,
  ): Promise<void> {
    const boot = what.network ? { device: 'network' as const } : undefined;
    const request = { machine, action: what.action, ...(boot ? { boot } : {}), by: asked.by, automatic: asked.again };
    const result = await power.act(request, { say: told, signal });
    if (result.kind === 'done') return told(result.text);
    if (result.code !== 'not-proven' && result.code !== 'not-supported') {
      throw new BmcError('refused', `${result.because}; next: ${result.next}`);
    }
    told(
      `waits for a person: ${what.byHand === 'off' ? 'turn' : 'restart'} ${machine} ${what.network ? 'and let it netboot' : 'off'} (${result.because}); then: ingot power confirm ${machine}`,
    );
    await asks.ask({ machine, wanted: what.byHand, ...(boot ? { boot } : {}) }, signal);
  }

  return {
    async netboot(machine, asked, signal, told) {
      // An agent or a system that runs is shut down by the cycle; what is off is only turned on.
      await act(machine, { action: 'cycle', byHand: 'reset', network: true }, asked, signal, told);
    },
    off: (machine, asked, signal, told) =>
      act(machine, { action: 'off', byHand: 'off', network: false }, asked, signal, told),
  };
}

/** Whether a machine's own BMC, asked now, reads that it is off. False where there is none, or none that is proven. */
export function isOffBy({ show, read }: Pick<BmcService, 'show' | 'read'>) {
  return async (machine: string, signal: AbortSignal): Promise<boolean> => {
    const bmc = (await show(machine, signal))?.bmc;
    if (!bmc || bmc.type === 'manual' || bmc.type === 'wol' || bmc.proven?.machine !== machine) return false;
    try {
      return (await read(machine, signal)).power === 'off';
    } catch (error) {
      if (error instanceof BmcError) return false;
      throw error;
    }
  };
}
