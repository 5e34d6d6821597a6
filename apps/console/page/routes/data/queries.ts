import { queryOptions } from '@tanstack/react-query';
import { dataOf, sink } from '../../api/fetch-api.ts';

const statusEveryMs = 3_000;
const lakeEveryMs = 10_000;
const dayStaleMs = 300_000;
/** The day in progress changes. */
const todayAgeSeconds = 30;
const deadLettersEveryMs = 30_000;
export const deadLettersMax = 200;

export const lakeQuery = queryOptions({
  queryKey: ['sink', 'lake'],
  queryFn: ({ signal }) => dataOf(sink.GET('/v1/lake', { signal })),
  refetchInterval: lakeEveryMs,
});

export const statusQuery = queryOptions({
  queryKey: ['sink', 'status'],
  queryFn: ({ signal }) => dataOf(sink.GET('/v1/status', { signal })),
  refetchInterval: statusEveryMs,
});

export const dayQuery = (day: string) => {
  const isToday = day === new Date().toISOString().slice(0, 10);
  const query = { day, maxAgeSeconds: isToday ? `${todayAgeSeconds}` : undefined };
  return queryOptions({
    queryKey: ['sink', 'day', day],
    queryFn: ({ signal }) => dataOf(sink.GET('/v1/data-health', { params: { query }, signal })),
    staleTime: isToday ? todayAgeSeconds * 1000 : dayStaleMs,
    ...(isToday ? { refetchInterval: 2 * todayAgeSeconds * 1000 } : {}),
  });
};

export const deadLettersQuery = (reason: string | undefined) =>
  queryOptions({
    queryKey: ['sink', 'dead-letters', reason ?? ''],
    queryFn: ({ signal }) =>
      dataOf(
        sink.GET('/v1/dead-letters', {
          params: { query: { limit: `${deadLettersMax}`, reason } },
          signal,
        }),
      ),
    refetchInterval: deadLettersEveryMs,
  });

export const deadLetterQuery = (id: string) =>
  queryOptions({
    queryKey: ['sink', 'dead-letter', id],
    queryFn: ({ signal }) => dataOf(sink.GET('/v1/dead-letters/{id}', { params: { path: { id } }, signal })),
    staleTime: Infinity,
  });
