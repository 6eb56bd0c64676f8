import { BmcError, type BmcDriver } from './contract.ts';
import type { Clock } from './clock.ts';
import { admit, afterFailure, afterSuccess, type Circuit, CLOSED, withNewCredential } from './decide/circuit.ts';
import { openTurns, type Turns, type Urgency } from './turns.ts';

export type Ask = {
  readonly urgency: Urgency;
  /** For all of it, from the moment it is this one's turn. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
};

/** How long a driver may take to notice that its deadline is over. */
const HEED_MS = 500;

/**
 * One BMC: its driver, opened when it is first asked and kept open (one session), one request at a time, and whether it
 * is worth asking at all.
 */
export type BmcConnection = AsyncDisposable & {
  /**
   * Rejects with a `BmcError` at the deadline, whatever the BMC does, or with the reason of the signal. Never asks
   * twice.
   */
  ask<T>(how: Ask, work: (driver: BmcDriver, signal: AbortSignal) => Promise<T>): Promise<T>;
  circuit(): Circuit;
  /** Another credential, address or certificate: the driver is opened anew, and earlier refusals count no more. */
  renew(): Promise<void>;
};

export function openConnection(parts: {
  /** For messages: the address of the BMC. */
  readonly address: string;
  readonly open: (signal: AbortSignal) => Promise<BmcDriver>;
  /** Of this BMC, where others share it. */
  readonly lane?: Turns;
  /** Over all BMCs. */
  readonly everywhere: Turns;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told after each request that changed it. */
  readonly onCircuit?: (circuit: Circuit) => void;
}): BmcConnection {
  const { address, everywhere, clock, random } = parts;
  const lane = parts.lane ?? openTurns(1);
  let driver: BmcDriver | undefined;
  let circuit = CLOSED;

  function become(next: Circuit): void {
    if (next === circuit) return;
    circuit = next;
    parts.onCircuit?.(next);
  }

  async function close(): Promise<void> {
    const old = driver;
    driver = undefined;
    if (old) await farewell(old);
  }

  /** Whoever does not come back at the deadline is left behind, and its driver with it. */
  async function within<T>(how: Ask, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const signal = AbortSignal.any([how.signal, over.signal]);
    const stopTimer = new AbortController();
    const late = new BmcError('timeout', `${address} did not answer within ${how.deadlineMs} ms`);
    clock.sleep(how.deadlineMs, stopTimer.signal).then(
      () => over.abort(late),
      () => {},
    );
    const aborted = Promise.withResolvers<never>();
    const leave = (): void => aborted.reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    aborted.promise.catch(() => {});
    const working = work(signal);
    working.catch(() => {});
    try {
      return await Promise.race([working, aborted.promise]);
    } catch (cause) {
      if (signal.aborted) {
        // A driver that heeds its signal is done soon; one that does not is left behind, and never asked again.
        const heeded = await Promise.race([working.then(yes, yes), clock.sleep(HEED_MS, stopTimer.signal).then(no)]);
        if (!heeded) void close();
        throw how.signal.aborted ? how.signal.reason : late;
      }
      throw cause;
    } finally {
      stopTimer.abort();
      signal.removeEventListener('abort', leave);
    }
  }

  /** One that comes too late is closed again. */
  async function opened(signal: AbortSignal): Promise<BmcDriver> {
    const fresh = await parts.open(signal);
    if (!signal.aborted) return fresh;
    await farewell(fresh);
    throw signal.reason;
  }

  function failed(cause: unknown): BmcError {
    const error =
      cause instanceof BmcError
        ? cause
        : new BmcError(
            'malformed',
            `${address}: the driver failed: ${cause instanceof Error ? cause.message : String(cause)}`,
            { cause },
          );
    const because = error.message;
    become(
      afterFailure(circuit, { code: error.code, because, retryAfterMs: error.retryAfterMs }, clock.now(), random()),
    );
    return error;
  }

  return {
    async ask(how, work) {
      using _mine = await lane.take(how.urgency, how.signal);
      const admission = admit(circuit, how.urgency, clock.now());
      if (admission.kind === 'locked') throw new BmcError('credential', `${address}: ${admission.because}`);
      if (admission.kind === 'wait') {
        const retryAfterMs = Math.max(0, admission.untilMs - clock.now());
        throw new BmcError(admission.code, `${address} is not asked for now: ${admission.because}`, { retryAfterMs });
      }
      using _global = await everywhere.take(how.urgency, how.signal);
      try {
        const result = await within(how, async (signal) => {
          driver ??= await opened(signal);
          return await work(driver, signal);
        });
        if (circuit.failures > 0 || circuit.refusals > 0 || circuit.last) become(afterSuccess());
        return result;
      } catch (cause) {
        if (how.signal.aborted) throw how.signal.reason;
        throw failed(cause);
      }
    },
    circuit: () => circuit,
    async renew() {
      using _mine = await lane.take('command', new AbortController().signal);
      await close();
      become(withNewCredential(circuit));
    },
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}

/** Nothing more is wanted of it; where the logout fails, the session ends by itself. */
async function farewell(driver: BmcDriver): Promise<void> {
  try {
    await driver[Symbol.asyncDispose]();
  } catch {
    // It was its last word.
  }
}

const yes = (): true => true;
const no = (): false => false;
