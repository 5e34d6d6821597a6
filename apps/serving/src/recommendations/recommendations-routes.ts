import { Problem } from '@facet/http';
import type { HttpApp } from '@facet/http';
import type { RouteDeps } from '../route-deps.ts';
import { answerRecommendations } from './recommendations.ts';
import { RecommendationsAnswer, RecommendationsRequest } from './recommendations-schema.ts';

export function addRecommendationsRoutes(app: HttpApp, deps: RouteDeps): void {
  app.post(
    '/v1/recommendations',
    {
      config: { scope: 'serve' },
      schema: {
        operationId: 'recommend',
        summary: 'Items that a user may want next',
        description:
          'Answers from the interests of a user: the stored behaviors of `userId`, those of the request, or both. ' +
          'Somebody of whom nothing is known gets the most popular items, and `source` says why.',
        tags: ['recommendations'],
        body: RecommendationsRequest,
        response: { 200: RecommendationsAnswer, '4xx': Problem, '5xx': Problem },
      },
    },
    async (request) => {
      const asked = { recommendationId: deps.createId(), now: deps.now() };
      const answer = await deps.live.use((loaded) =>
        deps.admission.run(() => answerRecommendations(loaded, request.body, asked)),
      );
      deps.metrics.countAnswer('recommendations', answer.source);
      return answer;
    },
  );
}
