/*
 * Computes recommendations for a request: requester, interests, filters, search and merge.
 * Start with `respondWithRecommendations`, `readRequester` and `inferUser`.
 * Imports no `@facet/http`, no `@facet/config` and no `fastify`: `facet recommend` and replays call the same functions.
 */
export {
  CatalogAttribute,
  CatalogResponse,
  describeAttributes,
  respondWithCatalog,
} from './catalog/describe-catalog.ts';
export {
  buildTitleIndex,
  ItemsResponse,
  parseSearchQuery,
  respondWithItems,
  SearchQuery,
} from './catalog/search-items.ts';
export { compareBundles, compareCatalogs, compareLists } from './compare-bundles.ts';
export type { MovedItem } from './compare-bundles.ts';
export type { ArmOverrides, ProfileReading, ReadProfile, ResponseContext } from './context.ts';
export { fallbackReasons } from './fallback-reasons.ts';
export type { FallbackReason } from './fallback-reasons.ts';
export type { RequestSpan, Spans } from './spans.ts';
export { searchParameters } from './find-items.ts';
export type { ListQuery } from './find-items.ts';
export {
  describeCoupling,
  describeUser,
  InterestsRequest,
  InterestsResponse,
  respondWithInterests,
} from './interests.ts';
export { RankRequest, RankResponse, respondWithRank } from './rank.ts';
export { BatchRequest, BatchResponse, pick, respondWithBatch } from './lists/batch.ts';
export { decodeCursor, isSameResponse } from './lists/cursor.ts';
export { limitDefault, RecommendationsRequest, RecommendationsResponse } from './lists/recommendations-schema.ts';
export {
  chooseMerge,
  recommend,
  renderResponse,
  respondWithNextPage,
  respondWithRecommendations,
} from './lists/respond.ts';
export type { RecommendationResult } from './lists/respond.ts';
export { describeOrigin, originFields } from './response.ts';
export type { InterestBehavior, ResponseSource, UserInterest } from './response.ts';
export {
  parseSimilarItemsQuery,
  respondWithSimilarItems,
  SimilarItemsQuery,
  SimilarItemsResponse,
} from './similar-items.ts';
export type { InterestCoupling } from './interests.ts';
export {
  comparedUsersMax,
  distinctBehaviorsMin,
  ExampleUsersResponse,
  findDistinctUsers,
  respondWithExampleUsers,
  respondWithUser,
  respondWithUsers,
  UserResponse,
  UsersResponse,
} from './users/list-users.ts';
export type { DistinctUser, UserDirectory, UserIds } from './users/list-users.ts';
export { inferUser } from './users/inferred-user.ts';
export type { Behavior } from './users/inferred-user.ts';
export { readRequester } from './users/requester.ts';
export type { Requester } from './users/requester.ts';
