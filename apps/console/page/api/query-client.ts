import { QueryCache, QueryClient } from '@tanstack/react-query';
import type { QueryState } from '@tanstack/react-query';
import { ApiError } from './api-error.ts';
import { sessionQuery } from './session.ts';

/** How often a view that shows a failure asks again. */
const recoveryMs = 5_000;
/** Returns when a query that has failed asks again; false if it has not failed or only a person can fix it. */
export const recoverAfter = ({ error, fetchStatus }: QueryState<unknown>): number | false =>
  error instanceof ApiError && error.isTemporary && fetchStatus === 'idle' ? recoveryMs : false;

/** Repeats under load, before the page shows the failure. */
const repeatsMax = 2;

/**
 * Creates the cache of all data. A request refused for load is repeated after its `Retry-After`; every other failure is shown at
 * once. Views that show a temporary failure ask again every few seconds, so the page recovers.
 */
export function createQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError(error) {
        // The session may have ended.
        if (error instanceof ApiError && error.status === 401) {
          void client.invalidateQueries({ queryKey: sessionQuery.queryKey });
        }
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        networkMode: 'always',
        retry: (count, error) => error instanceof ApiError && error.isOverload && count < repeatsMax,
        retryDelay: (count, error) => (error as ApiError).retryAfterMs ?? 500 * 2 ** count,
        refetchInterval: ({ state }) => recoverAfter(state),
      },
      mutations: { networkMode: 'always', retry: false },
    },
  });
  return client;
}
