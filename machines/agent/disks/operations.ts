import type { Readable } from 'node:stream';
import type { WipeMethod } from '../../contract/job.ts';
import type { AfterImage } from './decide/after-image.ts';
import type { Disks, Wanted } from './disk.ts';
import { type ImageSource, writeImage } from './write-image.ts';
import { type Turns, wipeDisk } from './wipe-disk.ts';

export type Work =
  | {
      readonly kind: 'wipe';
      readonly targets: readonly {
        readonly disk: Wanted;
        readonly method: 'best' | WipeMethod;
        readonly seed: number;
      }[];
    }
  | {
      readonly kind: 'write-image';
      readonly disk: Wanted;
      readonly path: string;
      readonly source: Omit<ImageSource, 'open'>;
      readonly after: AfterImage;
    };

export type Phase = 'running' | 'done' | 'failed' | 'cancelled';
export type Part = {
  readonly name: string;
  readonly phase: Phase;
  readonly text: string;
  readonly progress: number;
  /** What a certificate says of the disk, or of the image: JSON. */
  readonly result?: unknown;
};
export type Operation = {
  readonly id: string;
  readonly phase: Phase;
  readonly parts: readonly Part[];
  readonly because: string;
};

/**
 * The work of jobs on this machine's disks, one operation at a time. An operation goes on whoever listens: the daemon may
 * die and come back. It is begun once, by its id; what has ended is remembered until the machine reboots.
 */
export type Operations = {
  /** Begins it, or finds it. `busy` where another one is running. */
  begin(id: string, work: Work): Operation | 'busy';
  get(id: string): Operation | undefined;
  cancel(id: string): Operation | undefined;
  /** Called with each change until it is over or the returned function is called. */
  watch(id: string, listener: (operation: Operation) => void): () => void;
  /** The one at work. */
  running(): Operation | undefined;
};

/** Firmware erases run by themselves, all disks at once; a host that writes zeros is busy with four. */
const ZEROS_AT_ONCE = 4;

/** So many at once; the others in the order in which they came. */
function turns(atOnce: number): Turns {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => void waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}

export function operationsOn(parts: {
  readonly disks: Disks;
  /** The bytes of a path of the daemon's machine plane. */
  readonly fetch: (path: string, signal: AbortSignal) => Promise<Readable>;
  readonly now: () => number;
  readonly log: (text: string) => void;
}): Operations {
  const { disks, now, log } = parts;
  const known = new Map<string, { operation: Operation; readonly control: AbortController }>();
  const listeners = new Map<string, Set<(operation: Operation) => void>>();

  function change(id: string, next: (before: Operation) => Operation): void {
    const entry = known.get(id);
    if (!entry) return;
    entry.operation = next(entry.operation);
    for (const listener of listeners.get(id) ?? []) listener(entry.operation);
    if (entry.operation.phase !== 'running') listeners.delete(id);
  }
  const changePart = (id: string, name: string, part: Partial<Part>): void =>
    change(id, (before) => ({
      ...before,
      parts: before.parts.map((one) => (one.name === name ? { ...one, ...part } : one)),
    }));

  async function perform(id: string, name: string, signal: AbortSignal, act: () => Promise<unknown>): Promise<void> {
    try {
      const result = await act();
      changePart(id, name, { phase: 'done', text: 'done', progress: 1, result });
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      log(`${id}: ${name}: ${text}`);
      changePart(id, name, { phase: signal.aborted ? 'cancelled' : 'failed', text });
    }
  }

  async function run(id: string, work: Work, signal: AbortSignal): Promise<void> {
    const told = (name: string) => (text: string, progress?: number) =>
      changePart(id, name, { text, ...(progress === undefined ? {} : { progress }) });
    if (work.kind === 'wipe') {
      const zeros = turns(ZEROS_AT_ONCE);
      await Promise.all(
        work.targets.map(({ disk: wanted, method, seed }) =>
          perform(id, wanted.name, signal, () =>
            wipeDisk({ wanted, method, seed, disks, zeros, now, told: told(wanted.name), signal }),
          ),
        ),
      );
    } else {
      const { disk: wanted, path, source, after } = work;
      await perform(id, wanted.name, signal, () =>
        writeImage({
          wanted,
          source: { ...source, open: (inner) => parts.fetch(path, inner) },
          after,
          disks,
          now,
          told: told(wanted.name),
          signal,
        }),
      );
    }
    change(id, (before) => {
      const bad = before.parts.filter(({ phase }) => phase !== 'done');
      const phase = bad.length === 0 ? 'done' : signal.aborted ? 'cancelled' : 'failed';
      return { ...before, phase, because: bad.map(({ name, text }) => `${name}: ${text}`).join('; ') };
    });
    log(`${id}: ${known.get(id)?.operation.phase}`);
  }

  const running = (): Operation | undefined =>
    [...known.values()].map(({ operation }) => operation).find(({ phase }) => phase === 'running');

  return {
    begin(id, work) {
      const entry = known.get(id);
      if (entry) return entry.operation;
      if (running()) return 'busy';
      const names = work.kind === 'wipe' ? work.targets.map(({ disk }) => disk.name) : [work.disk.name];
      const operation: Operation = {
        id,
        phase: 'running',
        parts: names.map((name) => ({ name, phase: 'running', text: 'begins', progress: 0 })),
        because: '',
      };
      const control = new AbortController();
      known.set(id, { operation, control });
      log(`${id}: ${work.kind} of ${names.join(', ')}`);
      void run(id, work, control.signal);
      return operation;
    },
    get: (id) => known.get(id)?.operation,
    cancel(id) {
      const entry = known.get(id);
      entry?.control.abort(new Error('called off'));
      return entry?.operation;
    },
    watch(id, listener) {
      const of = listeners.get(id) ?? new Set();
      listeners.set(id, of);
      of.add(listener);
      return () => void of.delete(listener);
    },
    running,
  };
}
