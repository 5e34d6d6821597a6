import { apiQuery, sink } from '../../api/fetch-api.ts';

const dayStaleMs = 300_000;
/** The day in progress changes. */
const todayAgeSeconds = 30;
export const deadLettersMax = 200;

export const lakeQuery = apiQuery(['sink', 'lake'], (signal) => sink.GET('/v1/lake', { signal }), {
  refetchInterval: 10_000,
});

export const statusQuery = apiQuery(['sink', 'status'], (signal) => sink.GET('/v1/status', { signal }), {
  refetchInterval: 3_000,
});

export const dayQuery = (day: string) => {
  const isToday = day === new Date().toISOString().slice(0, 10);
  const query = { day, maxAgeSeconds: isToday ? `${todayAgeSeconds}` : undefined };
  const ageMs = 1000 * todayAgeSeconds;
  return apiQuery(
    ['sink', 'day', day],
    (signal) => sink.GET('/v1/data-health', { params: { query }, signal }),
    isToday ? { staleTime: ageMs, refetchInterval: 2 * ageMs } : { staleTime: dayStaleMs },
  );
};

export const deadLettersQuery = (reason: string | undefined) =>
  apiQuery(
    ['sink', 'dead-letters', reason ?? ''],
    (signal) => sink.GET('/v1/dead-letters', { params: { query: { limit: `${deadLettersMax}`, reason } }, signal }),
    { refetchInterval: 30_000 },
  );

export const deadLetterQuery = (id: string) =>
  apiQuery(
    ['sink', 'dead-letter', id],
    (signal) => sink.GET('/v1/dead-letters/{id}', { params: { path: { id } }, signal }),
    { staleTime: Infinity },
  );
