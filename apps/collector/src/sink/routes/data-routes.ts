import { describeRoutes, lakeErrors, responseSignal } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { DayHealthSchema, LakeContent, lakeStatus } from '@facet/lake';
import { utcDay } from '@facet/platform';
import { Type } from 'typebox';
import type { DataHealthReader } from '../data-health.ts';

const Query = Type.Object({
  day: Type.Optional(
    Type.String({ format: 'date', description: 'A UTC day, YYYY-MM-DD; today by default.', examples: ['2026-01-31'] }),
  ),
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
    describeRoutes({ scope: 'read', tag: 'data', handlerTimeout: handlerTimeoutMs })({
      operationId: 'readDataHealth',
      errors: { ...lakeErrors, EVENTS_CATALOG_DAMAGED: { status: 409 }, EVENTS_CATALOG_UNREADABLE: { status: 503 } },
      summary: 'Reports the health of one day of events',
      querystring: Query,
      response: DayHealthSchema,
    }),
    async (request, reply) => {
      const day = request.query.day ?? utcDay(now());
      const { maxAgeSeconds } = request.query;
      const ageMsMax = maxAgeSeconds === undefined ? undefined : Number(maxAgeSeconds) * 1000;
      return reader.read(day, { ageMsMax, signal: responseSignal(reply) });
    },
  );
}

const Lake = Type.Object(LakeContent.properties, {
  title: 'Lake',
  description: 'The content of the lake, from its transaction log.',
  examples: [
    {
      version: 12,
      rows: 90_213,
      files: 3,
      bytes: 1_200_345,
      days: [{ day: '2026-01-31', rows: 90_213, files: 3, bytes: 1_200_345 }],
      offsets: { 'facet.events.v1-0': 90_213 },
    },
  ],
});

/** Adds `GET /v1/lake`. */
export function addLakeRoutes(app: HttpApp, { lakeFolder }: { readonly lakeFolder: string }): void {
  app.get(
    '/v1/lake',
    describeRoutes({ scope: 'read', tag: 'data' })({
      operationId: 'readLake',
      errors: lakeErrors,
      summary: 'Count the events of each day in the lake',
      response: Lake,
    }),
    async () => {
      const { version, rows, files, bytes, days, offsets } = await lakeStatus(lakeFolder);
      return { version, rows, files, bytes, days, offsets };
    },
  );
}
