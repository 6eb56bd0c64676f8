import { setInterval } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Machine } from '#machines/contract/machine.ts';
import type { Attempt, TraceBody, TraceEvent } from '#machines/contract/trace.ts';
import { belongs, endsAt, isFruitless } from '#machines/decide/attempt.ts';
import { judge } from '#machines/decide/verdict.ts';
import { evidenceOf, fold, NO_EVIDENCE } from '#machines/decide/verdict/evidence.ts';
import type { VerdictContext } from '#machines/decide/verdict/finding.ts';
import { VERDICT_TIMES, type VerdictTimes } from '#machines/decide/verdict/times.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { TraceStore } from '#services/store/contract.ts';
import { addressBook } from './address-book.ts';
import type { Recorder, Subject, TracePacket } from './contract.ts';
import { dueTimes } from './due-times.ts';
import { RECORDER_LIMITS, type RecorderLimits } from './limits.ts';
import { attemptOf, eventOf, type LiveAttempt } from './live-attempt.ts';
import { packetKeeper } from './packet-keeper.ts';
import { traceWriter } from './writer.ts';

export type RecorderParts = {
  readonly store: TraceStore;
  readonly registry: Pick<Registry, 'machine' | 'machineByMac' | 'watch'>;
  readonly clock: { now(): number };
  /** So many random bytes; an attempt's id is a secret that a script carries. */
  readonly random: (size: number) => Uint8Array;
  readonly log: Pick<Logger, 'error' | 'warn' | 'info'>;
  readonly limits?: Partial<RecorderLimits>;
  readonly times?: Partial<VerdictTimes>;
};

/** A recorder that is also a task: while it runs, events are written, silences are noticed and old traces removed. */
export type RunningRecorder = Required<Recorder> & {
  readonly name: string;
  readonly ready: Promise<void>;
  run(signal: AbortSignal): Promise<void>;
  /** Who holds an address by the leases that were stored, so that joining survives a restart. */
  learnAddress(address: IpAddress, mac: MacAddress, at: number): void;
  /** Looks at all deadlines that have passed, and writes what waits. What `run` does five times a second. */
  tick(): Promise<void>;
};

const DROPPED_TOLD_EVERY_MS = 60_000;
/** Attempts older than this have ended anyway. */
const TAKE_UP_MS = 6 * 3600_000;
const PAGE = 2000;

/** Takes up the attempts that were in progress when the daemon stopped; rejects if the store cannot be read. */
export async function openRecorder(parts: RecorderParts): Promise<RunningRecorder> {
  const { store, registry, clock, random, log } = parts;
  const limits: RecorderLimits = { ...RECORDER_LIMITS, ...parts.limits };
  const times: VerdictTimes = { ...VERDICT_TIMES, ...parts.times };

  const book = addressBook(limits);
  const packets = packetKeeper(limits);
  const writer = traceWriter({ store, packets, log, queueLimit: limits.queue });
  const deadlines = dueTimes<LiveAttempt>();
  /** Live ones, and those that ended not long ago. */
  const byId = new Map<string, LiveAttempt>();
  /** The attempt in progress of a machine, or of a MAC that is none. In the order of their last event. */
  const byMachine = new Map<string, LiveAttempt>();
  const byMac = new Map<MacAddress, LiveAttempt>();
  /** Ended ones, oldest first. */
  const ended = new Set<LiveAttempt>();
  const strangers = new Set<LiveAttempt>();
  const fruitless = new Map<string, readonly number[]>();
  const watchers = new Set<(attempt: Attempt, event: TraceEvent | undefined) => void>();
  const admission = { tokens: limits.strangerBurst, at: clock.now(), refused: 0 };

  const machineOf = (live: LiveAttempt): Machine | undefined =>
    live.machine === undefined ? live.mac && registry.machineByMac(live.mac) : registry.machine(live.machine);
  const keyOf = (live: LiveAttempt): string => live.machine ?? live.mac ?? live.id;
  const macIn = (subject: Subject, now: number): MacAddress | undefined =>
    subject.mac ?? (subject.address === undefined ? undefined : book.macOf(subject.address, now));

  function find(subject: Subject, now: number): LiveAttempt | undefined {
    const named = subject.attempt === undefined ? undefined : byId.get(subject.attempt);
    if (named) return named;
    const mac = macIn(subject, now);
    if (mac === undefined) return undefined;
    const machine = registry.machineByMac(mac);
    return (machine && byMachine.get(machine.document.name)) ?? byMac.get(mac);
  }

  function contextOf(live: LiveAttempt): VerdictContext {
    const machine = machineOf(live);
    return {
      ...(machine ? { machine: { name: machine.document.name, acceptance: machine.acceptance } } : {}),
      fruitlessBoots: fruitless.get(keyOf(live)) ?? [],
      times,
    };
  }

  /** Judges anew; tells whether the verdict is another one. */
  function assess(live: LiveAttempt, now: number): boolean {
    const { verdict, changesAt } = judge(live.evidence, now, contextOf(live));
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

  function keep(live: LiveAttempt, event: TraceEvent, why: string): void {
    if (writer.add(live, event)) {
      live.events = event.seq;
      tell(live, event);
    } else drop(live, why);
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
    live.evidence = fold(live.evidence, event);
    live.lastAt = at;
    if (live.mac !== undefined) {
      live.claimed = book.observe(live.mac, body, at, live.claimed);
      if (live.claimed !== undefined) live.address = live.claimed;
    }
    if (live.evidence.running?.netbooted) fruitless.delete(keyOf(live));
    const isNews = assess(live, at);
    // The first events tell how it began, and those that change the verdict how it went on.
    const isLog = body.kind === 'log';
    const hasRoom = live.events < limits.events && (!isLog || live.logs < limits.logs);
    if (hasRoom || (isNews && live.events < 2 * limits.events)) {
      if (isLog) live.logs += 1;
      keep(live, event, 'the store is behind');
    } else {
      drop(live, isLog ? `an attempt keeps ${limits.logs} log lines` : `an attempt keeps ${limits.events} events`);
      if (now - live.droppedToldAt > DROPPED_TOLD_EVERY_MS && live.events < 3 * limits.events) tellDropped(live, at);
      writer.touch(live);
      if (isNews) tell(live, undefined);
    }
  }

  function end(live: LiveAttempt, now: number): void {
    if (live.endedAt !== undefined) return;
    tellDropped(live, now);
    live.endedAt = now;
    deadlines.remove(live);
    strangers.delete(live);
    if (live.machine !== undefined && byMachine.get(live.machine) === live) byMachine.delete(live.machine);
    if (live.mac !== undefined && byMac.get(live.mac) === live) byMac.delete(live.mac);
    if (isFruitless(live.evidence)) noteFruitless(live);
    ended.add(live);
    if (ended.size > limits.ended) forgetFirst(ended);
    writer.touch(live);
    tell(live, undefined);
  }

  function noteFruitless(live: LiveAttempt): void {
    const key = keyOf(live);
    const recent = (fruitless.get(key) ?? []).filter((at) => at >= live.startedAt - times.loopWindowMs);
    fruitless.delete(key);
    fruitless.set(key, [...recent.slice(-20), live.startedAt]);
    if (fruitless.size <= limits.live) return;
    for (const oldest of fruitless.keys()) {
      fruitless.delete(oldest);
      break;
    }
  }

  function forgetFirst(from: Set<LiveAttempt>): void {
    for (const oldest of from) {
      from.delete(oldest);
      byId.delete(oldest.id);
      return;
    }
  }

  /** A stranger's packets cost nothing to send: new attempts of theirs are bounded in rate and number. */
  function admits(now: number): boolean {
    const { strangerBurst, strangersPerSecond } = limits;
    const gained = (Math.max(0, now - admission.at) / 1000) * strangersPerSecond;
    admission.tokens = Math.min(strangerBurst, admission.tokens + gained);
    admission.at = now;
    if (admission.tokens < 1) {
      if (admission.refused++ === 0) log.warn('too many unknown netboot clients at once: some have no trace');
      return false;
    }
    admission.tokens -= 1;
    admission.refused = 0;
    return true;
  }

  function makeRoom(isStranger: boolean, now: number): void {
    if (isStranger && strangers.size >= limits.strangers) endFirst(strangers, now);
    if (byMac.size >= limits.live) endFirst(strangers.size > 0 ? strangers : byMac.values(), now);
  }

  function endFirst(from: Iterable<LiveAttempt>, now: number): void {
    for (const first of from) {
      end(first, now);
      return;
    }
  }

  function begin(mac: MacAddress, machine: Machine | undefined, now: number): LiveAttempt | undefined {
    const isStranger = machine === undefined || machine.acceptance === 'seen';
    if (isStranger && !admits(now)) return undefined;
    makeRoom(isStranger, now);
    const live: LiveAttempt = {
      id: Buffer.from(random(16)).toString('base64url'),
      site: machine?.document.location.site ?? 'default',
      machine: machine?.document.name,
      mac,
      address: undefined,
      claimed: undefined,
      startedAt: now,
      lastAt: now,
      endedAt: undefined,
      evidence: NO_EVIDENCE,
      verdict: { code: 'in-progress', stage: 'dhcp', cause: '', next: '' },
      events: 0,
      logs: 0,
      packets: 0,
      dropped: 0,
      droppedBecause: '',
      droppedToldAt: 0,
    };
    if (isStranger) strangers.add(live);
    hold(live);
    return live;
  }

  function hold(live: LiveAttempt): void {
    byId.set(live.id, live);
    if (live.mac !== undefined) byMac.set(live.mac, live);
    if (live.machine !== undefined) byMachine.set(live.machine, live);
  }

  /** A machine may have become known, or speak through its second card, since the attempt began. */
  function join(live: LiveAttempt, mac: MacAddress | undefined, machine: Machine | undefined): void {
    if (live.endedAt !== undefined) return;
    if (mac !== undefined && live.mac !== mac) {
      live.mac = mac;
      live.claimed = undefined;
      byMac.set(mac, live);
    }
    if (machine && live.machine !== machine.document.name && !byMachine.has(machine.document.name)) {
      live.machine = machine.document.name;
      byMachine.set(machine.document.name, live);
    }
    if (machine && machine.acceptance !== 'seen') strangers.delete(live);
  }

  /** Its own URL was asked for again: it goes on, unless the machine has begun another attempt since. */
  function revive(live: LiveAttempt): void {
    if (live.endedAt === undefined) return;
    const newer = (live.machine !== undefined && byMachine.get(live.machine)) || (live.mac && byMac.get(live.mac));
    if (newer) return;
    live.endedAt = undefined;
    ended.delete(live);
    hold(live);
  }

  function recordNow(subject: Subject, body: TraceBody): string | undefined {
    const now = clock.now();
    const named = subject.attempt === undefined ? undefined : byId.get(subject.attempt);
    if (named) {
      revive(named);
      join(named, undefined, machineOf(named));
      if (subject.address !== undefined && named.address === undefined) named.address = subject.address;
      append(named, body, now);
      return named.id;
    }
    const mac = macIn(subject, now);
    if (mac === undefined) return undefined;
    const machine = registry.machineByMac(mac);
    const current = (machine && byMachine.get(machine.document.name)) ?? byMac.get(mac);
    const registered = machine !== undefined && machine.acceptance !== 'seen';
    const belonging = belongs(body, now, current?.evidence, { registered });
    if (belonging === 'nowhere') {
      book.observe(mac, body, now, undefined);
      return undefined;
    }
    if (belonging === 'begins' && current) end(current, now);
    const live = belonging === 'continues' && current ? current : begin(mac, machine, now);
    if (!live) return undefined;
    join(live, mac, machine);
    if (subject.address !== undefined) {
      live.address = subject.address;
      // A request for a script names its MAC: from now on the address is known, whoever leased it.
      if (subject.mac !== undefined && body.kind === 'script-rendered') book.learn(subject.address, subject.mac, now);
    }
    append(live, body, now);
    return live.id;
  }

  function lookAtDeadlines(now: number): void {
    for (let live = deadlines.take(now); live; live = deadlines.take(now)) {
      if (now >= endsAt(live.evidence)) end(live, now);
      else if (assess(live, now)) {
        writer.touch(live);
        tell(live, undefined);
      }
    }
  }

  async function tick(): Promise<void> {
    lookAtDeadlines(clock.now());
    await writer.flush();
  }

  function restored(attempt: Attempt, events: readonly TraceEvent[]): LiveAttempt {
    const { mac, address, startedAt, lastAt, stage } = attempt;
    if (mac !== undefined && address !== undefined) book.learn(address, mac, lastAt);
    return {
      id: attempt.id,
      site: attempt.site,
      machine: attempt.machine,
      mac,
      address,
      claimed: address,
      startedAt,
      lastAt,
      endedAt: attempt.endedAt,
      evidence: events.length === 0 ? { ...NO_EVIDENCE, startedAt, lastAt, stage } : evidenceOf(events),
      verdict: attempt.verdict,
      events: Math.max(attempt.events, events.at(-1)?.seq ?? 0),
      logs: events.filter(({ kind }) => kind === 'log').length,
      // How many there are is not known, and numbers must not come twice.
      packets: limits.packets,
      dropped: 0,
      droppedBecause: '',
      droppedToldAt: 0,
    };
  }

  async function storedEvents(attempt: string, after: number): Promise<readonly TraceEvent[]> {
    return await store.events(attempt, after, 4 * limits.events);
  }

  async function takeUp(): Promise<void> {
    const now = clock.now();
    let before: number | undefined;
    for (;;) {
      const page = await store.attempts({ limit: PAGE, ...(before === undefined ? {} : { before }) });
      for (const attempt of page) {
        if (byId.has(attempt.id)) continue;
        if (attempt.endedAt !== undefined) {
          if (attempt.startedAt < now - times.loopWindowMs) continue;
          const live = restored(attempt, []);
          if (isFruitless(live.evidence) && attempt.verdict.code !== 'booted') noteFruitless(live);
          continue;
        }
        const live = restored(attempt, await storedEvents(attempt.id, 0));
        live.packets = (await store.packets(attempt.id)).length;
        const newer = (live.machine !== undefined && byMachine.has(live.machine)) || (live.mac && byMac.has(live.mac));
        byId.set(live.id, live);
        if (newer || live.mac === undefined || now >= endsAt(live.evidence)) {
          end(live, now);
          continue;
        }
        hold(live);
        if (!machineOf(live) || machineOf(live)?.acceptance === 'seen') strangers.add(live);
        if (assess(live, now)) writer.touch(live);
      }
      const last = page.at(-1);
      if (page.length < PAGE || !last || last.startedAt < now - TAKE_UP_MS) return;
      // Several may have begun in the same millisecond as the last of this page; one that had its turn is left out.
      before = last.startedAt === before ? last.startedAt : last.startedAt + 1;
    }
  }

  await takeUp();
  const stopWatching = registry.watch((change) => {
    if (change.kind !== 'machine' || !change.machine) return;
    const { document, identifiers } = change.machine;
    const now = clock.now();
    const affected = new Set(
      [byMachine.get(change.name), ...[...document.macs, ...identifiers.macs].map((mac) => byMac.get(mac))].flatMap(
        (live) => live ?? [],
      ),
    );
    for (const live of affected) {
      join(live, undefined, change.machine);
      if (!assess(live, now)) continue;
      writer.touch(live);
      tell(live, undefined);
    }
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
          await store
            .prune({ after: now - limits.keepMs, attempts: limits.keepAttempts })
            .catch((error: unknown) => log.error({ err: error }, 'old traces could not be removed'));
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      stopWatching();
      for (const live of byMac.values()) tellDropped(live, clock.now());
      if (!(await writer.flush())) throw new Error('the last traces could not be written');
    },
    record(subject, body) {
      try {
        return recordNow(subject, body);
      } catch (error) {
        log.error({ err: error, subject, body }, 'an event could not be recorded');
        return undefined;
      }
    },
    live(subject) {
      const live = find(subject, clock.now());
      return live?.endedAt === undefined && live ? attemptOf(live) : undefined;
    },
    macOf: (address) => book.macOf(address, clock.now()),
    learnAddress: (address, mac, at) => book.learn(address, mac, at),
    async attempts({ machine, mac, limit, before }) {
      const stored = await store.attempts({
        limit,
        ...(machine === undefined ? {} : { machine }),
        ...(mac === undefined ? {} : { mac }),
        ...(before === undefined ? {} : { before }),
      });
      const all = new Map(stored.map((attempt) => [attempt.id, attempt]));
      for (const live of byId.values()) {
        if (machine !== undefined && live.machine !== machine) continue;
        if (mac !== undefined && live.mac !== mac) continue;
        if (before === undefined || live.startedAt < before) all.set(live.id, attemptOf(live));
      }
      return [...all.values()].sort((one, other) => other.startedAt - one.startedAt).slice(0, limit);
    },
    async attempt(id) {
      const live = byId.get(id);
      if (live) return attemptOf(live);
      const stored = await store.attempt(id);
      if (!stored) return undefined;
      if (stored.startedAt > clock.now() - TAKE_UP_MS && !byId.has(id)) {
        // Whoever asks for it is about to add to it.
        const again = restored(stored, await storedEvents(id, 0));
        if (!byId.has(id)) {
          again.endedAt ??= again.lastAt;
          byId.set(id, again);
          ended.add(again);
          if (ended.size > limits.ended) forgetFirst(ended);
        }
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
    watch(listener) {
      watchers.add(listener);
      return () => watchers.delete(listener);
    },
    packet(subject, packet: TracePacket) {
      const now = clock.now();
      const live = find(subject, now);
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
