export { ClientError } from '../client-error.ts';
export type {
  BatchList,
  BatchProblem,
  BatchRequest,
  BatchResponse,
  CatalogResponse,
  DescribedInterest,
  ExcludeSeen,
  InterestBehavior,
  InterestsRequest,
  InterestsResponse,
  ItemFilter,
  Merge,
  Problem,
  RecommendationsRequest,
  RecommendationsResponse,
  RecommendedItem,
  RequestedBehavior,
  ResponseSource,
  ScoredItem,
  SimilarItemsResponse,
  UserInterest,
  UserResponse,
} from './serving-api.ts';
export { createServingClient } from './serving-client.ts';
export type { ServingCallOptions, ServingClient, ServingClientOptions, SimilarItemsOptions } from './serving-client.ts';
