export { describeUser, recommend } from './recommend.ts';
export type {
  Behavior,
  InterestBehavior,
  Recommendation,
  RecommendationRequest,
  RecommendationResult,
  RecommendationSource,
  UserInterest,
} from './recommend.ts';
