import { QueryCache, QueryClient, queryOptions } from '@tanstack/react-query';
import type { QueryState } from '@tanstack/react-query';
import type { Session } from '../../src/schemas.ts';
import { ApiError, fetchApi, markerHeaders, servingQuery } from './fetch-api.ts';

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

const call = async (method: string, body?: object): Promise<Session> => {
  const headers = { ...markerHeaders, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const response = await fetchApi('/session', { method, headers, body: JSON.stringify(body) });
  return (await response.json()) as Session;
};

export const sessionQuery = queryOptions({ queryKey: ['session'], queryFn: () => call('GET'), staleTime: 60_000 });

/** Signs in with an API key or the one-time code of a link. */
export const signIn = (credentials: { readonly key: string } | { readonly code: string }): Promise<Session> =>
  call('POST', credentials);

export const signOut = (): Promise<Session> => call('DELETE');

/** Replaces the session, and forgets the data of the previous one. */
export function changeSession(client: QueryClient, session: Session): void {
  client.setQueryData(sessionQuery.queryKey, session);
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionQuery.queryKey[0] });
}

/** Users with distinct interests. The first request after a new bundle compares hundreds of users. */
export const exampleUsersQuery = servingQuery(
  '/v1/users:examples',
  { query: { limit: '100' } },
  { staleTime: Infinity },
);

/** The verdict of the gate about a bundle. */
export const gateQuery = (bundleId: string) => servingQuery('/v1/bundles/{bundleId}/gate', { path: { bundleId } });
