import { problemAnswers } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { RecommendationsAnswer, RecommendationsRequest } from '@facet/recommendations';
import type { RequestOutcome } from '../guardrails/traffic-window.ts';
import type { RouteDeps } from '../route-deps.ts';
import { answerAndRecord } from './answer-and-record.ts';

/** Says how a request ended, the bundle's part in it; what was wrong with the request is not. */
function outcomeOf(
  statusCode: number,
  answer: RecommendationsAnswer | undefined,
  ms: number,
): RequestOutcome | undefined {
  if (statusCode >= 500) return { kind: 'error' };
  if (answer === undefined) return undefined;
  const { source, returned } = answer;
  // That profiles cannot be read is no fault of the bundle.
  const isFallback = source.kind === 'popular' && source.reason !== 'profiles_unavailable';
  return { kind: 'answer', isFallback, isEmpty: returned === 0, ms };
}

export function addRecommendationsRoutes(app: HttpApp, deps: RouteDeps): void {
  const answers = new WeakMap<object, RecommendationsAnswer>();
  /** Which bundle was asked, also where it failed. */
  const askedBundles = new WeakMap<object, string>();
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
        response: { 200: RecommendationsAnswer, ...problemAnswers },
      },
      async onResponse(request, { statusCode, elapsedTime }) {
        const answer = answers.get(request);
        const outcome = outcomeOf(statusCode, answer, elapsedTime);
        if (outcome !== undefined) deps.guardrails?.record(answer?.bundleId ?? askedBundles.get(request), outcome);
      },
    },
    async (request, reply) => {
      const caller = {
        keyName: request.apiKey?.name,
        timings: request.timings,
        onBundle: (id: string) => void askedBundles.set(request, id),
      };
      const { answer, text } = await deps.live.use((loaded) =>
        deps.admission.run(() => answerAndRecord(request.body, caller, loaded, deps)),
      );
      deps.metrics.countAnswer('recommendations', answer.source);
      answers.set(request, answer);
      // As it is recorded, byte for byte.
      return reply
        .type('application/json; charset=utf-8')
        .serializer((rendered: string) => rendered)
        .send(text as never);
    },
  );
}
