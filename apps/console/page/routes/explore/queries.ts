import type { InterestsRequest, RecommendationsRequest } from '@facet/client/serving';
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { dataOf, serving } from '../../api/fetch-api.ts';
import { recommendationsOf, requesterOf } from './search.ts';
import type { ExploreSearch, Requester } from './search.ts';

/** A response with the time until it was here. */
export interface Timed<Data> {
  readonly data: Data;
  readonly tookMs: number;
}

async function time<Data>(call: Promise<Data>): Promise<Timed<Data>> {
  const start = performance.now();
  const data = await call;
  return { data, tookMs: performance.now() - start };
}

/** What requests can refer to. */
export const catalogQuery = queryOptions({
  queryKey: ['explore', 'catalog'],
  queryFn: ({ signal }) => dataOf(serving.GET('/v1/catalog', { signal })),
  staleTime: 60_000,
});

export const userQuery = (userId: string) =>
  queryOptions({
    queryKey: ['explore', 'user', userId],
    queryFn: ({ signal }) => dataOf(serving.GET('/v1/users/{userId}', { params: { path: { userId } }, signal })),
  });

export const usersQuery = (query: string) =>
  queryOptions({
    queryKey: ['explore', 'users', query],
    queryFn: ({ signal }) => dataOf(serving.GET('/v1/users', { params: { query: { query, limit: '12' } }, signal })),
    placeholderData: keepPreviousData,
  });

/** The body of the request for the interests of a view. */
function interestsOf(search: ExploreSearch): InterestsRequest {
  const { interests } = search;
  return {
    ...requesterOf(search),
    ...(interests === undefined ? {} : { interestCount: interests }),
    nearest: 6,
    coupling: true,
  };
}

/** Keeps the previous view on the page while another view of the same user loads. */
const previousOfUser =
  ({ userId }: Requester) =>
  <Data>(previous: Data | undefined, query: { readonly queryKey: readonly [string, string, Requester] } | undefined) =>
    query?.queryKey[2].userId === userId ? previous : undefined;

export function interestsQuery(search: ExploreSearch) {
  const body = interestsOf(search);
  return queryOptions({
    queryKey: ['explore', 'interests', body] as const,
    queryFn: ({ signal }) => time(dataOf(serving.POST('/v1/interests', { body, signal }))),
    placeholderData: previousOfUser(body),
  });
}

/** The list of a view. It is not recorded as shown to the user. */
export function recommendationsQuery(search: ExploreSearch) {
  const body: RecommendationsRequest = { ...recommendationsOf(search), timings: true, record: false };
  return queryOptions({
    queryKey: ['explore', 'recommendations', body] as const,
    queryFn: ({ signal }) => time(dataOf(serving.POST('/v1/recommendations', { body, signal }))),
    placeholderData: previousOfUser(body),
  });
}
