import { DayHealthSchema } from '@facet/lake';
import { problemError, problemResponses, responseSignal } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { Type } from 'typebox';
import { utcDay } from '@facet/platform';
import type { DataHealthReader } from './data-health.ts';

const Query = Type.Object({
  day: Type.Optional(Type.String({ description: 'A UTC day, YYYY-MM-DD; today by default.' })),
  maxAgeSeconds: Type.Optional(
    Type.String({ pattern: '^[1-9]\\d{0,4}$', description: 'Age of the report at most. Default: 600.' }),
  ),
});

/** A report reads a week of the lake while the sink works. */
const handlerTimeoutMs = 120_000;

/** Adds `GET /v1/data-health?day=YYYY-MM-DD`, for a key with the scope read. */
export function addDataHealthRoutes(
  app: HttpApp,
  { reader, now }: { readonly reader: DataHealthReader; readonly now: () => number },
): void {
  app.get(
    '/v1/data-health',
    {
      config: { scope: 'read' },
      handlerTimeout: handlerTimeoutMs,
      schema: {
        operationId: 'readDataHealth',
        summary: 'Reports the health of one day of events',
        tags: ['data'],
        querystring: Query,
        response: { 200: DayHealthSchema, ...problemResponses },
      },
    },
    async (request, reply) => {
      const day = request.query.day ?? utcDay(now());
      if (!isDay(day)) {
        throw problemError('REQUEST_INVALID', 'day must be a calendar day in the form YYYY-MM-DD.', {
          field: 'day',
        });
      }
      const { maxAgeSeconds } = request.query;
      const ageMsMax = maxAgeSeconds === undefined ? undefined : Number(maxAgeSeconds) * 1000;
      return reader.read(day, { ageMsMax, signal: responseSignal(reply) });
    },
  );
}

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(Date.parse(text)).toJSON()?.startsWith(text) === true;
}
