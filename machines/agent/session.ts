import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentOrders } from '../contract/agent.ts';
import type { Inventory } from '../contract/inventory.ts';
import { type Daemon, DaemonError } from './daemon.ts';
import { backoffMs } from './decide/backoff.ts';
import { doingOf, statusOf } from './decide/standing.ts';
import type { Operations } from './disks/operations.ts';
import type { Hardware } from './hardware.ts';
import type { HardwareReader } from './hardware-reader.ts';
import type { AgentLog } from './log.ts';
import type { LogSender } from './log-sender.ts';
import type { Renewal } from './renewal.ts';
import type { Restarts } from './restarts.ts';
import type { StandingBoard } from './standing.ts';

export type SessionParts = {
  readonly daemon: Daemon;
  readonly session: string;
  readonly heartbeatMs: number;
  readonly standing: StandingBoard;
  readonly log: AgentLog;
  readonly sender: LogSender;
  readonly hardware: Hardware;
  readonly reader: HardwareReader;
  readonly operations: Pick<Operations, 'running'>;
  readonly restarts: Pick<Restarts, 'begin' | 'running'>;
  readonly renewal: Renewal;
  /** Whether the address that the machine registered from is gone: session and certificate are for that one. */
  readonly hasMoved: () => boolean;
  readonly random: () => number;
  /** Waits between tries are multiplied by it. */
  readonly patience: number;
  readonly signal: AbortSignal;
};

/**
 * One session with the daemon: the inventory, the logs, and the heartbeat with its orders. Returns why it is over:
 * `unknown` to the daemon, which has restarted or revoked it, `moved` to another address, or the signal. A daemon that
 * does not answer ends nothing.
 */
export async function runSession(parts: SessionParts): Promise<'unknown' | 'moved' | 'stopped'> {
  const stop = new AbortController();
  const signal = AbortSignal.any([parts.signal, stop.signal]);
  const orders = openOrders(parts);
  const tasks = [
    inventories({ ...parts, signal, orders }),
    parts.sender.run((logs) => parts.daemon.logs(parts.session, logs, signal), signal),
    heartbeats({ ...parts, signal, orders }),
  ].map(async (task) => {
    try {
      return await task;
    } catch (cause) {
      if (signal.aborted) return 'stopped';
      if (cause instanceof DaemonError && cause.code === 'unknown') return 'unknown';
      throw cause;
    } finally {
      stop.abort();
    }
  });
  const ends = await Promise.all(tasks);
  return ends.find((end) => end === 'unknown' || end === 'moved') ?? 'stopped';
}

type Orders = {
  obey(order: AgentOrders['order']): void;
  /** Fulfilled at the next order to read the hardware. What was ordered while it was being read is done with that. */
  inventoryWanted(): Promise<void>;
};

function openOrders({ operations, restarts, log }: SessionParts): Orders {
  let wanted = Promise.withResolvers<void>();
  let refused: string | undefined;
  return {
    inventoryWanted() {
      wanted = Promise.withResolvers();
      return wanted.promise;
    },
    obey(order) {
      if (order === 'wait' || restarts.running()) return;
      if (order === 'inventory') return wanted.resolve();
      const writing = operations.running();
      if (!writing) return void restarts.begin(order);
      // No power action on a machine whose agent is writing, whoever asks for it.
      const text = `${order} was ordered and is not obeyed while ${writing.id} is under way`;
      if (text !== refused) log.warn(text);
      refused = text;
    },
  };
}

type Task = SessionParts & { readonly orders: Orders };

/**
 * What is known from before goes first; then a new reading for each order, and once more when the switches at the other
 * ends were heard, which takes half a minute.
 */
async function inventories(parts: Task): Promise<never> {
  const { daemon, session, standing, log, hardware, reader, signal } = parts;
  let inventory = hardware.current() ?? (await read());
  let heard: Promise<boolean> = reader.listen().catch((cause: unknown) => {
    if (!signal.aborted) log.warn(`no switches were listened for: ${String(cause)}`);
    return false;
  });
  for (;;) {
    if (inventory) await send(inventory);
    const wanted = parts.orders.inventoryWanted();
    if (inventory) log.info(`inventory sent: ${inventory.disks.length} disks, ${inventory.nics.length} NICs`);
    const isHeard = await Promise.race([wanted.then(() => false), onlyIf(heard), aborted(signal)]);
    if (isHeard) heard = Promise.resolve(false);
    inventory = isHeard ? hardware.current() : await read();
  }

  async function read(): Promise<Inventory | undefined> {
    standing.change({ reading: true });
    try {
      return await reader.read();
    } catch (cause) {
      signal.throwIfAborted();
      log.error(`the hardware could not be read: ${String(cause)}`);
      return undefined;
    } finally {
      standing.change({ reading: false });
    }
  }

  async function send(one: Inventory): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await daemon.inventory(session, one, signal);
        return;
      } catch (cause) {
        signal.throwIfAborted();
        if (!(cause instanceof DaemonError) || cause.code === 'unknown') throw cause;
        log.warn(`the inventory was not taken: ${cause.message}`);
        await sleep(backoffMs(tries, parts.random()) * parts.patience, undefined, { signal });
      }
    }
  }
}

/** In its interval, and at once when the stage changes. */
async function heartbeats(parts: Task): Promise<'moved'> {
  const { daemon, session, standing, signal } = parts;
  let changed = Promise.withResolvers<void>();
  const leave = standing.onChange((now, before) => {
    if (doingOf(now).stage !== doingOf(before).stage) changed.resolve();
  });
  try {
    for (let tries = 0; !parts.hasMoved(); ) {
      changed = Promise.withResolvers();
      try {
        const { notice, order } = await daemon.status(session, statusOf(standing.current()), signal);
        tries = 0;
        standing.change({ notice, trouble: undefined });
        parts.orders.obey(order);
        await parts.renewal.look(signal);
      } catch (cause) {
        signal.throwIfAborted();
        if (!(cause instanceof DaemonError) || cause.code === 'unknown') throw cause;
        standing.change({ trouble: `${cause.message}; trying again` });
        await sleep(backoffMs(tries++, parts.random()) * parts.patience, undefined, { signal });
        continue;
      }
      const over = new AbortController();
      const both = AbortSignal.any([signal, over.signal]);
      await Promise.race([changed.promise, sleep(parts.heartbeatMs, undefined, { signal: both })]).finally(() =>
        over.abort(),
      );
    }
    return 'moved';
  } finally {
    leave();
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  return promise;
}

/** Waits for ever where it comes to nothing. */
const onlyIf = async (coming: Promise<boolean>): Promise<boolean> => (await coming) || (await new Promise(() => {}));
