import { createHash } from 'node:crypto';
import { parseUser, serializeErasure } from '@facet/schemas';
import type { LogRecord } from '@facet/kafka';
import { Problem } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { Type } from 'typebox';
import { adviseOn } from '../batch/refusal-advice.ts';
import type { IngestDeps } from '../ingest-deps.ts';
import { ingestProblems } from '../ingest-problems.ts';
import { producerOf } from '../producer.ts';
import { storeRecords } from '../store-records.ts';

const ErasureAnswer = Type.Object(
  {
    erasureId: Type.String(),
    userHash: Type.String({ description: 'The SHA-256 of the user id in hex, by which the lake names the erasure.' }),
    requestedAt: Type.Integer({ description: 'Epoch milliseconds: what was received up to then is erased.' }),
    stored: Type.Union([Type.Literal('log'), Type.Literal('spool')]),
    verify: Type.String({ description: 'The command that shows whether anything of the user is left.' }),
  },
  {
    title: 'ErasureAnswer',
    description: 'The request is safe, and will be carried out.',
    examples: [
      {
        erasureId: '0b0ec1c8-5c1f-4a0c-a5a2-7d4c3a1b8f43',
        userHash: 'fdee430d40bd57deeac186cd9790033d0f06f909a8806e7ce6e717ab7c7d5029',
        requestedAt: 1_769_904_000_000,
        stored: 'log',
        verify: 'facet erasures verify USER_ID',
      },
    ],
  },
);

/** Erases a user: profile and catalog at once, the lake at the next compaction. */
export function addErasureRoutes(app: HttpApp, deps: IngestDeps): void {
  app.delete(
    '/v1/users/:userId',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'eraseUser',
        summary: 'Forgets a user',
        description:
          'Erases the profile, the catalog entry, the rows of the lake and what sessions joined to the user had, as far as ' +
          'received until now. Asking again is harmless. What is received later is kept.',
        tags: ['ingest'],
        params: Type.Object({
          userId: Type.String({ description: 'URL-encoded; any characters.', examples: ['ada'] }),
        }),
        response: { 202: ErasureAnswer, '4xx': Problem, '5xx': Problem },
      },
    },
    async (request, reply) => {
      const { userId } = request.params;
      const parsed = parseUser({ userId });
      if (!parsed.ok) throw ingestProblems.error('REQUEST_INVALID', adviseOn(parsed), { field: 'userId' });
      const requestedAt = deps.now();
      const erasureId = deps.createId();
      const erasure = { erasureId, userId, requestedAt, requestedBy: producerOf(request.apiKey) };
      const records: readonly LogRecord[] = [
        { topic: deps.topics.erasures, key: userId, value: serializeErasure(erasure), timestamp: requestedAt },
        { topic: deps.topics.users, key: userId, value: null, timestamp: requestedAt },
      ];
      const { stored, refused } = await storeRecords(deps, records);
      if (refused.length > 0) throw ingestProblems.error('STORE_UNAVAILABLE', 'The log does not take the request.');
      const userHash = createHash('sha256').update(userId).digest('hex');
      request.log.info({ erasureId, userHash, requestedBy: erasure.requestedBy }, 'erasure requested');
      reply.code(202);
      return { erasureId, userHash, requestedAt, stored, verify: 'facet erasures verify USER_ID' };
    },
  );
}
