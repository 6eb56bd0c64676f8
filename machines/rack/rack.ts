import { setTimeout as sleep } from 'node:timers/promises';
import type { Ipv4 } from '../values/ip-address.ts';
import { type BootResult, powerOn } from './machine.ts';
import { rackDhcp } from './firmware/dhcp-client.ts';
import { openRelay } from './relay.ts';
import type { DaemonSockets, MachineSpec } from './spec.ts';

export type RackEvent =
  | { readonly kind: 'power-on'; readonly machine: MachineSpec }
  | { readonly kind: 'screen'; readonly machine: MachineSpec; readonly line: string }
  | { readonly kind: 'ended'; readonly machine: MachineSpec; readonly result: BootResult; readonly ms: number };

/** Where the rack's relays stand; machines are leased addresses of 127.77.0.0/16. */
const GIADDR = '127.77.0.2' as Ipv4;
const WRONG_GIADDR = '127.79.0.2' as Ipv4;

/**
 * Powers on every machine once, `staggerMs` apart, and waits until each has ended or the signal aborts. A machine that
 * waits for an operator goes on waiting. Gives the results in the order of the machines.
 */
export async function runRack(options: {
  readonly machines: readonly MachineSpec[];
  readonly daemon: DaemonSockets;
  readonly staggerMs: number;
  readonly selfTestMs: number;
  readonly kernelMs: number;
  readonly events: (event: RackEvent) => void;
  readonly signal: AbortSignal;
}): Promise<readonly BootResult[]> {
  const { machines, daemon, staggerMs, selfTestMs, kernelMs, events, signal } = options;
  await using relay = await openRelay({ giaddr: GIADDR, daemon: daemon.dhcp, addsInformation: true });
  await using bare = await openRelay({ giaddr: GIADDR, daemon: daemon.dhcp, addsInformation: false });
  await using stray = await openRelay({ giaddr: WRONG_GIADDR, daemon: daemon.dhcp, addsInformation: true });
  const dhcp = rackDhcp(({ faults }) =>
    faults.includes('relay-drops-82') ? bare : faults.includes('wrong-relay') ? stray : relay,
  );

  const live = async (machine: MachineSpec, index: number): Promise<BootResult> => {
    await sleep(index * staggerMs, undefined, { signal });
    events({ kind: 'power-on', machine });
    const started = performance.now();
    const screen = (line: string) => events({ kind: 'screen', machine, line });
    const result = await powerOn(machine, { dhcp, daemon, screen, selfTestMs, kernelMs }, signal);
    events({ kind: 'ended', machine, result, ms: performance.now() - started });
    return result;
  };
  return await Promise.all(machines.map(live));
}
