import { queryOptions } from '@tanstack/react-query';
import { dataOf, trainer } from '../../api/fetch-api.ts';

/** The trainer computes a report at most once a minute. */
const reportEveryMs = 60_000;

export const windowHoursDefault = 24;

export const experimentsQuery = queryOptions({
  queryKey: ['trainer', 'experiments'],
  queryFn: ({ signal }) => dataOf(trainer.GET('/v1/experiments', { signal })),
  staleTime: 60_000,
});

export const reportQuery = (name: string, windowHours: number) =>
  queryOptions({
    queryKey: ['trainer', 'experiment', name, windowHours],
    queryFn: ({ signal }) =>
      dataOf(
        trainer.GET('/v1/experiments/{name}/report', {
          params: { path: { name }, query: { windowHours: `${windowHours}` } },
          signal,
        }),
      ),
    staleTime: reportEveryMs,
    refetchInterval: reportEveryMs,
  });
