export { ClientError } from '../client-error.ts';
export type {
  AnswerBehavior,
  AnswerInterest,
  AnswerItem,
  AnswerSource,
  BatchAnswer,
  BatchList,
  BatchProblem,
  BatchRequest,
  DescribedInterest,
  ExcludeSeen,
  InterestsAnswer,
  InterestsRequest,
  ItemFilter,
  Merge,
  Problem,
  RecommendationsAnswer,
  RecommendationsRequest,
  RequestedBehavior,
  SimilarItem,
  SimilarItemsAnswer,
} from './serving-api.ts';
export { createServingClient } from './serving-client.ts';
export type { ServingCallOptions, ServingClient, ServingClientOptions, SimilarItemsOptions } from './serving-client.ts';
