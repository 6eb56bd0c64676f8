import type { Logger } from 'pino';
import type { Machine } from '#machines/contract/machine.ts';
import type { Attempt, TraceBody, TraceEvent } from '#machines/contract/trace.ts';
import { belongs, endsAt } from '#machines/decide/attempt.ts';
import { judge } from '#machines/decide/verdict.ts';
import { fold } from '#machines/decide/verdict/evidence.ts';
import type { VerdictTimes } from '#machines/decide/verdict/times.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import type { Registry } from '#services/registry/contract.ts';
import { addressBook } from './address-book.ts';
import { strangerAdmission } from './admission.ts';
import { attemptIndex } from './attempt-index.ts';
import type { Subject } from './contract.ts';
import { dueTimes } from './due-times.ts';
import { fruitlessBoots } from './fruitless-boots.ts';
import type { RecorderLimits } from './limits.ts';
import { attemptOf, eventOf, type LiveAttempt, newAttempt } from './live-attempt.ts';
import type { TraceWriter } from './writer.ts';

/** Told in the trace so often at most, while events of it are being dropped. */
const DROPPED_TOLD_EVERY_MS = 60_000;

/**
 * The attempts in memory: joins events to them, judges them, ends them. Nothing here waits: what is to be stored goes to
 * the writer.
 *
 * A verdict is worked out when somebody looks, or at the next tick, and not with each event: a boot storm brings
 * thousands of events between two looks.
 */
export function liveAttempts(parts: {
  readonly registry: Pick<Registry, 'machine' | 'machineByMac'>;
  readonly writer: TraceWriter;
  readonly clock: { now(): number };
  readonly random: (size: number) => Uint8Array;
  readonly log: Pick<Logger, 'error' | 'warn'>;
  readonly limits: RecorderLimits;
  readonly times: VerdictTimes;
}) {
  const { registry, writer, clock, random, log, limits, times } = parts;
  const index = attemptIndex(limits);
  const book = addressBook(limits);
  const deadlines = dueTimes<LiveAttempt>();
  const fruitless = fruitlessBoots({ windowMs: times.loopWindowMs, machines: limits.live });
  const admission = strangerAdmission(limits, clock.now());
  const watchers = new Set<(attempt: Attempt, event: TraceEvent | undefined) => void>();
  /** Events came since they were judged last. */
  const unjudged = new Set<LiveAttempt>();

  const machineOf = (live: LiveAttempt): Machine | undefined =>
    live.machine === undefined ? live.mac && registry.machineByMac(live.mac) : registry.machine(live.machine);

  /** Judges anew; tells whether the verdict is another one. */
  function assess(live: LiveAttempt, now: number): boolean {
    unjudged.delete(live);
    const machine = machineOf(live);
    const { verdict, changesAt } = judge(live.evidence, now, {
      ...(machine ? { machine: { name: machine.document.name, acceptance: machine.acceptance } } : {}),
      fruitlessBoots: fruitless.before(live),
      times,
    });
    const before = live.verdict;
    live.verdict = verdict;
    if (live.endedAt === undefined) {
      deadlines.set(live, Math.min(changesAt ?? Number.POSITIVE_INFINITY, endsAt(live.evidence)));
    }
    return before.code !== verdict.code || before.stage !== verdict.stage || before.cause !== verdict.cause;
  }

  function tell(live: LiveAttempt, event: TraceEvent | undefined): void {
    if (watchers.size === 0) return;
    const attempt = attemptOf(live);
    for (const watcher of watchers) {
      try {
        watcher(attempt, event);
      } catch (error) {
        log.error({ err: error }, 'a watcher of traces failed');
      }
    }
  }

  /** Judges anew where nothing was heard, and tells if that changed anything. */
  function reassess(live: LiveAttempt, now: number): void {
    if (!assess(live, now)) return;
    writer.touch(live);
    tell(live, undefined);
  }

  function keep(live: LiveAttempt, event: TraceEvent): void {
    if (writer.add(live, event)) {
      live.events = event.seq;
      if (event.kind === 'log') live.logs += 1;
      tell(live, event);
    } else drop(live, 'the store is behind');
  }

  function drop(live: LiveAttempt, because: string): void {
    live.dropped += 1;
    live.droppedBecause = because;
  }

  /** What was dropped is counted in the trace itself, now and then and at its end. */
  function tellDropped(live: LiveAttempt, now: number): void {
    if (live.dropped === 0) return;
    const { dropped: count, droppedBecause: because } = live;
    const event = eventOf({ kind: 'dropped', count, because }, live.events + 1, now);
    if (!writer.add(live, event)) return;
    live.events = event.seq;
    live.dropped = 0;
    live.droppedToldAt = now;
    tell(live, event);
  }

  function append(live: LiveAttempt, body: TraceBody, now: number): void {
    // A clock that was set back does not turn a trace around.
    const at = Math.max(now, live.lastAt);
    const event = eventOf(body, live.events + 1, at);
    const isLog = body.kind === 'log';
    const hasRoom = live.events < limits.events && (!isLog || live.logs < limits.logs);
    // Whether this one is news can only be told from a verdict on all that came before.
    if (!hasRoom && unjudged.has(live)) assess(live, at);
    live.evidence = fold(live.evidence, event);
    live.lastAt = at;
    if (live.mac !== undefined) {
      live.claimed = book.observe(live.mac, body, at, live.claimed);
      if (live.claimed !== undefined) live.address = live.claimed;
    }
    if (live.evidence.running?.netbooted) fruitless.forget(live);
    if (hasRoom && watchers.size === 0) {
      unjudged.add(live);
      return keep(live, event);
    }
    const isNews = assess(live, at);
    // The first events tell how it began, and those that change the verdict how it went on.
    if (hasRoom || (isNews && live.events < 2 * limits.events)) return keep(live, event);
    drop(live, `an attempt keeps ${isLog ? `${limits.logs} log lines` : `${limits.events} events`}`);
    if (now - live.droppedToldAt > DROPPED_TOLD_EVERY_MS && live.events < 3 * limits.events) tellDropped(live, at);
    writer.touch(live);
    if (isNews) tell(live, undefined);
  }

  function end(live: LiveAttempt, now: number): void {
    if (live.endedAt !== undefined) return;
    assess(live, now);
    tellDropped(live, now);
    deadlines.remove(live);
    index.end(live, now);
    fruitless.note(live);
    writer.touch(live);
    tell(live, undefined);
  }

  function endFirst(from: Iterable<LiveAttempt>, now: number): void {
    for (const first of from) return end(first, now);
  }

  function begin(mac: MacAddress, machine: Machine | undefined, now: number): LiveAttempt | undefined {
    const isStranger = machine === undefined || machine.acceptance === 'seen';
    const admitted = isStranger ? admission.admit(now) : 'admitted';
    if (admitted === 'first-refusal') log.warn('too many unknown netboot clients at once: some have no trace');
    if (admitted !== 'admitted') return undefined;
    const { strangers } = index;
    if (isStranger && strangers.size >= limits.strangers) endFirst(strangers, now);
    if (index.size >= limits.live) endFirst(strangers.size > 0 ? strangers : index.inProgress(), now);
    const live = newAttempt({
      id: Buffer.from(random(16)).toString('base64url'),
      site: machine?.document.location.site ?? 'default',
      machine: machine?.document.name,
      mac,
      startedAt: now,
    });
    index.add(live, { isStranger });
    return live;
  }

  const macIn = ({ mac, address }: Subject, now: number): MacAddress | undefined =>
    mac ?? (address === undefined ? undefined : book.macOf(address, now));

  function find(subject: Subject, now: number): LiveAttempt | undefined {
    const named = subject.attempt === undefined ? undefined : index.get(subject.attempt);
    if (named) return named;
    const mac = macIn(subject, now);
    return mac === undefined ? undefined : index.current(mac, registry.machineByMac(mac)?.document.name);
  }

  function recordNamed(live: LiveAttempt, { address }: Subject, body: TraceBody, now: number): void {
    // Its own URL was asked for again: it goes on.
    if (live.endedAt !== undefined) index.revive(live);
    index.join(live, undefined, machineOf(live));
    if (address !== undefined) live.address ??= address;
    append(live, body, now);
  }

  return {
    record(subject: Subject, body: TraceBody): string | undefined {
      const now = clock.now();
      const named = subject.attempt === undefined ? undefined : index.get(subject.attempt);
      if (named) {
        recordNamed(named, subject, body, now);
        return named.id;
      }
      const mac = macIn(subject, now);
      if (mac === undefined) return undefined;
      const machine = registry.machineByMac(mac);
      const current = index.current(mac, machine?.document.name);
      const registered = machine !== undefined && machine.acceptance !== 'seen';
      const belonging = belongs(body, now, current?.evidence, { registered });
      if (belonging === 'nowhere') {
        book.observe(mac, body, now, undefined);
        return undefined;
      }
      if (belonging === 'begins' && current) end(current, now);
      const live = belonging === 'continues' && current ? current : begin(mac, machine, now);
      if (!live) return undefined;
      live.macs.add(mac);
      index.join(live, mac, machine);
      const { address } = subject;
      if (address !== undefined) {
        live.address = address;
        // A request for a script names its MAC: from now on the address is known, whoever leased it.
        if (subject.mac !== undefined && body.kind === 'script-rendered') book.learn(address, mac, now);
      }
      append(live, body, now);
      return live.id;
    },
    find,
    get: index.get,
    all: index.all,
    /** The attempt as it stands now. */
    snapshot(live: LiveAttempt): Attempt {
      if (unjudged.has(live)) assess(live, clock.now());
      return attemptOf(live);
    },
    macOf: (address: IpAddress): MacAddress | undefined => book.macOf(address, clock.now()),
    learn: book.learn,
    /** Judges what has news, and what has been silent for too long. */
    tick(now: number): void {
      for (const live of unjudged) reassess(live, now);
      for (let live = deadlines.take(now); live; live = deadlines.take(now)) {
        if (now >= endsAt(live.evidence)) end(live, now);
        else reassess(live, now);
      }
    },
    /** Before the last write: judges all that has news, and counts what was dropped. */
    settle(now: number): void {
      for (const live of unjudged) assess(live, now);
      for (const live of index.inProgress()) tellDropped(live, now);
    },
    /** An operator changed the machine. */
    machineChanged(name: string, machine: Machine): void {
      const macs = [...machine.document.macs, ...machine.identifiers.macs];
      const affected = new Set([index.current(undefined, name), ...macs.map((mac) => index.current(mac, undefined))]);
      for (const live of affected) {
        if (!live) continue;
        index.join(live, undefined, machine);
        reassess(live, clock.now());
      }
    },
    /** One that was stored before the daemon started: it goes on, or has ended meanwhile. */
    takeUp(live: LiveAttempt, now: number): void {
      if (live.mac !== undefined && live.address !== undefined) book.learn(live.address, live.mac, live.lastAt);
      const isOver = live.mac === undefined || now >= endsAt(live.evidence) || index.current(live.mac, live.machine);
      if (isOver) return end(live, now);
      const machine = machineOf(live);
      index.add(live, { isStranger: machine === undefined || machine.acceptance === 'seen' });
      reassess(live, now);
    },
    /** One that ended before. */
    takeUpEnded(live: LiveAttempt): void {
      if (live.verdict.code !== 'booted') fruitless.note(live);
    },
    /** One that is only in the store, and is about to be added to: found by its id from now on. */
    recall(live: LiveAttempt): void {
      if (index.get(live.id)) return;
      live.endedAt ??= live.lastAt;
      index.keepEnded(live);
    },
    watch(listener: (attempt: Attempt, event: TraceEvent | undefined) => void): () => void {
      watchers.add(listener);
      return () => watchers.delete(listener);
    },
  };
}
