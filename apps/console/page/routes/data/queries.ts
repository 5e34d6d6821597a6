import { sinkQuery } from '../../api/fetch-api.ts';

const dayStaleMs = 300_000;
/** The day in progress changes. */
const todayAgeSeconds = 30;
export const deadLettersMax = 200;

export const lakeQuery = sinkQuery('/v1/lake', {}, { refetchInterval: 10_000 });
export const statusQuery = sinkQuery('/v1/status', {}, { refetchInterval: 3_000 });

export const dayQuery = (day: string) => {
  const isToday = day === new Date().toISOString().slice(0, 10);
  const query = { day, maxAgeSeconds: isToday ? `${todayAgeSeconds}` : undefined };
  const ageMs = 1000 * todayAgeSeconds;
  const times = isToday ? { staleTime: ageMs, refetchInterval: 2 * ageMs } : { staleTime: dayStaleMs };
  return sinkQuery('/v1/data-health', { query }, times);
};

export const deadLettersQuery = (reason: string | undefined) =>
  sinkQuery('/v1/dead-letters', { query: { limit: `${deadLettersMax}`, reason } }, { refetchInterval: 30_000 });

export const deadLetterQuery = (id: string) =>
  sinkQuery('/v1/dead-letters/{id}', { path: { id } }, { staleTime: Infinity });
