import { QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError } from './api-error.ts';
import { sessionQuery } from './session.ts';

/** How often a view that shows a failure asks again. */
const recoveryMs = 5_000;
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
        refetchInterval: ({ state }) =>
          state.error instanceof ApiError && state.error.isTemporary && state.fetchStatus === 'idle'
            ? recoveryMs
            : false,
      },
      mutations: { networkMode: 'always', retry: false },
    },
  });
  return client;
}
