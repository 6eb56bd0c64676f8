import { randomUUID } from 'node:crypto';
import type { Events } from '#machines/agent/events.ts';
import { mayBegin, type Sequence } from './decide/take-over.ts';

/** The values of reboot(2), which the event stream shows (include/uapi/linux/reboot.h). */
const COMMANDS = { reboot: 0x01234567, kexec: 0x45584543, shutdown: 0x4321fedc } as const;
export type Ending = keyof typeof COMMANDS;

/** How the machine's life ends, thrown by the last task of a sequence. */
export class LifeEnds extends Error {
  readonly ending: Ending;

  constructor(ending: Ending) {
    super(`unix.Reboot(${COMMANDS[ending].toString(16)})`);
    this.name = 'LifeEnds';
    this.ending = ending;
  }
}

export type Phase = { readonly phase: string; readonly tasks: readonly Task[] };
export type Task = { readonly task: string; readonly run?: (signal: AbortSignal) => Promise<void> };

export type Run =
  | { readonly kind: 'finished' }
  /** Nothing was done: another sequence runs. */
  | { readonly kind: 'locked' }
  /** Another one took over. */
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly because: string }
  | { readonly kind: 'ended'; readonly ending: Ending };

/** One sequence at a time, told by events. */
export type Sequencer = {
  /** The actor's id is there at once, how it went later. Rejects with the signal's reason when the power goes. */
  begin(
    sequence: Sequence,
    phases: readonly Phase[],
    options?: { readonly forced?: boolean; readonly actor?: string },
  ): { readonly actor: string; readonly run: Promise<Run> };
  running(): { readonly sequence: Sequence; readonly phase: string } | undefined;
};

export function openSequencer(parts: {
  readonly events: Events;
  /** Told of each sequence and phase that begins, and of each sequence that ends. */
  readonly onChange: (change: {
    readonly sequence: Sequence;
    readonly phase?: string;
    readonly action: 'START' | 'STOP';
  }) => void;
  /** A phase is not begun before this is fulfilled, where there is anything to wait for. */
  readonly delays?: (sequence: Sequence, phase: string) => Promise<void> | undefined;
  /** Between the last word and the machine's end. */
  readonly lastWords: (ending: Ending) => Promise<void>;
  readonly signal: AbortSignal;
}): Sequencer {
  const { events, onChange, signal } = parts;
  type Running = { readonly sequence: Sequence; phase: string; readonly stop: AbortController };
  let current: Running | undefined;
  let done: Promise<unknown> = Promise.resolve();

  async function live(mine: Running, phases: readonly Phase[], actor: string): Promise<Run> {
    const { sequence } = mine;
    const until = AbortSignal.any([signal, mine.stop.signal]);
    events.publish('machine.SequenceEvent', { sequence, action: 'START' }, actor);
    onChange({ sequence, action: 'START' });
    try {
      for (const { phase, tasks } of phases) {
        until.throwIfAborted();
        mine.phase = phase;
        await parts.delays?.(sequence, phase);
        until.throwIfAborted();
        events.publish('machine.PhaseEvent', { phase, action: 'START' }, actor);
        onChange({ sequence, phase, action: 'START' });
        for (const { task, run } of tasks) {
          events.publish('machine.TaskEvent', { task, action: 'START' }, actor);
          await run?.(until);
          events.publish('machine.TaskEvent', { task, action: 'STOP' }, actor);
        }
        events.publish('machine.PhaseEvent', { phase, action: 'STOP' }, actor);
      }
      events.publish('machine.SequenceEvent', { sequence, action: 'STOP' }, actor);
      return { kind: 'finished' };
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof LifeEnds) {
        events.publish('machine.RestartEvent', { cmd: COMMANDS[cause.ending] }, actor);
        // The last task's only way to say that it did what it was for.
        const message = `error running phase ${mine.phase}: ${cause.message}`;
        events.publish('machine.SequenceEvent', { sequence, action: 'NOOP', error: { code: 'FATAL', message } }, actor);
        await parts.lastWords(cause.ending);
        return { kind: 'ended', ending: cause.ending };
      }
      if (mine.stop.signal.aborted) {
        const error = { code: 'CANCELED', message: 'another sequence took over' } as const;
        events.publish('machine.SequenceEvent', { sequence, action: 'NOOP', error }, actor);
        return { kind: 'cancelled' };
      }
      const because = cause instanceof Error ? cause.message : String(cause);
      const error = { code: 'FATAL', message: `error running phase ${mine.phase}: ${because}` } as const;
      events.publish('machine.SequenceEvent', { sequence, action: 'NOOP', error }, actor);
      return { kind: 'failed', because };
    }
  }

  return {
    running: () => current && { sequence: current.sequence, phase: current.phase },
    begin(sequence, phases, { forced = false, actor = randomUUID() } = {}) {
      if (!mayBegin(current?.sequence, sequence, forced)) {
        const error = { code: 'LOCKED', message: `another sequence is running: ${current?.sequence ?? ''}` } as const;
        events.publish('machine.SequenceEvent', { sequence, action: 'NOOP', error }, actor);
        return { actor, run: Promise.resolve({ kind: 'locked' }) };
      }
      const mine: Running = { sequence, phase: '', stop: new AbortController() };
      const before = done;
      current?.stop.abort(new Error('another sequence took over'));
      current = mine;
      const run = (async (): Promise<Run> => {
        await before;
        try {
          return await live(mine, phases, actor);
        } finally {
          if (current === mine) {
            current = undefined;
            onChange({ sequence, action: 'STOP' });
          }
        }
      })();
      done = run.catch(() => {});
      return { actor, run };
    },
  };
}
