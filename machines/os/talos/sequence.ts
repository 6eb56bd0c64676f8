import type { EventPayloads } from '../../api/messages/streams.ts';

/**
 * How a sequence of a machine stands, from its events. A reply of a call is no proof: a sequence that may not interrupt
 * another is refused by an event, and one that ends in a reboot succeeds by an error.
 */
export type SequenceState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'running'; readonly sequence: string; readonly phase?: string; readonly task?: string }
  /** It came to its end and the machine goes down. */
  | { readonly kind: 'rebooting'; readonly sequence: string }
  | { readonly kind: 'finished'; readonly sequence: string }
  /** Another sequence is running, and nothing was done. */
  | { readonly kind: 'locked'; readonly because: string }
  /** Another sequence took over. */
  | { readonly kind: 'cancelled'; readonly because: string }
  | {
      readonly kind: 'failed';
      readonly sequence: string;
      readonly because: string;
      readonly phase?: string;
      readonly task?: string;
    };

export const WAITING: SequenceState = { kind: 'waiting' };

export type SequenceEvent =
  | { readonly kind: 'machine.SequenceEvent'; readonly payload: EventPayloads['machine.SequenceEvent'] }
  | { readonly kind: 'machine.PhaseEvent'; readonly payload: EventPayloads['machine.PhaseEvent'] }
  | { readonly kind: 'machine.TaskEvent'; readonly payload: EventPayloads['machine.TaskEvent'] };

/** `unix.Reboot(1234567)`: the last task's only way to say that it did what it was for. */
const REBOOTED = /\bunix\.Reboot\([0-9a-f]+\)/i;

/** The state after an event of that sequence. What is over stays as it ended. */
export function afterEvent(state: SequenceState, event: SequenceEvent): SequenceState {
  if (isOver(state)) return state;
  const sequence = state.kind === 'running' ? state.sequence : '';
  switch (event.kind) {
    case 'machine.SequenceEvent':
      return afterSequence(state, event.payload);
    case 'machine.PhaseEvent':
      return event.payload.action === 'START' ? { kind: 'running', sequence, phase: event.payload.phase } : state;
    case 'machine.TaskEvent': {
      const phase = state.kind === 'running' && state.phase !== undefined ? { phase: state.phase } : {};
      return event.payload.action === 'START'
        ? { kind: 'running', sequence, ...phase, task: event.payload.task }
        : state;
    }
    default:
      return event satisfies never;
  }
}

function afterSequence(state: SequenceState, payload: EventPayloads['machine.SequenceEvent']): SequenceState {
  const { sequence, action, error } = payload;
  if (error !== null) {
    if (error.code === 'FATAL' && REBOOTED.test(error.message)) return { kind: 'rebooting', sequence };
    if (error.code === 'LOCKED') return { kind: 'locked', because: error.message };
    if (error.code === 'CANCELED') return { kind: 'cancelled', because: error.message };
    const { phase, task } = state.kind === 'running' ? state : {};
    return {
      kind: 'failed',
      sequence,
      because: error.message,
      ...(phase === undefined ? {} : { phase }),
      ...(task === undefined ? {} : { task }),
    };
  }
  if (action === 'STOP') return { kind: 'finished', sequence };
  return action === 'START' ? { kind: 'running', sequence } : state;
}

export type SequenceEnd = Exclude<SequenceState, { readonly kind: 'waiting' | 'running' }>;

export const isOver = (state: SequenceState): state is SequenceEnd =>
  state.kind !== 'waiting' && state.kind !== 'running';
