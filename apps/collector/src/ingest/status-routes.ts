import type { HttpApp } from '@facet/http';
import { IngestStatus } from '@facet/schemas';
import type { IngestServices } from './ingest-services.ts';

export function addStatusRoutes(app: HttpApp, { writer }: IngestServices): void {
  app.get(
    '/v1/status',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'readStatus',
        summary: 'Reports whether Kafka accepts records and what the spool contains',
        tags: ['operations'],
        response: { 200: IngestStatus },
      },
    },
    async () => {
      const { isLogReachable, canStore, queueBytes, spool } = writer.state;
      return { log: describeLog(isLogReachable), canStore, queueBytes, spool };
    },
  );
}

function describeLog(isReachable: boolean | undefined): IngestStatus['log'] {
  if (isReachable === undefined) return 'untried';
  return isReachable ? 'reachable' : 'unreachable';
}
