import { describeRoutes, responseSignal } from '@facet/http';
import type { HttpApp } from '@facet/http';
import {
  BatchRequest,
  BatchResponse,
  chooseMerge,
  decodeCursor,
  InterestsRequest,
  InterestsResponse,
  parseSimilarItemsQuery,
  RankRequest,
  RankResponse,
  RecommendationsRequest,
  RecommendationsResponse,
  renderResponse,
  respondWithBatch,
  respondWithInterests,
  respondWithNextPage,
  respondWithRank,
  respondWithRecommendations,
  respondWithSimilarItems,
  SimilarItemsQuery,
  SimilarItemsResponse,
} from '@facet/recommendations';
import type { ProfileReading, ReadProfile } from '@facet/recommendations';
import { IdentifierSchema } from '@facet/schemas';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Loaded } from '../bundle/live-bundle.ts';
import { profileErrors, serve } from '../serving.ts';
import type { ServedRecommendation } from '../serving.ts';

const describe = describeRoutes({ scope: 'serve', tag: 'recommendations' });

/** The response text is already JSON. The route sends the same bytes that it records. */
const sendAsIs = (text: string): string => text;

/** Adds `POST /v1/recommendations`. */
export async function addRecommendations(app: HttpApp): Promise<void> {
  const { serving } = app;
  app.post(
    '/v1/recommendations',
    describe({
      operationId: 'recommend',
      errors: profileErrors,
      summary: 'Recommend items to a user',
      description:
        'Uses the stored behaviors of `userId`, the behaviors of the request, or both. An unknown user gets popular items, ' +
        'and `source` has the reason.',
      body: RecommendationsRequest,
      response: RecommendationsResponse,
    }),
    async (request, reply) => {
      const respond = request.body.cursor === undefined ? serveList : serveNextPage;
      const served = await serve(serving, (loaded) => respond(request, loaded));
      request.recommendation = served;
      serving.metrics.countResponse('recommendations', served.response.source);
      return reply
        .type('application/json; charset=utf-8')
        .serializer(sendAsIs)
        .send(served.text as never);
    },
  );
}

type RecommendationsCall = FastifyRequest<{ Body: RecommendationsRequest }>;

/** Responds with a new list. The arms of the user decide the bundle and the settings. */
async function serveList(request: RecommendationsCall, loaded: Loaded): Promise<ServedRecommendation> {
  const { body, spans } = request;
  const { serving } = request.server;
  const { settings } = serving;
  const now = serving.now();
  const entered = serving.arms.enter(body.userId, loaded.bundle, now);
  const { arms, overrides, bundle, release } = entered;
  try {
    request.usedBundleId = bundle.id;
    const cached: { reading?: ProfileReading } = {};
    // Shadow arms and replays use the same profile.
    const readProfile: ReadProfile = async (userId) => (cached.reading ??= await loaded.profiles.read(userId));
    const recommendationId = serving.createId();
    const context = { readProfile, settings, recommendationId, now, arms, overrides };
    const response = await respondWithRecommendations(body, { ...context, bundle, spans });
    serving.metrics.countArms(response.arms ?? {});
    return {
      response,
      text: renderResponse(body.timings === true ? { ...response, timings: spans.toJSON() } : response),
      respondedAt: now,
      merge: chooseMerge(body, context),
      list: { context, profile: cached.reading?.profile, liveBundleId: loaded.bundle.id },
    };
  } finally {
    await release?.();
  }
}

/** Responds with a further page of a list. Does not count the arms of the list again. */
async function serveNextPage(request: RecommendationsCall, { bundle }: Loaded): Promise<ServedRecommendation> {
  const { body, spans } = request;
  const sequence = decodeCursor(body.cursor!);
  request.usedBundleId = bundle.id;
  const response = respondWithNextPage(sequence, body, bundle);
  return {
    response,
    text: renderResponse(body.timings === true ? { ...response, timings: spans.toJSON() } : response),
    respondedAt: request.server.serving.now(),
    userHash: sequence.userHash,
    merge: sequence.merge,
  };
}

/** Adds the routes of batches, ranks, interests and similar items. */
export function addScoringRoutes(app: HttpApp): void {
  const { serving } = app;
  app.post(
    // The router reads `::` as one literal colon.
    '/v1/recommendations::batch',
    describe({
      operationId: 'recommendBatch',
      errors: profileErrors,
      summary: 'Recommend items to many users',
      description:
        'For offline scoring: one list for each user, in the order of `users`, all from the same bundle. A user with ' +
        'invalid behaviors gets a problem instead of a list. Users enter no experiment, and nothing is recorded.',
      body: BatchRequest,
      response: BatchResponse,
    }),
    async ({ body, spans }, reply) => {
      const signal = responseSignal(reply);
      const batch = await serve(serving, ({ bundle, profiles }) =>
        respondWithBatch(body, {
          bundle,
          readProfile: profiles.read,
          settings: serving.settings,
          createId: serving.createId,
          now: serving.now(),
          spans: spans.unwatch(),
          signal,
        }),
      );
      for (const list of batch.responses) {
        if ('source' in list) serving.metrics.countResponse('recommendations', list.source);
      }
      return batch;
    },
  );

  app.post(
    '/v1/rank',
    describe({
      operationId: 'rank',
      errors: profileErrors,
      summary: 'Score candidates for a user',
      description:
        'Scores up to 1,000 items that another system proposes, such as the results of a search. ' +
        'Users enter no experiment, and nothing is recorded.',
      body: RankRequest,
      response: RankResponse,
    }),
    async ({ body, spans }) => {
      const response = await serve(serving, ({ bundle, profiles }) =>
        respondWithRank(body, { bundle, readProfile: profiles.read, now: serving.now(), spans }),
      );
      serving.metrics.countResponse('rank', response.source);
      return response;
    },
  );

  app.post(
    '/v1/interests',
    describe({
      operationId: 'describeInterests',
      errors: profileErrors,
      summary: 'Describe the interests of a user',
      description: 'Returns each interest with the behaviors that formed it and the items closest to it.',
      body: InterestsRequest,
      response: InterestsResponse,
    }),
    async ({ body, spans }) => {
      const response = await serve(serving, ({ bundle, profiles }) =>
        respondWithInterests(body, { bundle, readProfile: profiles.read, now: serving.now(), spans }),
      );
      serving.metrics.countResponse('interests', response.source);
      return response;
    },
  );

  app.get(
    '/v1/items/:itemId/similar',
    describe({
      operationId: 'findSimilarItems',
      summary: 'Find items similar to an item',
      description:
        'Compares the embeddings of the bundle; an added item of the delta has an embedding of its attributes. Popularity has no influence. ' +
        'An item without an embedding gets popular items, and `source` has the reason.',
      params: Type.Object({ itemId: { ...IdentifierSchema, examples: ['film-1'] } }),
      querystring: SimilarItemsQuery,
      response: SimilarItemsResponse,
    }),
    async (request) => {
      const query = { itemId: request.params.itemId, ...parseSimilarItemsQuery(request.query) };
      const response = await serve(serving, ({ bundle }) =>
        respondWithSimilarItems(query, { bundle, settings: serving.settings, spans: request.spans }),
      );
      serving.metrics.countResponse('similar', response.source);
      return response;
    },
  );
}
