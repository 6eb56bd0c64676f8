import type { Logger } from 'pino';
import type { Machine } from '#machines/contract/machine.ts';
import type { BmcStatus, BmcVerb, BootOnce, PowerAction, PowerState } from '#machines/contract/power.ts';
import { mayDo } from '#machines/decide/actions.ts';
import type { Asks } from './asks.ts';
import { bmcOf, type Bmcs, type MachineBmc } from './bmcs.ts';
import { carryOut, type Command, type Otherwise, type PowerResult } from './carry-out.ts';
import type { Clock } from './clock.ts';
import { type BmcDriver, BmcError } from './contract.ts';
import { afterRefusal } from './decide/after-refusal.ts';
import { type Means, meansOf } from './decide/means.ts';
import { proofOf } from './decide/proof.ts';
import { POWER_TIMES, type PowerTimes } from './power-times.ts';

/** What a person is asked to do. */
const BY_HAND: Readonly<Record<Exclude<Command, 'soft'>, string>> = {
  on: 'turn on',
  off: 'turn off',
  reset: 'restart',
};

const askedOf = (name: string, command: keyof typeof BY_HAND, boot: BootOnce | undefined): string =>
  `waits for a person: ${BY_HAND[command]} ${name}${boot && command !== 'off' ? `, and let it boot from ${boot.device}` : ''}; then: ingot power confirm ${name}`;

export type PowerRequest = {
  readonly machine: string;
  readonly action: PowerAction;
  readonly boot?: BootOnce;
  /** cycle: without asking the system first. */
  readonly force?: boolean;
  /** An operator's name, or `job:<id>`. */
  readonly by: string;
  /** A program asks: then the cool-down counts. */
  readonly automatic?: boolean;
  /** An operator says that the BMC is the machine's, although nothing has proven it (safety rule 3). */
  readonly unproven?: boolean;
};

export type Refusal = { readonly because: string; readonly next: string };

/** The machine API of a machine that runs, for what its BMC lacks. */
export type MachineApiPower = {
  /** Whether it answers now. */
  has(machine: string): boolean;
  /** Rejects with a `BmcError`. */
  command(machine: string, command: 'soft' | 'reset', signal: AbortSignal): Promise<void>;
};

/**
 * Power of machines: one action at a time for each, by its BMC, else by its own system's machine API, else by a person.
 * Every action comes to a result; what a machine's BMC says stands in services/bmc/carry-out.ts.
 */
export type Power = {
  /** What stands against it before anything is asked of a BMC: the table of actions, a lock, another action under way. */
  refusal(request: PowerRequest): Refusal | undefined;
  /** Asks `refusal` first. Rejects only with the reason of the signal. */
  act(
    request: PowerRequest,
    control: { readonly say?: (text: string) => void; readonly signal: AbortSignal },
  ): Promise<PowerResult>;
  /** Asked afresh. Rejects with a `BmcError`. */
  status(machine: string, signal: AbortSignal): Promise<BmcStatus>;
  /** Who does which verb. Rejects with a `BmcError` where the BMC must be asked and does not answer. */
  means(machine: string, signal: AbortSignal): Promise<Means>;
  /** Something else of the BMC, in its turn. Rejects with a `BmcError`. */
  ask<T>(
    machine: string,
    deadlineMs: number,
    work: (driver: BmcDriver, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>;
  /** Another proof than the BMC's own word, such as a nonce that was booted through it. */
  prove(machine: string, by: string): Promise<void>;
  /** The machine's BMC; of a machine without one, a person. */
  bmcOf(machine: string): MachineBmc | undefined;
};

export function openPower(parts: {
  readonly bmcs: Bmcs;
  readonly asks: Asks;
  readonly machine: (name: string) => Machine | undefined;
  /** Why a machine must not lose its power now, such as an agent that writes its disks. */
  readonly held?: (machine: string) => Refusal | undefined;
  readonly machineApi?: MachineApiPower;
  readonly clock: Clock;
  readonly random: () => number;
  readonly times?: PowerTimes;
  /** Told what was read at the end of an action. */
  readonly onPower?: (machine: string, power: PowerState) => void;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}): Power {
  const { bmcs, asks, clock, random, log, machineApi } = parts;
  const times = parts.times ?? POWER_TIMES;
  /** By how a BMC is reached. */
  const knownVerbs = new Map<string, ReadonlySet<BmcVerb>>();
  const underWay = new Map<string, PowerRequest>();
  const rebootedAt = new Map<string, { readonly at: number; readonly by: string; readonly times: number }>();

  /** A machine may have no BMC: then somebody has to go there. */
  function bmc(name: string): MachineBmc | undefined {
    const machine = parts.machine(name);
    return machine && (bmcOf(machine) ?? { machine: name, type: 'manual', address: name });
  }

  function mustHave(name: string): MachineBmc {
    const found = bmc(name);
    if (!found) throw new BmcError('refused', `there is no machine ${name}`);
    return found;
  }

  function ask<T>(
    name: string,
    deadlineMs: number,
    work: (driver: BmcDriver, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    return bmcs.connection(mustHave(name)).ask({ urgency: 'command', deadlineMs, signal }, work);
  }

  async function verbsOf(name: string, signal: AbortSignal): Promise<ReadonlySet<BmcVerb>> {
    const verbs = await ask(name, times.readMs, async (driver) => driver.verbs, signal);
    knownVerbs.set(JSON.stringify(bmc(name)), verbs);
    return verbs;
  }

  function refusal(request: PowerRequest): Refusal | undefined {
    const { machine: name, action } = request;
    const machine = parts.machine(name);
    if (!machine) return { because: `there is no machine ${name}`, next: 'ingot machine list' };
    const allowed = mayDo(action === 'on' ? 'power-on' : 'power-off', machine);
    if (allowed.kind === 'refused') return { because: allowed.because, next: allowed.next };
    const other = underWay.get(name);
    if (other) {
      return {
        because: `${name}: power ${other.action}, asked for by ${other.by}, is under way`,
        next: 'wait for its end',
      };
    }
    const held = action === 'on' ? undefined : parts.held?.(name);
    if (held) return held;
    const last = rebootedAt.get(name);
    if (request.automatic === true && isReboot(request) && last && clock.now() - last.at < times.coolDownMs) {
      const minutes = Math.ceil((last.at + times.coolDownMs - clock.now()) / 60_000);
      return {
        because: `${name} was rebooted ${Math.round((clock.now() - last.at) / 60_000)} min ago by ${last.by}`,
        next: `no program reboots it within ${minutes} min; a person may`,
      };
    }
    return undefined;
  }

  /** One that is not the machine's own would turn off somebody else's (safety rule 3). */
  async function unproven(
    request: PowerRequest,
    of: MachineBmc,
    signal: AbortSignal,
  ): Promise<PowerResult | undefined> {
    if (of.type !== 'redfish' && of.type !== 'ipmi') return undefined;
    const { machine: name } = request;
    if (bmcs.record(of.address)?.proven?.machine === name) return undefined;
    const machine = parts.machine(name);
    if (!machine) return undefined;
    const identity = await ask(name, times.readMs, (driver, inner) => driver.identity(inner), signal);
    const proof = proofOf(identity, machine);
    await bmcs.change(of, (record) => ({
      ...record,
      identity,
      seenAt: clock.now(),
      ...(proof.kind === 'proven' ? { proven: { machine: name, by: proof.by, at: clock.now() } } : {}),
    }));
    if (proof.kind === 'proven') {
      log.info({ machine: name, bmc: of.address, by: proof.by }, 'a BMC is proven to be a machine’s');
      return undefined;
    }
    if (request.unproven === true) {
      log.warn({ machine: name, bmc: of.address, who: request.by }, `commanded although not proven: ${proof.because}`);
      return undefined;
    }
    return {
      kind: 'failed',
      code: 'not-proven',
      power: 'unknown',
      because: `whether ${of.address} is the BMC of ${name} is not proven: ${proof.because}`,
      next:
        proof.kind === 'contradicts'
          ? `is the address right? ingot bmc show ${name}; with --unproven it is commanded all the same`
          : `ingot power ${request.action} ${name} --unproven, if you know that it is; or let it netboot once`,
    };
  }

  const otherwise = (name: string, say: (text: string) => void): Otherwise => {
    const who: Otherwise['who'] = (command) => {
      if ((command === 'soft' || command === 'reset') && machineApi?.has(name) === true) return 'machine-api';
      return command === 'soft' ? undefined : 'person';
    };
    return {
      who,
      async command(command: Command, boot, signal) {
        if (who(command) === 'machine-api' && (command === 'soft' || command === 'reset')) {
          return await machineApi?.command(name, command, signal);
        }
        if (command === 'soft') throw new BmcError('not-supported', `${name}: nobody can ask its system to shut down`);
        say(askedOf(name, command, boot));
        await asks.ask({ machine: name, wanted: command, ...(boot && command !== 'off' ? { boot } : {}) }, signal);
      },
    };
  };

  function remember(request: PowerRequest): void {
    if (!isReboot(request)) return;
    const { machine, by } = request;
    const before = rebootedAt.get(machine);
    const again = before && clock.now() - before.at < times.coolDownMs ? before.times + 1 : 1;
    rebootedAt.set(machine, { at: clock.now(), by, times: again });
    if (again >= 3) log.warn({ machine, who: by, times: again }, 'a machine is rebooted again and again');
  }

  async function perform(
    request: PowerRequest,
    say: (text: string) => void,
    signal: AbortSignal,
  ): Promise<PowerResult> {
    const { machine: name, action, boot, force } = request;
    const of = mustHave(name);
    try {
      const stop = await unproven(request, of, signal);
      if (stop) return stop;
      const isPerson = of.type === 'manual';
      remember(request);
      return await carryOut(
        { machine: name, action, ...(boot ? { boot } : {}), ...(force === undefined ? {} : { force }) },
        {
          bmc: bmcs.connection(of),
          verbs: await verbsOf(name, signal),
          otherwise: otherwise(name, say),
          ...(isPerson ? { byHand: (command) => askedOf(name, command, boot) } : {}),
          clock,
          random,
          // A person walks.
          times: isPerson ? { ...times, writeMs: times.personMs + 1000 } : times,
          say,
          signal,
        },
      );
    } catch (error) {
      if (!(error instanceof BmcError)) throw error;
      const next = afterRefusal(error.code, name);
      return { kind: 'failed', code: error.code, power: 'unknown', because: error.message, next };
    }
  }

  return {
    refusal,
    async act(request, { say = () => {}, signal }) {
      const refused = refusal(request);
      if (refused) {
        const { because, next } = refused;
        return { kind: 'failed', code: 'refused', power: 'unknown', because, next };
      }
      const { machine, action, by } = request;
      underWay.set(machine, request);
      try {
        const result = await perform(request, say, signal);
        parts.onPower?.(machine, result.power);
        const text = result.kind === 'done' ? result.text : result.because;
        log.info({ machine, action, who: by, outcome: result.kind, power: result.power }, `power: ${text}`);
        return result;
      } finally {
        underWay.delete(machine);
      }
    },
    status: (machine, signal) => ask(machine, times.readMs, (driver, inner) => driver.status(inner), signal),
    async means(machine, signal) {
      // What it can does not change while it is away.
      const known = knownVerbs.get(JSON.stringify(bmc(machine)));
      const means = meansOf(known ?? (await verbsOf(machine, signal)), machineApi?.has(machine) === true);
      // Its serial line is asked for by IPMI, which the same BMC speaks.
      return bmc(machine)?.type === 'redfish' ? { ...means, console: 'bmc' } : means;
    },
    ask,
    async prove(machine, by) {
      await bmcs.change(mustHave(machine), (record) => ({ ...record, proven: { machine, by, at: clock.now() } }));
    },
    bmcOf: bmc,
  };
}

const isReboot = ({ action }: PowerRequest): boolean => action === 'cycle' || action === 'reset';
