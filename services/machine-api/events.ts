import { eventKind, type Event, type EventKind, type EventPayloads } from '#machines/api/messages/streams.ts';
import type { MachineApiDefinition } from './definition.ts';

/** An event with its payload read; `unknown` for one of a newer program. */
export type MachineEvent = {
  readonly id: string;
  readonly actorId: string;
} & (
  | { readonly [Kind in EventKind]: { readonly kind: Kind; readonly payload: EventPayloads[Kind] } }[EventKind]
  | { readonly kind: 'hello' | 'unknown' }
);

/** Reads what an event carries. Bytes that are no such message are `unknown`, never an exception. */
export function readEvent(definition: MachineApiDefinition, event: Event): MachineEvent {
  const base = { id: event.id, actorId: event.actor_id };
  if (event.data === null || event.data.type_url === '') return { ...base, kind: 'hello' };
  const kind = eventKind(event.data.type_url);
  if (!kind) return { ...base, kind: 'unknown' };
  try {
    const payload = definition.message(kind).deserialize(Buffer.from(event.data.value));
    return { ...base, kind, payload } as MachineEvent;
  } catch {
    return { ...base, kind: 'unknown' };
  }
}
