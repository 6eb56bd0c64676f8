import type { QueryClient } from '@tanstack/react-query';
import { z } from 'zod';
import { callOf } from '#machines/contract/api/client.ts';
import type { RouteName } from '#machines/contract/api/routes.ts';
import { watchEvent, type WatchEvent } from '#machines/contract/api/watch.ts';
import type { FleetStore } from './fleet.ts';

/** Answers are read again at most so often, however much changes. */
const GATHER_MS = 400;

export type Connection = 'connecting' | 'live' | 'lost';

/** Whether changes are coming in, for whoever shows it. */
export type Watch = {
  snapshot(): Connection;
  subscribe(changed: () => void): () => void;
};

/**
 * One stream of changes for the whole page: a browser opens six connections to a host, and each tab takes one of them.
 * EventSource comes back by itself and resumes where it was.
 */
export function watchDaemon({ fleet, queries }: { readonly fleet: FleetStore; readonly queries: QueryClient }): Watch {
  const listeners = new Set<() => void>();
  let connection: Connection = 'connecting';
  const become = (next: Connection): void => {
    if (next === connection) return;
    connection = next;
    for (const listener of listeners) listener();
  };

  const stale = new Set<string>();
  const subjects = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  function readAgain(): void {
    timer = undefined;
    const [names, about] = [new Set(stale), new Set(subjects)];
    stale.clear();
    subjects.clear();
    void queries.invalidateQueries({
      predicate: ({ queryKey: [name, asked] }) => {
        if (typeof name !== 'string' || !names.has(name)) return false;
        const subject = askedSubject.safeParse(asked).data;
        const one = subject?.params?.id ?? subject?.params?.name ?? subject?.query?.machine;
        return one === undefined || about.size === 0 || about.has(one);
      },
    });
  }

  const source = new EventSource(callOf('watch', {}).target);
  source.addEventListener('open', () => become('live'));
  source.addEventListener('error', () => {
    become('lost');
    // The daemon refuses: the session is over, or there are too many streams.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  });
  source.addEventListener('message', ({ data }) => {
    const read = watchEvent.safeParse(JSON.parse(String(data)));
    if (!read.success) return;
    fleet.apply(read.data);
    for (const name of staleAfter(read.data)) stale.add(name);
    for (const subject of subjectsOf(read.data)) subjects.add(subject);
    if (stale.size > 0) timer ??= setTimeout(readAgain, GATHER_MS);
  });

  return {
    snapshot: () => connection,
    subscribe(changed) {
      listeners.add(changed);
      return () => void listeners.delete(changed);
    },
  };
}

/** What a question is about, where it is about one thing. */
const askedSubject = z.object({
  params: z.object({ id: z.string().optional(), name: z.string().optional() }).optional(),
  query: z.object({ machine: z.string().optional() }).optional(),
});

function subjectsOf(change: WatchEvent): readonly string[] {
  switch (change.kind) {
    case 'job':
      return [change.job.id, change.job.machine];
    case 'attempt':
      return [change.attempt.id, change.attempt.machine ?? ''];
    case 'machine':
      return [change.name];
    default:
      return [];
  }
}

const DOCUMENTS: Readonly<Record<string, readonly RouteName[]>> = {
  Profile: ['listProfiles', 'getProfile', 'getMachineConfig', 'listImageStates'],
  Class: ['listClasses', 'getMachineConfig'],
  Image: ['listImages', 'listImageStates'],
  Network: ['listNetworks', 'getMachineConfig'],
  Subnet: ['listSubnets'],
  Cluster: ['listClusters', 'getCluster', 'getClusterState'],
};

/** Which answers a change makes old. Machines and their attempts are the fleet's own. */
function staleAfter(change: WatchEvent): readonly RouteName[] {
  switch (change.kind) {
    case 'document':
      return DOCUMENTS[change.documentKind] ?? [];
    case 'job':
      return ['listJobs', 'getJob', 'listJobEvents'];
    case 'attempt':
      return ['listAttempts', 'getAttempt', 'listEvents'];
    case 'machine':
      return ['getMachineConfig', 'explain'];
    case 'reset':
      return ['listJobs', 'listAttempts', 'listProfiles', 'listImageStates', 'listLeases'];
    default:
      return [];
  }
}
