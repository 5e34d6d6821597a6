import { problemAnswers } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { answerBatch, BatchAnswer, BatchRequest } from '@facet/recommendations';
import type { RouteDeps } from '../route-deps.ts';

export function addBatchRoutes(app: HttpApp, deps: RouteDeps): void {
  app.post(
    // A colon that names no parameter.
    '/v1/recommendations::batch',
    {
      config: { scope: 'serve' },
      schema: {
        operationId: 'recommendBatch',
        summary: 'Items for many users at a time',
        description:
          'For offline scoring: one list a user, all of one bundle, in the order of `users`. A user whose behaviors are wrong ' +
          'has a problem in the place of the list; the others are answered. Users are in no experiment, and nothing is ' +
          'recorded: the lists are not shown by this API.',
        tags: ['recommendations'],
        body: BatchRequest,
        response: { 200: BatchAnswer, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const batch = await deps.live.use(({ bundle, profiles }) =>
        deps.admission.run(() =>
          answerBatch(request.body, {
            bundle,
            readProfile: profiles.read,
            settings: deps.settings,
            createId: deps.createId,
            now: deps.now(),
            measure: request.timings.measureOfMany,
            signal: gone.signal,
          }),
        ),
      );
      for (const answer of batch.answers) {
        if ('source' in answer) deps.metrics.countAnswer('recommendations', answer.source);
      }
      return batch;
    },
  );
}
