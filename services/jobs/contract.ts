import type { Job, JobBatch, JobEvent, JobKind, Plan } from '#machines/contract/job.ts';

/** What a step came to. `again` is counted: after the step's `tries` it fails with that reason. */
export type StepOutcome =
  | { readonly kind: 'done'; readonly text: string }
  | { readonly kind: 'again'; readonly because: string; readonly afterMs: number }
  | { readonly kind: 'failed'; readonly because: string; readonly next: string };

/**
 * One step of a job. The daemon may die at any line of it, and the step is begun again after the restart: `already` looks
 * at facts (never at what the job remembers having begun) and says by what it saw that the work is done.
 */
export type Step = {
  readonly name: string;
  /** How often it may be begun, restarts of the daemon included. */
  readonly tries: number;
  /** Without a sign of life for so long, this try has failed. */
  readonly silentMs: number;
  already?(context: StepContext): Promise<string | undefined>;
  run(context: StepContext): Promise<StepOutcome>;
};

export type StepContext = {
  /** As it stands now: notes of earlier steps are in it. */
  readonly job: () => Job;
  /** Aborts when the job is cancelled, when the step was silent too long, and when the daemon ends. */
  readonly signal: AbortSignal;
  /** A sign of life, shown as it is. `fraction` 0 to 1. */
  readonly progress: (text: string, fraction?: number) => void;
  /** Rejects as soon as the signal aborts. Tests that have no time wait less. */
  readonly wait: (ms: number) => Promise<void>;
  /** Durable when it resolves. */
  readonly note: (key: string, value: string) => Promise<void>;
};

/** The steps of a job, in order. The same job gives the same steps after a restart. */
export type Recipe = (job: Job) => readonly Step[];

export type NewJob = {
  readonly kind: JobKind;
  readonly machine: string;
  readonly by: string;
  readonly profile?: string;
  readonly plan?: Plan;
  readonly confirmed?: NonNullable<Job['confirmed']>;
  readonly batch?: JobBatch;
  readonly notes?: Readonly<Record<string, string>>;
};

export type Jobs = {
  /** Durable when it resolves; begins when the machine is free and the caps allow it. */
  submit(wanted: NewJob): Promise<Job>;
  /** Asks it to end. A queued one ends at once. Gives the job, or nothing where there is none. */
  cancel(id: string, by: string): Promise<Job | undefined>;
  /**
   * Ends every job as failed, the running ones at their next safe point: after a restore, a clone or a clock jump (safety
   * rule 6). Gives their number; those at work may still be ending when it resolves.
   */
  parkAll(because: string): Promise<number>;
  get(id: string): Promise<Job | undefined>;
  list(query: {
    readonly machine?: string;
    readonly batch?: string;
    readonly before?: number;
    readonly beforeId?: string;
    readonly oldestFirst?: boolean;
    readonly limit: number;
  }): Promise<readonly Job[]>;
  events(id: string, after: number, limit: number): Promise<readonly JobEvent[]>;
  /** Queued and running jobs of a machine, oldest first, as memory has them. */
  unfinishedOf(machine: string): readonly Job[];
  unfinished(): readonly Job[];
  /** Called after each change, in order. Ends with the returned function. */
  watch(listener: (job: Job, event: JobEvent | undefined) => void): () => void;
};
