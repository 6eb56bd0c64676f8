import { setTimeout as sleep } from 'node:timers/promises';
import type { Ipv4 } from '../values/ip-address.ts';
import type { BootChoice } from './bmc/boot-override.ts';
import type { BmcFault } from './bmc/faults.ts';
import { rackHardware } from './bmc/hardware.ts';
import { type BootStage, type PowerBackend, simulatedPower } from './bmc/power-backend.ts';
import { BMC_PROFILES, type BmcProfileName } from './bmc/quirks.ts';
import { type Bmc, type BmcPorts, type BmcTls, startBmc } from './bmc/start-bmc.ts';
import { rackDhcp } from './firmware/dhcp-client.ts';
import { type BootResult, powerOn } from './machine.ts';
import type { Nodes } from './node/nodes.ts';
import { openRelays } from './relays.ts';
import type { DaemonSockets, MachineSpec, RackTimes } from './spec.ts';

export type RackEvent =
  | { readonly kind: 'power-on'; readonly machine: MachineSpec }
  | { readonly kind: 'screen'; readonly machine: MachineSpec; readonly line: string }
  | { readonly kind: 'ended'; readonly machine: MachineSpec; readonly result: BootResult; readonly ms: number };

/** The BMCs of a rack: one for each machine that `of` knows a place for. */
export type RackBmcs = {
  readonly of: (
    machine: MachineSpec,
  ) => { readonly profile: BmcProfileName; readonly address: Ipv4; readonly faults: readonly BmcFault[] } | undefined;
  readonly ports: BmcPorts;
  readonly username: string;
  readonly password: string;
  readonly tls: BmcTls;
  /** Told when all of them listen. */
  readonly onListening?: () => void | Promise<void>;
};

type RackOptions = {
  readonly machines: readonly MachineSpec[];
  readonly daemon: DaemonSockets;
  readonly staggerMs: number;
  readonly times: RackTimes;
  /** Disks and agents; without them a machine that was booted does nothing more. */
  readonly nodes?: Nodes;
  readonly events: (event: RackEvent) => void;
  readonly signal: AbortSignal;
};

/**
 * Powers on every machine once, `staggerMs` apart, and waits until each has ended or the signal aborts. A machine that
 * waits for an operator goes on waiting. Gives the results in the order of the machines.
 */
export async function runRack(options: RackOptions): Promise<readonly BootResult[]> {
  const { machines, daemon, staggerMs, events, signal } = options;
  await using relays = openRelays(daemon.dhcp);
  const live = liveOf(options, relays);
  return await Promise.all(
    machines.map(async (machine, index) => {
      await sleep(index * staggerMs, undefined, { signal });
      events({ kind: 'power-on', machine });
      const alone = { takeBoot: () => NO_OVERRIDE, stage: () => {}, say: () => {}, signal };
      return await live(machine, alone);
    }),
  );
}

const NO_OVERRIDE: BootChoice = { device: 'none', mode: 'uefi' };

/**
 * The same machines with BMCs, which turn them on and off until the signal aborts. `powersOn`: all of them are turned on
 * once, `staggerMs` apart, as somebody who built the rack would; else they stay off until their BMC is told otherwise.
 */
export async function runRackWithBmcs(
  options: RackOptions & {
    readonly bmcs: RackBmcs;
    readonly powersOn: boolean;
    /** Names of those that stay off all the same. */
    readonly staysOff?: ReadonlySet<string>;
  },
): Promise<void> {
  const { machines, daemon, staggerMs, events, bmcs, powersOn, staysOff, signal } = options;
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>();
  if (signal.aborted) return;
  signal.addEventListener('abort', () => end(), { once: true });
  await using relays = openRelays(daemon.dhcp);
  const live = liveOf(options, relays);
  await using running = await startBmcs({
    machines,
    bmcs,
    signal,
    backendOf: (machine) =>
      simulatedPower({
        shutdownMs: options.times.kernelMs,
        onError: fail,
        async boot(attempt) {
          events({ kind: 'power-on', machine });
          const result = await live(machine, attempt);
          return result.kind === 'off' ? 'turns-off' : 'stays-on';
        },
      }),
  });
  if (powersOn) {
    for (const { board } of running.bmcs) {
      if (staysOff?.has(board.hardware().name)) continue;
      board.power.request('on');
      await Promise.race([sleep(staggerMs, undefined, { signal }).catch(() => {}), ended]);
    }
  }
  await ended;
}

/**
 * The BMCs alone, until the signal aborts: their machines come on, take the boot they are told, and have nothing to
 * load. Each event is a `screen` that names that boot.
 */
export async function runBmcsAlone(
  options: Pick<RackOptions, 'machines' | 'times' | 'events' | 'signal'> & { readonly bmcs: RackBmcs },
): Promise<void> {
  const { machines, times, events, bmcs, signal } = options;
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>();
  if (signal.aborted) return;
  signal.addEventListener('abort', () => end(), { once: true });
  await using _running = await startBmcs({
    machines,
    bmcs,
    signal,
    backendOf: (machine) =>
      simulatedPower({
        shutdownMs: times.kernelMs,
        onError: fail,
        async boot({ takeBoot, stage, say, signal: power }) {
          events({ kind: 'power-on', machine });
          const { device, mode } = takeBoot();
          await sleep(times.selfTestMs, undefined, { signal: power });
          const line = `boot: ${device === 'none' ? 'own order' : device} (${mode})`;
          say(line);
          events({ kind: 'screen', machine, line });
          stage('running');
          return 'stays-on';
        },
      }),
  });
  await ended;
}

/** A BMC for each machine that has a place for one, and the machines of all, off. */
async function startBmcs(options: {
  readonly machines: readonly MachineSpec[];
  readonly bmcs: RackBmcs;
  readonly backendOf: (machine: MachineSpec) => PowerBackend;
  readonly signal: AbortSignal;
}): Promise<AsyncDisposable & { readonly bmcs: readonly Bmc[] }> {
  const { machines, bmcs, backendOf, signal } = options;
  await using starting = new AsyncDisposableStack();
  const started: Bmc[] = [];
  for (const machine of machines) {
    const backend = starting.use(backendOf(machine));
    const place = bmcs.of(machine);
    if (!place) continue;
    const bmc = await startBmc({
      identity: rackHardware(machine),
      backend,
      address: place.address,
      ports: bmcs.ports,
      profile: BMC_PROFILES[place.profile],
      faults: place.faults,
      credentials: [{ username: bmcs.username, password: bmcs.password }],
      tls: bmcs.tls,
      signal,
    });
    started.push(starting.use(bmc));
  }
  await bmcs.onListening?.();
  const running = starting.move();
  return { bmcs: started, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** One power-on of one machine, with what it says about it. */
function liveOf({ daemon, times, nodes, events }: RackOptions, relays: ReturnType<typeof openRelays>) {
  const dhcp = rackDhcp(relays, times);
  return async (
    machine: MachineSpec,
    attempt: {
      readonly takeBoot: () => BootChoice;
      readonly stage: (stage: Exclude<BootStage, 'off'>) => void;
      readonly say: (line: string) => void;
      readonly signal: AbortSignal;
    },
  ): Promise<BootResult> => {
    const { takeBoot, stage, say, signal } = attempt;
    const started = performance.now();
    const screen = (line: string): void => {
      say(line);
      events({ kind: 'screen', machine, line });
    };
    const result = await powerOn(machine, { dhcp, daemon, screen, times, takeBoot, stage, nodes }, signal);
    events({ kind: 'ended', machine, result, ms: performance.now() - started });
    return result;
  };
}
