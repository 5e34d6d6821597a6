import { queryOptions } from '@tanstack/react-query';
import type { QueryClient } from '@tanstack/react-query';
import { fetchApi, markerHeaders } from './fetch-api.ts';

export interface Session {
  readonly isSignedIn: boolean;
  /** The name of the API key; absent if the APIs need no key. */
  readonly name?: string;
  readonly scopes: readonly ('ingest' | 'serve' | 'read' | 'admin')[];
}

const call = async (method: string, body?: object): Promise<Session> => {
  const headers = body === undefined ? markerHeaders : { ...markerHeaders, 'content-type': 'application/json' };
  const response = await fetchApi('/session', {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
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
