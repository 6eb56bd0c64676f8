import type { PowerReading } from '#machines/contract/api/bmc-resource.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { bmcOf, type Bmcs, type MachineBmc } from './bmcs.ts';
import type { Clock } from './clock.ts';
import { BmcError } from './contract.ts';
import { phaseMs } from './decide/phases.ts';

export type PollTimes = {
  readonly everyMs: number;
  readonly deadlineMs: number;
  /** How often it is looked who is due. */
  readonly tickMs: number;
};
export const POLL_TIMES: PollTimes = { everyMs: 30_000, deadlineMs: 15_000, tickMs: 100 };

/** A BMC that was heard from is written down that seldom: polls alone must not wear out a disk. */
const SEEN_EVERY_MS = 60 * 60_000;

/** While a rack boots, machines change many times a second. */
const STOCK_EVERY_MS = 1000;

export type Poller = {
  readonly name: string;
  readonly ready: Promise<void>;
  /** Polls until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  reading(machine: string): PowerReading | undefined;
  readings(): readonly PowerReading[];
  /** Something else has read it: no need to ask twice. */
  note(machine: string, reading: PowerReading): void;
  counters(): {
    readonly asked: number;
    readonly answered: number;
    readonly failed: number;
    readonly late: number;
    /** Until the answer, its turn in the queue of its BMC included; of all answered together. */
    readonly answerMs: number;
  };
};

/**
 * Reads power and health of every machine whose BMC can tell, each once a period, all of them spread evenly over it.
 * One that is still being asked, or whose circuit is open, is passed over. Sessions are kept: a poll is one read.
 */
export function openPoller(parts: {
  readonly bmcs: Bmcs;
  readonly machines: () => readonly Machine[];
  readonly clock: Clock;
  readonly times?: PollTimes;
  /** Told of each reading whose power, health or error is another than before. */
  readonly onChange: (reading: PowerReading, before: PowerReading | undefined) => void;
  /** While a BMC is known to answer, for whatever else is due; never rejects. The next poll does not wait for it. */
  readonly onAnswer?: (bmc: MachineBmc, signal: AbortSignal) => Promise<void>;
  /** Its credential was refused; never rejects. */
  readonly onRefused?: (bmc: MachineBmc, signal: AbortSignal) => Promise<void>;
}): Poller {
  const { bmcs, machines, clock, onChange, onAnswer, onRefused } = parts;
  const times = parts.times ?? POLL_TIMES;
  const readings = new Map<string, PowerReading>();
  const places = new Map<string, { readonly phase: number; bmc: MachineBmc; dueAt: number; asking: boolean }>();
  const counts = { asked: 0, answered: 0, failed: 0, late: 0, answerMs: 0 };
  const asking = new Set<Promise<void>>();
  let numbered = 0;
  let known: readonly Machine[] = [];
  let stockAt = Number.NEGATIVE_INFINITY;

  function note(machine: string, reading: PowerReading): void {
    const before = readings.get(machine);
    readings.set(machine, reading);
    const isSame =
      before?.power === reading.power && before.health === reading.health && before.error?.code === reading.error?.code;
    if (!isSame) onChange(reading, before);
  }

  /** Machines come and go; whoever stays keeps its place in the period. */
  function takeStock(now: number): void {
    if (now - stockAt < STOCK_EVERY_MS) return;
    stockAt = now;
    const all = machines();
    if (all === known) return;
    known = all;
    const seen = new Set<string>();
    for (const machine of all) {
      const bmc = bmcOf(machine);
      if (bmc?.type !== 'redfish' && bmc?.type !== 'ipmi' && bmc?.type !== 'webhook') continue;
      seen.add(bmc.machine);
      const place = places.get(bmc.machine);
      if (place) place.bmc = bmc;
      else {
        const phase = phaseMs(numbered, times.everyMs);
        numbered += 1;
        places.set(bmc.machine, { phase, bmc, dueAt: now + phase, asking: false });
      }
    }
    for (const machine of places.keys()) {
      if (seen.has(machine)) continue;
      places.delete(machine);
      readings.delete(machine);
    }
  }

  /** Awaited before the poller ends. */
  function follow(work: Promise<void> | undefined): void {
    if (!work) return;
    const mine = work.finally(() => asking.delete(mine));
    asking.add(mine);
  }

  async function poll(bmc: MachineBmc, signal: AbortSignal): Promise<void> {
    const { machine } = bmc;
    counts.asked += 1;
    const askedAt = clock.now();
    try {
      const status = await bmcs
        .connection(bmc)
        .ask({ urgency: 'poll', deadlineMs: times.deadlineMs, signal }, (driver, inner) => driver.status(inner));
      counts.answered += 1;
      counts.answerMs += Math.max(0, clock.now() - askedAt);
      note(machine, { machine, at: clock.now(), ...status });
      follow(onAnswer?.(bmc, signal));
      const seenAt = bmcs.record(bmc.address)?.seenAt ?? 0;
      if (clock.now() - seenAt > SEEN_EVERY_MS) {
        await bmcs.change(bmc, (record) => ({ ...record, seenAt: clock.now() }));
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof BmcError)) throw error;
      counts.failed += 1;
      const before = readings.get(machine);
      const last = { code: error.code, because: error.message, at: clock.now() };
      // How it stood says nothing about how it stands; when that was is told beside it.
      note(machine, { machine, power: 'unknown', at: before?.at ?? 0, error: last });
      if (error.code === 'credential') follow(onRefused?.(bmc, signal));
    }
  }

  const ready = Promise.resolve();
  return {
    name: 'bmc poller',
    ready,
    async run(signal) {
      const broken = new AbortController();
      const both = AbortSignal.any([signal, broken.signal]);
      try {
        while (!both.aborted) {
          const now = clock.now();
          takeStock(now);
          for (const place of places.values()) {
            if (place.dueAt > now) continue;
            if (now - place.dueAt > times.everyMs) counts.late += 1;
            // From where it should have been: the spread stays even. After a pause of the whole machine, from now.
            place.dueAt += times.everyMs * Math.max(1, Math.ceil((now - place.dueAt) / times.everyMs));
            if (place.asking) {
              counts.late += 1;
              continue;
            }
            place.asking = true;
            const mine = poll(place.bmc, both)
              .catch((error: unknown) => broken.abort(error))
              .finally(() => {
                place.asking = false;
                asking.delete(mine);
              });
            asking.add(mine);
          }
          await clock.sleep(times.tickMs, both);
        }
      } catch (error) {
        if (!both.aborted) throw error;
      } finally {
        await Promise.all(asking);
      }
      if (broken.signal.aborted) throw broken.signal.reason;
    },
    reading: (machine) => readings.get(machine),
    readings: () => [...readings.values()].toSorted((a, b) => a.machine.localeCompare(b.machine)),
    note,
    counters: () => ({ ...counts }),
  };
}
