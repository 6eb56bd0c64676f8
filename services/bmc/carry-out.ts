import type { BmcStatus, BmcVerb, BootOnce, PowerAction, PowerState } from '#machines/contract/power.ts';
import type { BmcConnection } from './connection.ts';
import { BmcError, type BmcErrorCode } from './contract.ts';
import type { Clock } from './clock.ts';
import { backoffMs } from './decide/backoff.ts';
import { afterRefusal, bootNext, GIVEN_UP } from './decide/after-refusal.ts';
import type { PowerTimes } from './power-times.ts';

/** Why a power action did not come to what was asked for, besides what a BMC says. */
export type PowerFailure =
  | BmcErrorCode
  | 'no-effect'
  | 'cool-down'
  | 'not-proven'
  | 'no-bmc'
  | 'declined'
  | 'cancelled';

export type PowerResult =
  | {
      readonly kind: 'done';
      /** As it was read after the act; `unknown` where nothing can tell. */
      readonly power: PowerState;
      /** The effect was seen. Wake-on-LAN shows none, and a reset leaves no trace on many boards. */
      readonly confirmed: boolean;
      readonly text: string;
    }
  | {
      readonly kind: 'failed';
      readonly code: PowerFailure;
      /** The last that was read. */
      readonly power: PowerState;
      readonly because: string;
      readonly next: string;
    };

export type PowerOrder = {
  readonly machine: string;
  readonly action: PowerAction;
  /** Set right before the power goes on. */
  readonly boot?: BootOnce;
  /** cycle: takes the power away without asking the system first. */
  readonly force?: boolean;
};

export type Command = 'on' | 'off' | 'soft' | 'reset';
export type Otherwise = {
  /** Nothing where nobody can. */
  readonly who: (command: Command) => 'machine-api' | 'person' | undefined;
  readonly command: (command: Command, boot: BootOnce | undefined, signal: AbortSignal) => Promise<void>;
};

/** How often one command is given at most: each time only after the BMC has said afresh that it had no effect. */
const SENDS = 3;
/** How often a boot setting is written: it changes nothing by itself, and is read back each time. */
const BOOT_TRIES = 3;

/**
 * Does one power action on one BMC, proves it by what the BMC says afterwards, and always comes to a result.
 *
 * A command is never repeated blindly: whatever went wrong with it, the power is read first, and it is given again only
 * when that says it had no effect; a reset, whose effect cannot be read, is given once. Rejects only with the reason of
 * the signal.
 */
export async function carryOut(
  order: PowerOrder,
  parts: {
    readonly bmc: BmcConnection;
    readonly verbs: ReadonlySet<BmcVerb>;
    /** Who does what the BMC lacks; settles when it is done, rejects with a `BmcError` when it is not. */
    readonly otherwise?: Otherwise | undefined;
    /** A person stands in for its BMC: what they are asked to do, in the words that are said. */
    readonly byHand?: ((command: Exclude<Command, 'soft'>) => string) | undefined;
    readonly clock: Clock;
    readonly random: () => number;
    readonly times: PowerTimes;
    /** What is being done, for whoever watches. */
    readonly say: (text: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<PowerResult> {
  const { bmc, verbs, clock, random, times, say, signal } = parts;
  const { machine, boot } = order;
  const canRead = verbs.has('status');
  const doer = (command: Command): 'bmc' | 'machine-api' | 'person' | undefined =>
    verbs.has(command) ? 'bmc' : parts.otherwise?.who(command);
  let known: PowerState = 'unknown';
  let lastError: BmcError | undefined;

  const read = async (): Promise<BmcStatus> => {
    const how = { urgency: 'command', deadlineMs: times.readMs, signal } as const;
    const status = await bmc.ask(how, (driver, inner) => driver.status(inner));
    known = status.power;
    return status;
  };

  const done = (text: string, confirmed = true): PowerResult => ({ kind: 'done', power: known, confirmed, text });
  const failed = (code: PowerFailure, because: string, next: string): PowerResult => ({
    kind: 'failed',
    code,
    power: known,
    because,
    next,
  });
  const byError = (error: BmcError, doing: string): PowerResult =>
    failed(error.code, `${doing}: ${error.message}`, afterRefusal(error.code, machine));

  const pause = (failures: number, error?: BmcError): Promise<void> => {
    const usual = backoffMs({ baseMs: times.lookMs, capMs: times.lookCapMs, jitter: 0.25 }, failures, random());
    return clock.sleep(Math.min(Math.max(usual, error?.retryAfterMs ?? 0), times.effectMs), signal);
  };

  /** The power as it is now. Asks again while the BMC is busy or does not answer, but not for ever. */
  async function look(): Promise<BmcStatus> {
    const until = clock.now() + times.effectMs;
    for (let failures = 1; ; failures += 1) {
      try {
        return await read();
      } catch (error) {
        const cause = bmcError(error);
        if (GIVEN_UP.has(cause.code) || clock.now() >= until) throw cause;
        say(`cannot be read: ${cause.message}`);
        await pause(failures, cause);
      }
    }
  }

  /** Looks until it is so, or time is up. What cannot be read meanwhile is remembered, and looked at again. */
  async function becomes(wanted: 'on' | 'off', withinMs: number): Promise<boolean> {
    const until = clock.now() + withinMs;
    lastError = undefined;
    for (let looks = 1; ; looks += 1) {
      await pause(looks);
      try {
        if ((await read()).power === wanted) return true;
        lastError = undefined;
      } catch (error) {
        const cause = bmcError(error);
        lastError = cause;
        if (GIVEN_UP.has(cause.code)) return false;
      }
      if (clock.now() >= until) return false;
    }
  }

  /** Once. Gives what the BMC said against it; nothing means that it took it. */
  async function send(what: Command): Promise<BmcError | undefined> {
    const how = { urgency: 'command', deadlineMs: times.writeMs, signal } as const;
    try {
      if (doer(what) !== 'bmc' && parts.otherwise) await parts.otherwise.command(what, boot, signal);
      else await bmc.ask(how, (driver, inner) => driver.power(what, inner));
      return undefined;
    } catch (error) {
      return bmcError(error);
    }
  }

  /** Nothing to set, or set and read back: nothing. Else what stands against it. */
  async function setBoot(): Promise<PowerResult | undefined> {
    // A person is told with what they are asked to do.
    if (!boot || doer('on') === 'person') return undefined;
    if (!verbs.has('boot-once')) {
      return failed('not-supported', 'its BMC cannot choose the next boot', bootNext(machine, boot.device));
    }
    say(`next boot: ${boot.device}`);
    const how = { urgency: 'command', deadlineMs: times.writeMs, signal } as const;
    for (let tries = 1; ; tries += 1) {
      try {
        await bmc.ask(how, (driver, inner) => driver.bootOnce(boot, inner));
        return undefined;
      } catch (error) {
        const cause = bmcError(error);
        if (GIVEN_UP.has(cause.code) || tries >= BOOT_TRIES) return byError(cause, 'the next boot could not be set');
        say(`next boot not set yet: ${cause.message}`);
        await pause(tries, cause);
      }
    }
  }

  /** On or forced off: given, seen, and given again only when the BMC itself says that nothing came of it. */
  async function drive(what: 'on' | 'off'): Promise<PowerResult | undefined> {
    let refused: BmcError | undefined;
    for (let sends = 1; sends <= SENDS; sends += 1) {
      if (what === 'on') {
        const unset = await setBoot();
        if (unset) return unset;
      }
      say(sends === 1 ? (parts.byHand?.(what) ?? `power ${what}`) : `power ${what}, again: it still says ${known}`);
      refused = await send(what);
      if (refused && (GIVEN_UP.has(refused.code) || !canRead)) return byError(refused, `power ${what}`);
      if (!canRead) return undefined;
      if (refused) say(`power ${what}: ${refused.message}`);
      // Whether it was taken or not, by the answer or by silence: only the effect counts.
      const isSure = refused !== undefined && NOT_TAKEN.has(refused.code);
      if (await becomes(what, isSure ? times.lookCapMs : times.effectMs)) return undefined;
      if (lastError) break;
      // Under way, or said to be: asking again changes nothing.
      if (known === (what === 'on' ? 'powering-on' : 'powering-off')) break;
      if (refused) await pause(sends, refused);
    }
    if (lastError) return byError(lastError, `power ${what} was given, and what came of it cannot be read`);
    if (refused) return byError(refused, `power ${what}`);
    const seconds = Math.round(times.effectMs / 1000);
    return failed(
      'no-effect',
      `its BMC took power ${what} and still says ${known} after ${seconds} s`,
      `look at the machine, or at ingot bmc events ${machine}`,
    );
  }

  /** What nobody can see is said to be so, and by whom. */
  const unseen = (what: 'on' | 'off'): PowerResult => {
    const by = doer(what) === 'person' ? 'a person says that it is done' : 'nothing here can tell what came of it';
    return done(`power ${what} was given; ${by}`, false);
  };

  async function turnOn(): Promise<PowerResult> {
    if (!canRead) return (await drive('on')) ?? unseen('on');
    const before = await look();
    if (before.power === 'on' || before.power === 'powering-on') {
      if (boot) {
        return failed(
          'state',
          `it is ${before.power === 'on' ? 'on' : 'powering on'} already, so it would not boot ${boot.device} now`,
          `ingot power cycle ${machine} --boot ${boot.device}`,
        );
      }
      if (before.power === 'on') return done('it was on');
      return (await becomes('on', times.effectMs)) ? done('on') : stuck('on');
    }
    if (before.power === 'powering-off' && !(await becomes('off', times.effectMs))) return stuck('off');
    return (await drive('on')) ?? done('on');
  }

  const stuck = (wanted: 'on' | 'off'): PowerResult =>
    lastError
      ? byError(lastError, `it was powering ${wanted}, and now it cannot be read`)
      : failed(
          'no-effect',
          `it says ${known} for more than ${Math.round(times.effectMs / 1000)} s`,
          `look at the machine, or at ingot bmc events ${machine}`,
        );

  /** Graceful where that can be, then forced, each as far as `action` allows. */
  async function turnOff(action: 'off' | 'force-off' | 'soft'): Promise<PowerResult> {
    if (canRead && (await look()).power === 'off') return done('it was off');
    const polite = doer('soft');
    if (action !== 'force-off' && polite) {
      say(polite === 'bmc' ? 'asks the system to shut down' : 'asks the system to shut down, by its machine API');
      const refused = await send('soft');
      if (refused) say(`shut down: ${refused.message}`);
      if (refused && FATAL.has(refused.code)) return byError(refused, 'shut down');
      const hopeless = refused !== undefined && (NOT_TAKEN.has(refused.code) || !canRead);
      if (!canRead && !refused) {
        // Time to shut down, since nothing says when it has: a wake-up in between would be lost.
        await clock.sleep(times.graceMs, signal);
        return done('it was asked to shut down; nothing here can tell whether it has', false);
      }
      if (!hopeless && (await becomes('off', times.graceMs))) return done('shut down by itself');
      if (lastError && FATAL.has(lastError.code)) return byError(lastError, 'it was asked to shut down');
      if (action === 'soft') {
        if (refused && hopeless) return byError(refused, 'shut down');
        const seconds = Math.round(times.graceMs / 1000);
        return failed('no-effect', `it was asked to shut down, and is still ${known} after ${seconds} s`, forced);
      }
      if (canRead) say(`still ${known}: its power is taken away`);
    } else if (action === 'soft') {
      return failed('not-supported', 'its BMC cannot ask the system to shut down', forced);
    }
    const failure = await drive('off');
    if (failure) return failure;
    if (!canRead) return unseen('off');
    return done(action === 'off' && polite ? 'off, by force: it did not shut down' : 'off, by force');
  }
  const forced = `ingot power off ${machine} --force`;

  async function cycle(): Promise<PowerResult> {
    // One walk, one answer: nobody is sent there to turn it off, and again to turn it on.
    if (parts.byHand) return (await look()).power === 'off' ? await turnOn() : await reset();
    const off = await turnOff(order.force === true ? 'force-off' : 'off');
    if (off.kind === 'failed') return off;
    if (off.text !== 'it was off') await clock.sleep(times.restMs, signal);
    const on = await turnOn();
    return on.kind === 'done' ? done(off.text === 'it was off' ? 'it was off; on' : 'off, then on') : on;
  }

  async function reset(): Promise<PowerResult> {
    const before: BmcStatus = canRead ? await look() : { power: 'unknown' };
    // What cannot be read is not said to be off.
    if (before.power !== 'on' && before.power !== 'unknown') {
      return failed(
        'state',
        `it is ${before.power}, and only a machine that is on can be reset`,
        `ingot power on ${machine}`,
      );
    }
    const unset = await setBoot();
    if (unset) return unset;
    say(parts.byHand?.('reset') ?? 'reset');
    const refused = await send('reset');
    if (refused && (NOT_TAKEN.has(refused.code) || FATAL.has(refused.code))) return byError(refused, 'reset');
    if (!canRead)
      return refused ? byError(refused, 'reset') : done('reset was given; nothing here can tell more', false);
    await clock.sleep(times.settleMs, signal);
    if (!(await becomes('on', times.effectMs))) {
      if (lastError) return byError(lastError, 'reset was given, and what came of it cannot be read');
      return failed('no-effect', `it was reset and says ${known}`, `ingot power on ${machine}`);
    }
    if (refused) {
      return failed(
        refused.code,
        `whether the BMC took the reset is not known (${refused.message}); it is on`,
        `ingot trace ${machine}: if it did not boot anew, ingot power cycle ${machine}`,
      );
    }
    return done('reset; it is on', false);
  }

  try {
    switch (order.action) {
      case 'on':
        return await turnOn();
      case 'off':
      case 'force-off':
      case 'soft':
        return await turnOff(order.action);
      case 'cycle':
        return await cycle();
      case 'reset':
        return await reset();
      default:
        return order.action satisfies never;
    }
  } catch (error) {
    if (!(error instanceof BmcError)) throw error;
    return byError(error, 'its power cannot be read');
  }
}

/** The BMC has said that it did nothing, so that the effect need not be waited for. */
const NOT_TAKEN: ReadonlySet<BmcErrorCode> = new Set([
  'busy',
  'state',
  'refused',
  'not-supported',
  'sessions',
  'licence',
]);
/** Nothing else can be asked of it either. */
const FATAL: ReadonlySet<BmcErrorCode> = new Set(['credential', 'certificate', 'privilege']);

function bmcError(error: unknown): BmcError {
  if (error instanceof BmcError) return error;
  throw error;
}
