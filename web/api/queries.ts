import { QueryClient, queryOptions, useMutation, useQuery } from '@tanstack/react-query';
import type { Asked } from '#machines/contract/api/client.ts';
import type { ReceivedOf } from '#machines/contract/api/route.ts';
import type { RouteName, Routes } from '#machines/contract/api/routes.ts';
import { ask, Refusal } from './daemon.ts';
import { tellProblem } from '../look/tell.ts';

export const makeQueryClient = (): QueryClient =>
  new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        // What the daemon refused, it refuses again; what did not reach it is worth another try.
        retry: (failures, error) => failures < 3 && error instanceof Refusal && error.problem.code === 'unavailable',
      },
      mutations: { retry: false },
    },
  });

/** A question to the daemon; its key is the route's name and what is asked, so that changes can call it stale by name. */
export const asking = <N extends RouteName>(name: N, asked: Asked<N> = {}) =>
  queryOptions<ReceivedOf<Routes[N]>>({
    queryKey: [name, asked],
    queryFn: ({ signal }) => ask(name, asked, signal),
  });

type Asking = { readonly everyMs?: number; readonly enabled?: boolean };

export function useAsk<N extends RouteName>(name: N, asked: Asked<N> = {}, { everyMs, enabled }: Asking = {}) {
  return useQuery({
    ...asking(name, asked),
    ...(everyMs === undefined ? {} : { refetchInterval: everyMs }),
    ...(enabled === undefined ? {} : { enabled }),
  });
}

/** Something that is done. Why it was not is told as a notice, unless the caller shows it itself. */
export function useAct<N extends RouteName>(
  name: N,
  { quiet = false, done }: { readonly quiet?: boolean; readonly done?: (value: ReceivedOf<Routes[N]>) => void } = {},
) {
  return useMutation<ReceivedOf<Routes[N]>, Error, Asked<N>>({
    mutationFn: (asked) => ask(name, asked),
    onError: (error) => {
      if (!quiet) tellProblem(error);
    },
    onSuccess: (value) => done?.(value),
  });
}
