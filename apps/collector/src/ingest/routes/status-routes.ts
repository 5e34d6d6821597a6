import { Problem } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { Type } from 'typebox';
import type { IngestDeps } from '../ingest-deps.ts';

const IngestStatus = Type.Object(
  {
    log: Type.Union([Type.Literal('reachable'), Type.Literal('unreachable'), Type.Literal('untried')], {
      description: 'Whether Kafka acknowledged what it was last given.',
    }),
    canStore: Type.Boolean({ description: 'Whether the log or the spool takes records, as far as is known.' }),
    queueBytes: Type.Integer({ description: 'Bytes of records that wait to be stored.' }),
    spool: Type.Object({
      records: Type.Integer(),
      bytes: Type.Integer(),
      bytesMax: Type.Integer(),
      oldestAt: Type.Optional(
        Type.Integer({ description: 'When the oldest record was received, epoch milliseconds.' }),
      ),
    }),
  },
  { title: 'IngestStatus', description: 'Where records go at the moment.' },
);

export function addStatusRoutes(app: HttpApp, { writer }: IngestDeps): void {
  app.get(
    '/v1/status',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'readStatus',
        summary: 'Whether the log takes records, and what waits in the spool',
        tags: ['operations'],
        response: { 200: IngestStatus, '4xx': Problem, '5xx': Problem },
      },
    },
    async () => {
      const { isLogReachable, canStore, queueBytes, spool } = writer.state;
      const { oldestAt, ...sizes } = spool;
      return {
        log: describeLog(isLogReachable),
        canStore,
        queueBytes,
        spool: { ...sizes, ...(oldestAt === undefined ? {} : { oldestAt }) },
      };
    },
  );
}

function describeLog(isReachable: boolean | undefined): 'reachable' | 'unreachable' | 'untried' {
  if (isReachable === undefined) return 'untried';
  return isReachable ? 'reachable' : 'unreachable';
}
