import { createContext, useContext, useSyncExternalStore } from 'react';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { WatchEvent } from '#machines/contract/api/watch.ts';
import { isOver, type Job } from '#machines/contract/job.ts';
import { collator } from '../look/collator.ts';
import { ask } from './daemon.ts';

/** So many machines are read at once: the first are shown while the others come. */
const PAGE = 500;
/** A machine that boots changes ten times a second; a person need not see each. */
const GATHER_MS = 120;

export type Fleet = {
  /** By name. */
  readonly machines: readonly MachineResource[];
  /** The newest job that is not over, by machine. */
  readonly jobs: ReadonlyMap<string, Job>;
  /** How many there are in all; more than `machines` while they are being read. */
  readonly total: number;
  readonly state: 'reading' | 'ready' | 'failed';
};

/** All machines and what is being done to them, read once and kept up to date by the stream of changes. */
export type FleetStore = {
  readonly snapshot: () => Fleet;
  readonly subscribe: (changed: () => void) => () => void;
  readonly machine: (name: string) => MachineResource | undefined;
  /** Reads everything again. */
  load(): Promise<void>;
  apply(change: WatchEvent): void;
};

export function fleetStore(): FleetStore {
  const machines = new Map<string, MachineResource>();
  const jobs = new Map<string, Job>();
  const listeners = new Set<() => void>();
  /** By name. While they are read they come so already, page by page. */
  let order: readonly string[] = [];
  let isUnordered = false;
  let snapshot: Fleet = { machines: [], jobs: new Map(), total: 0, state: 'reading' };
  let state: Fleet['state'] = 'reading';
  let total = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let run = 0;

  function publish(): void {
    clearTimeout(timer);
    timer = undefined;
    if (isUnordered) {
      order = [...machines.keys()].toSorted(collator.compare);
      isUnordered = false;
    }
    snapshot = {
      machines: order.flatMap((name) => machines.get(name) ?? []),
      jobs: new Map(jobs),
      total: Math.max(total, machines.size),
      state,
    };
    for (const listener of listeners) listener();
  }
  const publishSoon = (): void => void (timer ??= setTimeout(publish, GATHER_MS));

  function put(job: Job): void {
    const known = jobs.get(job.machine);
    if (!isOver(job.state)) {
      if (known === undefined || known.id === job.id || known.createdAt < job.createdAt) jobs.set(job.machine, job);
    } else if (known?.id === job.id) jobs.delete(job.machine);
  }

  async function load(): Promise<void> {
    run += 1;
    const own = run;
    const seen = new Set<string>();
    try {
      let after: string | undefined;
      do {
        const page = await ask('listMachines', { query: { limit: PAGE, ...(after === undefined ? {} : { after }) } });
        if (own !== run) return;
        for (const one of page.items) {
          machines.set(one.name, one);
          seen.add(one.name);
        }
        total = page.total;
        after = page.next;
        if (state === 'reading') order = [...machines.keys()];
        publish();
      } while (after !== undefined);
      for (const name of machines.keys()) if (!seen.has(name)) machines.delete(name);
      jobs.clear();
      for (const job of (await ask('listJobs', { query: { limit: 1000 } })).items.toReversed()) put(job);
      total = machines.size;
      isUnordered = true;
      state = 'ready';
    } catch {
      state = 'failed';
    }
    publish();
  }

  return {
    snapshot: () => snapshot,
    subscribe(changed) {
      listeners.add(changed);
      return () => void listeners.delete(changed);
    },
    machine: (name) => machines.get(name),
    load,
    apply(change) {
      switch (change.kind) {
        case 'machine':
          isUnordered ||= (change.machine === null) === machines.has(change.name);
          if (change.machine === null) machines.delete(change.name);
          else machines.set(change.name, change.machine);
          if (state === 'ready') total = machines.size;
          return publishSoon();
        case 'attempt': {
          const { attempt } = change;
          const machine = machines.get(attempt.machine ?? '');
          const known = machine?.status.attempt;
          if (!machine || (known && known.id !== attempt.id && known.startedAt > attempt.startedAt)) return undefined;
          machines.set(machine.name, { ...machine, status: { ...machine.status, attempt } });
          return publishSoon();
        }
        case 'job':
          put(change.job);
          return publishSoon();
        case 'reset':
          void load();
          return undefined;
        default:
          return undefined;
      }
    },
  };
}

export const FleetContext = createContext<FleetStore | undefined>(undefined);

export function useFleetStore(): FleetStore {
  const store = useContext(FleetContext);
  if (!store) throw new Error('the fleet is asked for outside of the page');
  return store;
}

export function useFleet(): Fleet {
  const store = useFleetStore();
  return useSyncExternalStore(store.subscribe, store.snapshot);
}

/** One machine as it is now: changes of others draw nothing anew. */
export function useMachine(name: string): MachineResource | undefined {
  const store = useFleetStore();
  return useSyncExternalStore(store.subscribe, () => store.machine(name));
}
