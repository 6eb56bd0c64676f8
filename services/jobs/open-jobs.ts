import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { isOver, type Job, type JobEvent, type JobStep } from '#machines/contract/job.ts';
import { countsAsFailure, hasBegun, whyStopped } from '#machines/decide/jobs/batch.ts';
import type { JobStore } from '#services/store/contract.ts';
import type { Jobs, NewJob, Recipe, Step, StepOutcome } from './contract.ts';
import { type JobCaps, nextJobs } from './decide/next-jobs.ts';

export const JOB_CAPS: JobCaps = { daemon: 64, rack: 32 };
/** A step tells its progress far oftener than a person can read or a disk should write. */
const PROGRESS_MS = 1000;
/** How long a step that was told to end may take to do so. */
const GRACE_MS = 10_000;
const MAX_TEXT = 1024;

/** Why a step's signal aborted. */
class Stopped extends Error {
  readonly why: 'cancelled' | 'batch-stopped' | 'parked' | 'silent' | 'ending';
  constructor(why: Stopped['why'], message: string) {
    super(message);
    this.why = why;
  }
}

/** Whatever comes of it, or nothing in time. No timer is left: it would hold a daemon that is to end. */
async function settledWithin(ms: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const late = sleep(ms, undefined, { signal: over.signal });
  await Promise.race([work, late]).catch(() => {});
  over.abort();
  await late.catch(() => {});
}

export type RunningJobs = Jobs & {
  readonly name: string;
  readonly ready: Promise<void>;
  /** Works on jobs until the signal aborts. Those then in progress stay so, and go on with the next start. */
  run(signal: AbortSignal): Promise<void>;
};

/** Takes up the jobs that were unfinished when the daemon stopped; rejects if the store cannot be read. */
export async function openJobs(parts: {
  readonly store: JobStore;
  readonly recipe: Recipe;
  /** Jobs of one rack share power and cables. */
  readonly rackOf: (machine: string) => string;
  readonly caps?: JobCaps;
  readonly now: () => number;
  readonly newId: () => string;
  /** Between two tries of a step, and where one looks again: as long as it is told to, where nothing is said. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}): Promise<RunningJobs> {
  const { store, recipe, now, log } = parts;
  const caps = parts.caps ?? JOB_CAPS;
  const wait = parts.wait ?? ((ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }));
  const unfinished = new Map<string, Job>((await store.unfinished()).map((job) => [job.id, job]));
  const atWork = new Map<string, AbortController>();
  const listeners = new Set<(job: Job, event: JobEvent | undefined) => void>();
  const seqs = new Map<string, number>();
  /** Of each batch that is not over: how many of it are, and what went wrong, in order. */
  const batches = new Map<string, { readonly over: number; readonly failures: readonly Job[] }>();
  let wake = Promise.withResolvers<void>();

  const tell = (job: Job, event: JobEvent | undefined): void => {
    for (const listener of listeners) listener(job, event);
  };

  async function eventOf(job: Job, step: string | undefined, text: string): Promise<JobEvent> {
    const last = seqs.get(job.id) ?? (await store.events(job.id, 0, Number.MAX_SAFE_INTEGER)).at(-1)?.seq ?? 0;
    seqs.set(job.id, last + 1);
    return { seq: last + 1, at: now(), ...(step === undefined ? {} : { step }), text: text.slice(0, MAX_TEXT) };
  }

  /**
   * Changes a job. What `change` gives replaces it, durably; then memory and listeners have it. Only this process writes
   * a job, so a stale revision means that another daemon took it: then this one lets go of it.
   */
  const lanes = new Map<string, Promise<unknown>>();
  function edit(id: string, change: (job: Job) => Job, said?: { step?: string; text: string }): Promise<Job> {
    const work = async (): Promise<Job> => {
      const before = unfinished.get(id) ?? (await store.get(id));
      if (!before) throw new Error(`job ${id} is gone`);
      // What came too late to change it must not be counted as another end in its batch.
      if (isOver(before.state)) return before;
      const after = change(before);
      const event = said && (await eventOf(before, said.step, said.text));
      const stored = await store.put(after, before.rev, event ? [event] : []);
      if (stored.kind !== 'stored') {
        unfinished.delete(id);
        throw new Error(`job ${id} was changed by another daemon`);
      }
      if (isOver(stored.value.state)) {
        unfinished.delete(id);
        seqs.delete(id);
        // At once: whoever waits for this one must not go on before it is called off.
        endedInBatch(stored.value);
      } else unfinished.set(id, stored.value);
      tell(stored.value, event);
      return stored.value;
    };
    const result = (lanes.get(id) ?? Promise.resolve()).then(work, work);
    const settled = result
      .catch(() => {})
      .finally(() => {
        if (lanes.get(id) === settled) lanes.delete(id);
      });
    lanes.set(id, settled);
    return result;
  }

  /** Counts one that went wrong, and calls off those of its batch that have not begun, once too many have. */
  function endedInBatch(job: Job): void {
    const { batch } = job;
    if (!batch) return;
    const { over, failures } = batches.get(batch.id) ?? { over: 0, failures: [] };
    batches.set(batch.id, { over: over + 1, failures: countsAsFailure(job) ? [...failures, job] : failures });
    stopBatch(batch.id);
    if (over + 1 >= batch.size) batches.delete(batch.id);
  }

  function stopBatch(batch: string): void {
    for (const job of byAge()) {
      if (job.batch?.id !== batch || hasBegun(job)) continue;
      const because = whyStopped(job.batch, batches.get(batch)?.failures ?? []);
      if (because === undefined) return;
      const control = atWork.get(job.id);
      if (control) control.abort(new Stopped('batch-stopped', because));
      else {
        endUnbegun(job.id, 'cancelled', calledOff(because)).catch((error: unknown) =>
          log.error({ err: error, job: job.id }, 'a job of a batch that stopped could not be called off'),
        );
      }
    }
  }

  /** Ends one that waits, which is held so that it is not begun while its end is being written. */
  async function endUnbegun(
    id: string,
    state: 'failed' | 'cancelled',
    result: NonNullable<Job['result']>,
  ): Promise<Job> {
    atWork.set(id, new AbortController());
    try {
      return await end(id, state, result);
    } finally {
      atWork.delete(id);
      wake.resolve();
    }
  }

  const stepOf = (job: Job, name: string, change: Partial<JobStep>): Job => ({
    ...job,
    steps: job.steps.map((step) => (step.name === name ? { ...step, ...change } : step)),
  });

  const end = (id: string, state: 'done' | 'failed' | 'cancelled', result: NonNullable<Job['result']>): Promise<Job> =>
    edit(id, (job) => ({ ...job, state, endedAt: now(), result }), { text: `${state}: ${result.because}` });

  /** One try of one step. */
  async function attempt(id: string, step: Step, control: AbortController): Promise<StepOutcome> {
    const silence = new AbortController();
    const signal = AbortSignal.any([control.signal, silence.signal]);
    let timer: NodeJS.Timeout | undefined;
    const alive = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const because = `no sign of life for ${Math.round(step.silentMs / 1000)} s`;
        silence.abort(new Stopped('silent', because));
      }, step.silentMs);
    };
    let told = 0;
    const current = (): Job => {
      const job = unfinished.get(id);
      if (!job) throw new Error(`job ${id} is over`);
      return job;
    };
    const context = {
      job: current,
      signal,
      progress(text: string, fraction?: number): void {
        // A step that does not end when it is told to has no say any more.
        if (signal.aborted) return;
        alive();
        if (now() - told < PROGRESS_MS && fraction !== 1) return;
        told = now();
        const change = {
          text: text.slice(0, MAX_TEXT),
          heartbeatAt: now(),
          ...(fraction === undefined ? {} : { progress: Math.min(1, Math.max(0, fraction)) }),
        };
        edit(id, (job) => stepOf(job, step.name, change)).catch((error: unknown) =>
          log.error({ err: error, job: id }, 'progress could not be kept'),
        );
      },
      wait: (ms: number) => wait(ms, signal),
      async note(key: string, value: string): Promise<void> {
        signal.throwIfAborted();
        await edit(id, (job) => ({ ...job, notes: { ...job.notes, [key]: value } }));
      },
    };
    alive();
    let running: Promise<StepOutcome> | undefined;
    try {
      const before = await step.already?.(context);
      if (before !== undefined) return { kind: 'done', text: `already done: ${before}` };
      // Whoever listens for an abort that is over waits for ever.
      signal.throwIfAborted();
      const aborted = once(signal, 'abort').then(() => Promise.reject(signal.reason as Error));
      aborted.catch(() => {});
      running = step.run(context);
      return await Promise.race([running, aborted]);
    } catch (cause) {
      // What writes stops at its next safe point: only then is the machine free for the next job.
      if (running) await settledWithin(GRACE_MS, running);
      if (control.signal.aborted) throw control.signal.reason;
      const because = cause instanceof Error ? cause.message : String(cause);
      log.warn({ err: cause, job: id, step: step.name }, 'a step of a job failed');
      return { kind: 'again', because, afterMs: 1000 };
    } finally {
      clearTimeout(timer);
      // What still runs of it sees that nobody waits any more.
      silence.abort(new Stopped('silent', 'this try is over'));
    }
  }

  /** Until it is done, has failed, or its tries are used up. Gives whether it was done. */
  async function perform(id: string, step: Step, control: AbortController): Promise<boolean> {
    for (;;) {
      const before = unfinished.get(id)?.steps.find(({ name }) => name === step.name);
      const tries = (before?.tries ?? 0) + 1;
      if (tries > step.tries) {
        const because = `${step.name}: ${before?.text === '' || !before ? 'it never ended' : before.text}`;
        await edit(id, (job) => stepOf(job, step.name, { state: 'failed', endedAt: now() }));
        await end(id, 'failed', {
          because: `${because} (${step.tries} ${step.tries === 1 ? 'try' : 'tries'})`,
          next: 'the machine is left as it is: look at ingot job logs and ingot trace, then ask again',
        });
        return false;
      }
      await edit(
        id,
        (job) =>
          stepOf(job, step.name, {
            state: 'running',
            tries,
            startedAt: before?.startedAt ?? now(),
            heartbeatAt: now(),
          }),
        { step: step.name, text: tries === 1 ? 'begins' : `begins again (${tries} of ${step.tries})` },
      );
      const outcome = await attempt(id, step, control);
      control.signal.throwIfAborted();
      switch (outcome.kind) {
        case 'done':
          await edit(
            id,
            (job) => stepOf(job, step.name, { state: 'done', endedAt: now(), text: outcome.text, progress: 1 }),
            { step: step.name, text: outcome.text },
          );
          return true;
        case 'failed':
          await edit(id, (job) => stepOf(job, step.name, { state: 'failed', endedAt: now(), text: outcome.because }), {
            step: step.name,
            text: outcome.because,
          });
          await end(id, 'failed', { because: `${step.name}: ${outcome.because}`, next: outcome.next });
          return false;
        case 'again':
          await edit(id, (job) => stepOf(job, step.name, { text: outcome.because, heartbeatAt: now() }), {
            step: step.name,
            text: outcome.because,
          });
          if (tries < step.tries) await wait(outcome.afterMs, control.signal);
          break;
        default:
          outcome satisfies never;
      }
    }
  }

  async function work(id: string, control: AbortController): Promise<void> {
    try {
      let job = await edit(id, (before) => ({ ...before, state: 'running', startedAt: before.startedAt ?? now() }));
      if (job.cancelling) control.abort(new Stopped('cancelled', 'cancelled'));
      for (const step of recipe(job)) {
        control.signal.throwIfAborted();
        const state = unfinished.get(id)?.steps.find(({ name }) => name === step.name)?.state;
        if (state === 'done' || state === 'skipped') continue;
        if (!(await perform(id, step, control))) return;
      }
      job = unfinished.get(id) ?? job;
      await end(id, 'done', { because: job.steps.at(-1)?.text ?? 'done', next: 'nothing' });
    } catch (cause) {
      const reason: unknown = control.signal.aborted ? control.signal.reason : cause;
      if (reason instanceof Stopped && reason.why === 'ending') return;
      if (reason instanceof Stopped && reason.why === 'cancelled') {
        await end(id, 'cancelled', { because: reason.message, next: 'the machine is left as it is' });
        return;
      }
      if (reason instanceof Stopped && reason.why === 'batch-stopped') {
        await end(id, 'cancelled', calledOff(reason.message));
        return;
      }
      if (reason instanceof Stopped && reason.why === 'parked') {
        await end(id, 'failed', parked(reason.message));
        return;
      }
      log.error({ err: cause, job: id }, 'a job broke');
      await end(id, 'failed', {
        because: cause instanceof Error ? cause.message : String(cause),
        next: 'the machine is left as it is; the daemon’s log has the whole story',
      });
    }
  }

  const byAge = (): readonly Job[] => [...unfinished.values()].toSorted((a, b) => a.createdAt - b.createdAt);

  // The daemon may have died between a failure and the end of those that it stops.
  for (const { batch } of [...unfinished.values()]) {
    if (!batch || batches.has(batch.id)) continue;
    const over = (await store.list({ batch: batch.id, limit: batch.size })).filter(({ state }) => isOver(state));
    const failures = over.filter(countsAsFailure).toSorted((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0));
    batches.set(batch.id, { over: over.length, failures });
    stopBatch(batch.id);
  }

  return {
    name: 'jobs',
    ready: Promise.resolve(),
    async submit(wanted: NewJob) {
      const { notes = {}, ...rest } = wanted;
      const draft: Job = {
        ...rest,
        id: parts.newId(),
        state: 'queued',
        createdAt: now(),
        steps: [],
        cancelling: false,
        notes,
        rev: 0,
      };
      const steps = recipe(draft).map(({ name }) => ({ name, state: 'waiting', tries: 0, text: '' }) as const);
      const job = { ...draft, steps };
      const event = { seq: 1, at: now(), text: `asked for by ${wanted.by}` };
      const stored = await store.put(job, 0, [event]);
      if (stored.kind !== 'stored') throw new Error(`job ${job.id} is there already`);
      seqs.set(job.id, 1);
      unfinished.set(job.id, stored.value);
      tell(stored.value, event);
      // The first of a batch may have failed before the last of it is here.
      if (wanted.batch) stopBatch(wanted.batch.id);
      wake.resolve();
      return stored.value;
    },
    async cancel(id, by) {
      const job = unfinished.get(id);
      if (!job) return await store.get(id);
      const asked = await edit(id, (before) => ({ ...before, cancelling: true }), {
        text: `cancel asked for by ${by}`,
      });
      const because = `cancelled by ${by}`;
      const control = atWork.get(id);
      if (control) control.abort(new Stopped('cancelled', because));
      else return await endUnbegun(id, 'cancelled', { because, next: 'nothing was done' });
      return asked;
    },
    async parkAll(because) {
      const all = byAge();
      const stops = all.map(async ({ id }) => {
        const control = atWork.get(id);
        if (control) return control.abort(new Stopped('parked', because));
        await endUnbegun(id, 'failed', parked(because));
      });
      await Promise.all(stops);
      return all.length;
    },
    get: async (id) => unfinished.get(id) ?? (await store.get(id)),
    list: (query) => store.list(query),
    events: (id, after, limit) => store.events(id, after, limit),
    unfinishedOf: (machine) => byAge().filter((job) => job.machine === machine),
    unfinished: byAge,
    watch(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async run(signal) {
      const working = new Set<Promise<void>>();
      const aborted = once(signal, 'abort').catch(() => {});
      while (!signal.aborted) {
        wake = Promise.withResolvers<void>();
        const all = byAge();
        const begun = nextJobs({
          // One that was running when the daemon stopped goes before all that only waited.
          queued: all.filter(({ id }) => !atWork.has(id)).toSorted((a, b) => rank(a) - rank(b)),
          running: all.filter(({ id }) => atWork.has(id)),
          caps,
          rackOf: parts.rackOf,
        });
        for (const { id } of begun) {
          const control = new AbortController();
          atWork.set(id, control);
          const one = work(id, control)
            .catch((error: unknown) => log.error({ err: error, job: id }, 'a job could not be kept'))
            .finally(() => {
              atWork.delete(id);
              working.delete(one);
              wake.resolve();
            });
          working.add(one);
        }
        await Promise.race([wake.promise, aborted]);
      }
      for (const control of atWork.values()) control.abort(new Stopped('ending', 'the daemon ends'));
      await Promise.allSettled(working);
      await Promise.allSettled(lanes.values());
    },
  };
}

const parked = (because: string): NonNullable<Job['result']> => ({
  because: `parked: ${because}`,
  next: 'the machine is left as it is: look at it, and ask again',
});

const calledOff = (because: string): NonNullable<Job['result']> => ({
  because,
  next: 'nothing was done to this machine; ask again when what failed is understood',
});

const rank = (job: Job): number => (job.state === 'running' ? 0 : 1);
