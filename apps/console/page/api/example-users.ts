import { queryOptions } from '@tanstack/react-query';
import { dataOf, serving } from './fetch-api.ts';

/** Users with distinct interests. The first request after a new bundle compares hundreds of users. */
export const exampleUsersQuery = queryOptions({
  queryKey: ['example-users'],
  queryFn: ({ signal }) => dataOf(serving.GET('/v1/users:examples', { params: { query: { limit: '100' } }, signal })),
  staleTime: Infinity,
});
