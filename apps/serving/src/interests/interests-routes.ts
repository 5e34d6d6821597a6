import { Problem } from '@facet/http';
import type { HttpApp } from '@facet/http';
import type { RouteDeps } from '../route-deps.ts';
import { answerInterests } from './interests.ts';
import { InterestsAnswer, InterestsRequest } from './interests-schema.ts';

export function addInterestsRoutes(app: HttpApp, deps: RouteDeps): void {
  app.post(
    '/v1/interests',
    {
      config: { scope: 'serve' },
      schema: {
        operationId: 'describeInterests',
        summary: 'The interests of a user',
        description:
          'What the model sees in the behaviors: each interest with the behaviors that formed it and the items closest to it.',
        tags: ['recommendations'],
        body: InterestsRequest,
        response: { 200: InterestsAnswer, '4xx': Problem, '5xx': Problem },
      },
    },
    async (request) => {
      const answer = await deps.live.use((loaded) =>
        deps.admission.run(() => answerInterests(loaded, request.body, deps.now())),
      );
      deps.metrics.countAnswer('interests', answer.source);
      return answer;
    },
  );
}
