import { DayHealthSchema } from '@facet/lake';
import { Problem, problemError } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { Type } from 'typebox';
import type { DataHealthReader } from './data-health-reader.ts';

const Query = Type.Object({
  day: Type.Optional(Type.String({ description: 'A UTC day, YYYY-MM-DD; today where it is left out.' })),
});

/** A week of a busy shop is read for it, beside the sink's own work. */
const handlerTimeoutMs = 120_000;

/** `GET /v1/data-health?day=YYYY-MM-DD`, for a key with the scope admin. */
export function addDataHealthRoutes(
  app: HttpApp,
  { reader, now }: { readonly reader: DataHealthReader; readonly now: () => number },
): void {
  app.get(
    '/v1/data-health',
    {
      config: { scope: 'admin' },
      handlerTimeout: handlerTimeoutMs,
      schema: {
        operationId: 'readDataHealth',
        summary: 'The health of one day of events',
        tags: ['operations'],
        querystring: Query,
        response: { 200: DayHealthSchema, 400: Problem },
      },
    },
    async (request) => {
      const day = request.query.day ?? new Date(now()).toISOString().slice(0, 10);
      if (!isDay(day)) {
        throw problemError('REQUEST_INVALID', 'day must be a day of the calendar, written YYYY-MM-DD.', {
          field: 'day',
        });
      }
      return reader.read(day);
    },
  );
}

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(Date.parse(text)).toJSON()?.startsWith(text) === true;
}
