import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { dataOf, serving } from './fetch-api.ts';

/** Finds items by the words of their titles. */
export const findItemsQuery = (query: string) =>
  queryOptions({
    queryKey: ['find-items', query],
    queryFn: ({ signal }) => dataOf(serving.GET('/v1/items', { params: { query: { query, limit: '12' } }, signal })),
    placeholderData: keepPreviousData,
  });
