import type { InterestsRequest, RecommendationsRequest, RecommendationsResponse } from '@facet/client/serving-api';
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { dataOf, serving, servingQuery } from '../../api/fetch-api.ts';
import { recommendationsOf, requesterOf } from './view.ts';
import type { ExploreSearch, Requester } from './view.ts';

/** What requests can refer to. */
export const catalogQuery = servingQuery('/v1/catalog', {}, { staleTime: 60_000 });

/** The stored user of a view, if it has one. */
export const storedUserQuery = ({ user: userId = '' }: ExploreSearch) => ({
  ...servingQuery('/v1/users/{userId}', { path: { userId } }),
  enabled: userId !== '',
});

export const usersQuery = (query: string) =>
  queryOptions({
    ...servingQuery('/v1/users', { query: { query, limit: '12' } }),
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
