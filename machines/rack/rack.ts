import { setTimeout as sleep } from 'node:timers/promises';
import { rackDhcp } from './firmware/dhcp-client.ts';
import { type BootResult, powerOn } from './machine.ts';
import { openRelays } from './relays.ts';
import type { DaemonSockets, MachineSpec, RackTimes } from './spec.ts';

export type RackEvent =
  | { readonly kind: 'power-on'; readonly machine: MachineSpec }
  | { readonly kind: 'screen'; readonly machine: MachineSpec; readonly line: string }
  | { readonly kind: 'ended'; readonly machine: MachineSpec; readonly result: BootResult; readonly ms: number };

/**
 * Powers on every machine once, `staggerMs` apart, and waits until each has ended or the signal aborts. A machine that
 * waits for an operator goes on waiting. Gives the results in the order of the machines.
 */
export async function runRack(options: {
  readonly machines: readonly MachineSpec[];
  readonly daemon: DaemonSockets;
  readonly staggerMs: number;
  readonly times: RackTimes;
  readonly events: (event: RackEvent) => void;
  readonly signal: AbortSignal;
}): Promise<readonly BootResult[]> {
  const { machines, daemon, staggerMs, times, events, signal } = options;
  await using relays = openRelays(daemon.dhcp);
  const dhcp = rackDhcp(relays, times);

  const live = async (machine: MachineSpec, index: number): Promise<BootResult> => {
    await sleep(index * staggerMs, undefined, { signal });
    events({ kind: 'power-on', machine });
    const started = performance.now();
    const screen = (line: string) => events({ kind: 'screen', machine, line });
    const result = await powerOn(machine, { dhcp, daemon, screen, times }, signal);
    events({ kind: 'ended', machine, result, ms: performance.now() - started });
    return result;
  };
  return await Promise.all(machines.map(live));
}
