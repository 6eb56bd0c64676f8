import type { MachineApiDefinition } from '#services/machine-api/definition.ts';
import { eventId } from '../api/event-id.ts';
import type { Sendable } from '../api/messages/shape.ts';
import { type Event, type EventKind, type EventPayloads, eventTypeUrl } from '../api/messages/streams.ts';
import type { Host } from './host.ts';
import { type Journal, openJournal } from './journal.ts';

/** As many as Talos keeps. */
const HISTORY = 1000;

export type KeptEvent = { readonly id: string; readonly atMs: number; readonly message: Sendable<Event> };

/** What happened on this machine, for the machine API's event stream. */
export type Events = {
  publish<Kind extends EventKind>(kind: Kind, payload: Sendable<EventPayloads[Kind]>, actorId?: string): void;
  readonly journal: Journal<KeptEvent>;
};

export function openEvents(parts: {
  readonly definition: MachineApiDefinition;
  readonly host: Pick<Host, 'now' | 'randomBytes'>;
}): Events {
  const journal = openJournal<KeptEvent>(HISTORY);
  const origin = parts.host.randomBytes(5);
  let counter = 0;
  let lastMs = 0;
  return {
    journal,
    publish(kind, payload, actorId = '') {
      // Ids must go on rising when the clock is set back.
      lastMs = Math.max(lastMs, parts.host.now());
      const id = eventId({ atMs: lastMs, origin, counter: counter++ });
      const value = parts.definition.message(kind).serialize(payload);
      journal.push({
        id,
        atMs: lastMs,
        message: { data: { type_url: eventTypeUrl(kind), value }, id, actor_id: actorId },
      });
    },
  };
}
