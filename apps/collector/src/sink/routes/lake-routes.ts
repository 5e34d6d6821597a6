import { problemResponses } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { lakeStatus } from '@facet/lake';
import { Type } from 'typebox';

const Count = Type.Integer({ minimum: 0 });

const Lake = Type.Object(
  {
    version: Type.Integer({ description: 'The number of the newest record in the transaction log; 0 for no lake.' }),
    rows: Count,
    files: Count,
    bytes: Count,
    days: Type.Array(
      Type.Object({
        day: Type.String({ description: 'UTC day of the events, YYYY-MM-DD.' }),
        rows: Type.Integer({ minimum: 0, description: 'Events, with duplicates.' }),
        files: Count,
        bytes: Count,
      }),
      { description: 'Ascending.' },
    ),
    offsets: Type.Record(Type.String(), Type.Integer(), {
      description: 'By source, the first offset that the lake does not contain.',
    }),
  },
  {
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
  },
);

/** Adds `GET /v1/lake`. */
export function addLakeRoutes(app: HttpApp, { lakeFolder }: { readonly lakeFolder: string }): void {
  app.get(
    '/v1/lake',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'readLake',
        summary: 'Count the events of each day in the lake',
        tags: ['data'],
        response: { 200: Lake, ...problemResponses },
      },
    },
    async () => {
      const { version, rows, files, bytes, days, offsets } = await lakeStatus(lakeFolder);
      return { version, rows, files, bytes, days: [...days], offsets };
    },
  );
}
