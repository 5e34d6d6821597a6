import { parseUser, serializeErasure } from '@facet/schemas';
import type { LogRecord } from '@facet/kafka';
import { declaredError, problemError } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { epochMs } from '@facet/platform';
import { Type } from 'typebox';
import { describeRefusal } from './batch/describe-refusal.ts';
import { producerOf, storeErrors, storeRecords } from './ingest-services.ts';
import type { IngestServices } from './ingest-services.ts';

const ErasureResponse = Type.Object(
  {
    erasureId: Type.String({
      description: 'Identifies the erasure in logs and in the output of `facet erasures list`.',
    }),
    requestedAt: epochMs('Epoch milliseconds. Data received until then is erased.'),
    stored: Type.Union([Type.Literal('log'), Type.Literal('spool')]),
    verify: Type.String({ description: 'The command that shows the remaining data of the user.' }),
  },
  {
    title: 'ErasureResponse',
    description: 'The erasure is stored and will be carried out.',
    examples: [
      {
        erasureId: '0b0ec1c8-5c1f-4a0c-a5a2-7d4c3a1b8f43',
        requestedAt: 1_769_904_000_000,
        stored: 'log',
        verify: 'facet erasures verify USER_ID',
      },
    ],
  },
);

/** Adds `DELETE /v1/users/:userId`, which erases profile and catalog entry immediately and lake rows at the next compaction. */
export function addErasureRoutes(app: HttpApp, services: IngestServices): void {
  app.delete(
    '/v1/users/:userId',
    {
      config: { scope: 'admin', errors: storeErrors },
      schema: {
        operationId: 'eraseUser',
        summary: 'Erases a user',
        description:
          'Erases the profile, the catalog entry, the rows of the lake, and the data of sessions joined to the user, as ' +
          'received until now. Repeating the request is harmless. Data received later is kept.',
        tags: ['ingest'],
        params: Type.Object({
          userId: Type.String({ description: 'URL-encoded; any characters.', examples: ['ada'] }),
        }),
        response: { 202: ErasureResponse },
      },
    },
    async (request, reply) => {
      const { userId } = request.params;
      const parsed = parseUser({ userId });
      if (!parsed.ok) throw problemError('REQUEST_INVALID', describeRefusal(parsed), { field: 'userId' });
      const requestedAt = services.now();
      const erasureId = services.createId();
      const requestedBy = producerOf(request.apiKey);
      const value = serializeErasure({ erasureId, userId, requestedAt, requestedBy });
      const records: readonly LogRecord[] = [
        { topic: services.topics.erasures, key: userId, value, timestamp: requestedAt },
        { topic: services.topics.users, key: userId, value: null, timestamp: requestedAt },
      ];
      const { stored, refused } = await storeRecords(services, records);
      if (refused.length > 0) throw declaredError(storeErrors, 'STORE_UNAVAILABLE', 'Kafka refuses the erasure.');
      request.log.info({ erasureId, requestedBy }, 'erasure requested');
      reply.code(202);
      return { erasureId, requestedAt, stored, verify: 'facet erasures verify USER_ID' };
    },
  );
}
