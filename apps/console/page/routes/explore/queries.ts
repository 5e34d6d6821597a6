import type { InterestsRequest, RecommendationsRequest, RecommendationsResponse } from '@facet/client/serving-api';
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { apiQuery, dataOf, serving } from '../../api/fetch-api.ts';
import { recommendationsOf, requesterOf } from './search.ts';
import type { ExploreSearch, Requester } from './search.ts';

/** What requests can refer to. */
export const catalogQuery = apiQuery(['explore', 'catalog'], (signal) => serving.GET('/v1/catalog', { signal }), {
  staleTime: 60_000,
});

/** The stored user of a view, if it has one. */
export const storedUserQuery = ({ user: userId = '' }: ExploreSearch) => ({
  ...apiQuery(['explore', 'user', userId], (signal) =>
    serving.GET('/v1/users/{userId}', { params: { path: { userId } }, signal }),
  ),
  enabled: userId !== '',
});

export const usersQuery = (query: string) =>
  queryOptions({
    ...apiQuery(['explore', 'users', query], (signal) =>
      serving.GET('/v1/users', { params: { query: { query, limit: '12' } }, signal }),
    ),
    select: ({ users }) => users,
    placeholderData: keepPreviousData,
  });

/** Keeps the previous view on the page while another view of the same user loads. */
const previousOfUser =
  ({ userId }: Requester) =>
  <Data>(previous: Data | undefined, query: { readonly queryKey: readonly [string, string, Requester] } | undefined) =>
    query?.queryKey[2].userId === userId ? previous : undefined;

export function interestsQuery(search: ExploreSearch) {
  const body: InterestsRequest = {
    ...requesterOf(search),
    interestCount: search.interests,
    nearest: 6,
    coupling: true,
  };
  return queryOptions({
    queryKey: ['explore', 'interests', body] as const,
    queryFn: ({ signal }) => dataOf(serving.POST('/v1/interests', { body, signal })),
    placeholderData: previousOfUser(body),
  });
}

/** A list with the time until it was here. */
export type TimedList = RecommendationsResponse & { readonly tookMs: number };

/** The list of a view. It is not recorded as shown to the user. */
export function recommendationsQuery(search: ExploreSearch) {
  const body: RecommendationsRequest = { ...recommendationsOf(search), timings: true, record: false };
  return queryOptions({
    queryKey: ['explore', 'recommendations', body] as const,
    queryFn: async ({ signal }): Promise<TimedList> => {
      const start = performance.now();
      const response = await dataOf(serving.POST('/v1/recommendations', { body, signal }));
      return { ...response, tookMs: performance.now() - start };
    },
    placeholderData: previousOfUser(body),
  });
}
