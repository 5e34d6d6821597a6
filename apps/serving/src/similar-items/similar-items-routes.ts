import { IdentifierSchema } from '@facet/schemas';
import { problemAnswers } from '@facet/http';
import type { HttpApp } from '@facet/http';
import {
  answerSimilarItems,
  readSimilarItemsQuery,
  SimilarItemsAnswer,
  SimilarItemsQuery,
} from '@facet/recommendations';
import { Type } from 'typebox';
import type { RouteDeps } from '../route-deps.ts';

export function addSimilarItemsRoutes(app: HttpApp, deps: RouteDeps): void {
  app.get(
    '/v1/items/:itemId/similar',
    {
      config: { scope: 'serve' },
      schema: {
        operationId: 'findSimilarItems',
        summary: 'Items that are like an item',
        description:
          'By the embeddings of the bundle; a new item has that of its attributes. Popularity plays no part; neither the ' +
          'item itself nor what is excluded or not available is returned. An item of which nothing is known has popular ' +
          'ones instead, and `source` says so.',
        tags: ['recommendations'],
        params: Type.Object({ itemId: { ...IdentifierSchema, examples: ['film-1'] } }),
        querystring: SimilarItemsQuery,
        response: { 200: SimilarItemsAnswer, ...problemAnswers },
      },
    },
    async ({ params, query, timings }) => {
      const request = { itemId: params.itemId, ...readSimilarItemsQuery(query) };
      const answer = await deps.live.use(({ bundle }) =>
        deps.admission.run(() =>
          answerSimilarItems(request, { bundle, settings: deps.settings, measure: timings.measure }),
        ),
      );
      deps.metrics.countAnswer('similar', answer.source);
      return answer;
    },
  );
}
