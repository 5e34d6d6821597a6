import { problemAnswers } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { answerInterests, InterestsAnswer, InterestsRequest } from '@facet/recommendations';
import type { RouteDeps } from '../route-deps.ts';

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
        response: { 200: InterestsAnswer, ...problemAnswers },
      },
    },
    async (request) => {
      const answer = await deps.live.use(({ bundle, profiles }) =>
        deps.admission.run(() =>
          answerInterests(request.body, {
            bundle,
            readProfile: profiles.read,
            now: deps.now(),
            measure: request.timings.measure,
          }),
        ),
      );
      deps.metrics.countAnswer('interests', answer.source);
      return answer;
    },
  );
}
