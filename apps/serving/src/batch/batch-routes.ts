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
          'For offline scoring: one list a user, all of one bundle, in the order of `users`. A user whose fields are wrong has ' +
          'a problem in the place of the list; the others are answered.',
        tags: ['recommendations'],
        body: BatchRequest,
        response: { 200: BatchAnswer, ...problemAnswers },
      },
    },
    async (request) => {
      const batch = await deps.live.use(({ bundle, profiles }) =>
        deps.admission.run(() =>
          answerBatch(request.body, {
            bundle,
            readProfile: profiles.read,
            settings: deps.settings,
            createId: deps.createId,
            now: deps.now(),
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
