import type { Any, Integer64, Metadata, Word } from './shape.ts';

export type DmesgRequest = {
  readonly follow: boolean;
  /** With follow: only what is new. */
  readonly tail: boolean;
};

export type LogsRequest = {
  readonly namespace: string;
  readonly id: string;
  readonly driver: Word<'CONTAINERD' | 'CRI'>;
  readonly follow: boolean;
  /** Below 0: all. */
  readonly tail_lines: number;
};

/** At most one of the three tail options. */
export type EventsRequest = {
  /** Below 0: the whole history. */
  readonly tail_events: number;
  readonly tail_id: string;
  readonly tail_seconds: number;
  readonly with_actor_id: string;
};
export type Event = {
  readonly metadata: Metadata;
  /** The hello at the start of a stream has an empty type_url. */
  readonly data: Any | null;
  readonly id: string;
  readonly actor_id: string;
};

export type MachineStage =
  | 'UNKNOWN'
  | 'BOOTING'
  | 'INSTALLING'
  | 'MAINTENANCE'
  | 'RUNNING'
  | 'REBOOTING'
  | 'SHUTTING_DOWN'
  | 'RESETTING'
  | 'UPGRADING';

/** What an event's Any may hold, by the name of its message. */
export type EventPayloads = {
  readonly 'machine.SequenceEvent': {
    readonly sequence: string;
    readonly action: Word<'NOOP' | 'START' | 'STOP'>;
    readonly error: { readonly code: Word<'FATAL' | 'LOCKED' | 'CANCELED'>; readonly message: string } | null;
  };
  readonly 'machine.PhaseEvent': { readonly phase: string; readonly action: Word<'START' | 'STOP'> };
  readonly 'machine.TaskEvent': { readonly task: string; readonly action: Word<'START' | 'STOP'> };
  readonly 'machine.ServiceStateEvent': {
    readonly service: string;
    readonly action: Word<
      'INITIALIZED' | 'PREPARING' | 'WAITING' | 'RUNNING' | 'STOPPING' | 'FINISHED' | 'FAILED' | 'SKIPPED' | 'STARTING'
    >;
    readonly message: string;
  };
  readonly 'machine.RestartEvent': { readonly cmd: Integer64 };
  readonly 'machine.ConfigLoadErrorEvent': { readonly error: string };
  readonly 'machine.ConfigValidationErrorEvent': { readonly error: string };
  readonly 'machine.AddressEvent': { readonly hostname: string; readonly addresses: readonly string[] };
  readonly 'machine.MachineStatusEvent': {
    readonly stage: Word<MachineStage>;
    readonly status: {
      readonly ready: boolean;
      readonly unmet_conditions: readonly { readonly name: string; readonly reason: string }[];
    } | null;
  };
};
export type EventKind = keyof EventPayloads;

export const EVENT_KINDS = [
  'machine.SequenceEvent',
  'machine.PhaseEvent',
  'machine.TaskEvent',
  'machine.ServiceStateEvent',
  'machine.RestartEvent',
  'machine.ConfigLoadErrorEvent',
  'machine.ConfigValidationErrorEvent',
  'machine.AddressEvent',
  'machine.MachineStatusEvent',
] as const satisfies readonly EventKind[];

/** How the machine API writes it; an event sink is sent `type.googleapis.com/machine.…` instead. */
export const eventTypeUrl = (kind: EventKind): string => `talos/runtime/${kind}`;

/** The message's name is what stands behind the last slash, whoever wrote the rest; undefined for what we don't know. */
export function eventKind(typeUrl: string): EventKind | undefined {
  const name = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  return EVENT_KINDS.find((kind) => kind === name);
}
