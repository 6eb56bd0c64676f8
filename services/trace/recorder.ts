import { setInterval } from 'node:timers/promises';
import type { Logger } from 'pino';
import { VERDICT_TIMES, type VerdictTimes } from '#machines/decide/verdict/times.ts';
import type { Attempt } from '#machines/contract/trace.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { LeaseStore, TraceStore } from '#services/store/contract.ts';
import type { Recorder } from './contract.ts';
import { RECORDER_LIMITS, type RecorderLimits } from './limits.ts';
import { restoredAttempt } from './live-attempt.ts';
import { liveAttempts } from './live-attempts.ts';
import { packetKeeper } from './packet-keeper.ts';
import { traceWriter } from './writer.ts';

export type RecorderParts = {
  readonly store: TraceStore;
  readonly registry: Pick<Registry, 'machine' | 'machineByMac' | 'watch'>;
  /** Who has an address, so that joining by address survives a restart. */
  readonly leases?: Pick<LeaseStore, 'all'>;
  readonly clock: { now(): number };
  /** So many random bytes; an attempt's id is a secret that a script carries. */
  readonly random: (size: number) => Uint8Array;
  readonly log: Pick<Logger, 'error' | 'warn' | 'info'>;
  readonly limits?: Partial<RecorderLimits>;
  readonly times?: Partial<VerdictTimes>;
};

/**
 * A recorder that is also a task: while it runs, events are written, silences are noticed and old traces removed. What
 * is recorded after its end is written when it is disposed of.
 */
export type RunningRecorder = Required<Recorder> &
  AsyncDisposable & {
    readonly name: string;
    readonly ready: Promise<void>;
    run(signal: AbortSignal): Promise<void>;
    /** Looks at all deadlines that have passed, and writes what waits. What `run` does five times a second. */
    tick(): Promise<void>;
  };

type Begun = Pick<Attempt, 'startedAt' | 'id'>;

/** Of two that began in one millisecond the ids decide, so that pages neither skip nor repeat any. */
const newestFirst = (one: Begun, other: Begun): number =>
  other.startedAt - one.startedAt || (other.id < one.id ? -1 : Number(other.id > one.id));

/** Attempts older than this have ended anyway. */
const TAKE_UP_MS = 6 * 3600_000;
const PAGE = 2000;

/** Takes up the attempts that were in progress when the daemon stopped; rejects if the store cannot be read. */
export async function openRecorder(parts: RecorderParts): Promise<RunningRecorder> {
  const { store, registry, clock, log } = parts;
  const limits: RecorderLimits = { ...RECORDER_LIMITS, ...parts.limits };
  const times: VerdictTimes = { ...VERDICT_TIMES, ...parts.times };
  const packets = packetKeeper(limits);
  const writer = traceWriter({ store, packets, log, queueLimit: limits.queue });
  const attempts = liveAttempts({ ...parts, writer, limits, times });

  const storedEvents = (attempt: string, after: number) => store.events(attempt, after, 4 * limits.events);

  async function takeUp(): Promise<void> {
    const now = clock.now();
    let last: Attempt | undefined;
    for (;;) {
      const page = await store.attempts({
        limit: PAGE,
        ...(last === undefined ? {} : { before: last.startedAt, beforeId: last.id }),
      });
      for (const attempt of page) {
        if (attempt.endedAt === undefined) {
          const events = await storedEvents(attempt.id, 0);
          const { length } = await store.packets(attempt.id);
          attempts.takeUp(restoredAttempt(attempt, { events, packets: length }), now);
        } else if (attempt.startedAt >= now - times.loopWindowMs) {
          attempts.takeUpEnded(restoredAttempt(attempt, { events: [], packets: 0 }));
        }
      }
      last = page.at(-1);
      if (page.length < PAGE || !last || last.startedAt < now - TAKE_UP_MS) return;
    }
  }

  async function tick(): Promise<void> {
    attempts.tick(clock.now());
    await writer.flush();
  }

  async function prune(now: number): Promise<void> {
    try {
      await store.prune({ after: now - limits.keepMs, attempts: limits.keepAttempts });
    } catch (error) {
      log.error({ err: error }, 'old traces could not be removed');
    }
  }

  async function finish(): Promise<void> {
    attempts.settle(clock.now());
    if (!(await writer.flush())) throw new Error('the last traces could not be written');
  }

  for (const { state, address, mac, boundAt } of (await parts.leases?.all()) ?? []) {
    if (state === 'bound' && mac !== undefined) attempts.learn(address, mac, boundAt);
  }
  await takeUp();
  const stopWatching = registry.watch((change) => {
    if (change.kind === 'machine' && change.machine) attempts.machineChanged(change.name, change.machine);
  });

  return {
    name: 'trace recorder',
    ready: Promise.resolve(),
    async run(signal) {
      let prunedAt = Number.NEGATIVE_INFINITY;
      try {
        for await (const _ of setInterval(limits.flushMs, undefined, { signal })) {
          await tick();
          const now = clock.now();
          if (now - prunedAt < limits.pruneMs) continue;
          prunedAt = now;
          await prune(now);
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      await finish();
    },
    async [Symbol.asyncDispose]() {
      stopWatching();
      await finish();
    },
    record(subject, body) {
      try {
        return attempts.record(subject, body);
      } catch (error) {
        log.error({ err: error, subject, body }, 'an event could not be recorded');
        return undefined;
      }
    },
    live(subject) {
      const live = attempts.find(subject, clock.now());
      return live?.endedAt === undefined && live ? attempts.snapshot(live) : undefined;
    },
    macOf: (address) => attempts.macOf(address),
    async attempts({ machine, mac, limit, before, beforeId = '', oldestFirst = false }) {
      const inOrder = oldestFirst ? (a: Begun, b: Begun): number => newestFirst(b, a) : newestFirst;
      const stored = await store.attempts({
        limit,
        ...(machine === undefined ? {} : { machine }),
        ...(mac === undefined ? {} : { mac }),
        ...(before === undefined ? {} : { before, beforeId }),
        oldestFirst,
      });
      const all = new Map(stored.map((attempt) => [attempt.id, attempt]));
      // A full page needs nothing that comes after its last.
      const last = stored.length < limit ? undefined : stored.at(-1);
      for (const live of attempts.all()) {
        if (last && inOrder(last, live) < 0) continue;
        if (machine !== undefined && live.machine !== machine) continue;
        if (mac !== undefined && live.mac !== mac) continue;
        if (before === undefined || inOrder({ startedAt: before, id: beforeId }, live) < 0) {
          all.set(live.id, attempts.snapshot(live));
        }
      }
      return [...all.values()].sort(inOrder).slice(0, limit);
    },
    async attempt(id) {
      const live = attempts.get(id);
      if (live) return attempts.snapshot(live);
      const stored = await store.attempt(id);
      if (stored && stored.startedAt > clock.now() - TAKE_UP_MS) {
        // Whoever asks for it may be about to add to it.
        const [events, kept] = await Promise.all([storedEvents(id, 0), store.packets(id)]);
        attempts.recall(restoredAttempt(stored, { events, packets: kept.length }));
      }
      return stored;
    },
    async events(attempt, after = 0) {
      // Looked at first: what is written in the meantime is then in both.
      const pending = writer.pending(attempt).filter(({ seq }) => seq > after);
      const stored = await storedEvents(attempt, after);
      const last = stored.at(-1)?.seq ?? after;
      return [...stored, ...pending.filter(({ seq }) => seq > last)];
    },
    watch: (listener) => attempts.watch(listener),
    packet(subject, packet) {
      const now = clock.now();
      const live = attempts.find(subject, now);
      if (live && packets.keep(live.id, live.packets, packet, now)) live.packets += 1;
    },
    async packets(attempt) {
      const pending = packets.pending(attempt);
      const stored = await store.packets(attempt);
      const last = stored.at(-1)?.number ?? 0;
      return [...stored, ...pending.filter(({ number }) => number > last)];
    },
    tick,
  };
}
