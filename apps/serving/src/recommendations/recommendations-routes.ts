import { problemAnswers } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { RecommendationsAnswer, RecommendationsRequest } from '@facet/recommendations';
import type { RequestOutcome } from '../guardrails/traffic-window.ts';
import type { RouteDeps } from '../route-deps.ts';
import { answerAndRecord } from './answer-and-record.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What the guardrails judge, of a request for recommendations that was not turned away at the door. */
    judged?: { bundleId?: string; answer?: JudgedAnswer };
  }
}

/** The bundle's part in an answer. */
interface JudgedAnswer {
  readonly isFallback: boolean;
  readonly isEmpty: boolean;
}

function judge({ source, returned }: RecommendationsAnswer): JudgedAnswer {
  // That profiles cannot be read is no fault of the bundle.
  const isFallback = source.kind === 'popular' && source.reason !== 'profiles_unavailable';
  return { isFallback, isEmpty: returned === 0 };
}

/** Says how a request ended; what was wrong with the request is not the bundle's part. */
function outcomeOf(statusCode: number, answer: JudgedAnswer | undefined, ms: number): RequestOutcome | undefined {
  if (statusCode >= 500) return { kind: 'error' };
  return answer && { kind: 'answer', ...answer, ms };
}

export function addRecommendationsRoutes(app: HttpApp, deps: RouteDeps): void {
  // Not a WeakMap of requests: what it holds outlives all short collections of garbage.
  app.decorateRequest('judged');
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
      async onResponse({ judged }, { statusCode, elapsedTime }) {
        const outcome = outcomeOf(statusCode, judged?.answer, elapsedTime);
        if (outcome !== undefined) deps.guardrails?.record(judged?.bundleId, outcome);
      },
    },
    async (request, reply) => {
      const judged: NonNullable<typeof request.judged> = (request.judged = {});
      const caller = {
        keyName: request.apiKey?.name,
        timings: request.timings,
        onBundle: (id: string) => void (judged.bundleId = id),
      };
      const { answer, text } = await deps.live.use((loaded) =>
        deps.admission.run(() => answerAndRecord(request.body, caller, loaded, deps)),
      );
      deps.metrics.countAnswer('recommendations', answer.source);
      judged.answer = judge(answer);
      // As it is recorded, byte for byte.
      return reply
        .type('application/json; charset=utf-8')
        .serializer((rendered: string) => rendered)
        .send(text as never);
    },
  );
}
