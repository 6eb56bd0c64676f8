import type { Events } from '#machines/agent/events.ts';
import type { ServiceInfo } from '#machines/api/messages/life.ts';
import { type Sendable, timestamp } from '#machines/api/messages/shape.ts';

/** The words of ServiceList, and the same in events. */
const ACTIONS = {
  Initialized: 'INITIALIZED',
  Preparing: 'PREPARING',
  Waiting: 'WAITING',
  Running: 'RUNNING',
  Stopping: 'STOPPING',
  Finished: 'FINISHED',
  Failed: 'FAILED',
} as const;
export type ServiceState = keyof typeof ACTIONS;

export type Service = {
  readonly id: string;
  readonly state: ServiceState;
  readonly message: string;
  /** Undefined: nobody looks. */
  readonly healthy: boolean | undefined;
  readonly history: readonly { readonly state: ServiceState; readonly message: string; readonly atMs: number }[];
};

export type Services = {
  set(id: string, state: ServiceState, message: string, healthy?: boolean): void;
  get(id: string): Service | undefined;
  /** Sorted by id. */
  all(): readonly Service[];
  stopAll(): void;
};

/** As many of a service's events as are kept. */
const HISTORY = 32;

export function openServices(parts: {
  readonly events: Events;
  readonly now: () => number;
  readonly onChange: () => void;
}): Services {
  const { events, now, onChange } = parts;
  const services = new Map<string, Service>();
  const all = () => [...services.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const set: Services['set'] = (id, state, message, healthy) => {
    const before = services.get(id);
    if (before?.state === state && before.message === message && before.healthy === healthy) return;
    const history = [...(before?.history ?? []), { state, message, atMs: now() }].slice(-HISTORY);
    services.set(id, { id, state, message, healthy, history });
    events.publish('machine.ServiceStateEvent', { service: id, action: ACTIONS[state], message });
    onChange();
  };
  return {
    set,
    get: (id) => services.get(id),
    all,
    stopAll() {
      for (const { id } of all())
        if (id !== 'machined' && id !== 'apid') set(id, 'Finished', 'Service finished successfully');
    },
  };
}

export const serviceInfo = ({ id, state, message, healthy, history }: Service): Sendable<ServiceInfo> => ({
  id,
  state,
  events: { events: history.map((one) => ({ msg: one.message, state: one.state, ts: timestamp(one.atMs) })) },
  health: {
    unknown: healthy === undefined,
    healthy: healthy ?? false,
    last_message: healthy === false ? message : '',
    last_change: timestamp(history.at(-1)?.atMs ?? 0),
  },
});
