export { AnswerSource } from './answer-parts.ts';
export { answerBatch } from './batch/answer-batch.ts';
export { BatchAnswer, BatchRequest } from './batch/batch-schema.ts';
export { answerInterests } from './interests/answer-interests.ts';
export { describeUser } from './interests/describe-user.ts';
export { InterestsAnswer, InterestsRequest } from './interests/interests-schema.ts';
export { recommend } from './recommend.ts';
export type { Recommendation, RecommendationRequest, RecommendationResult, RecommendationSource } from './recommend.ts';
export {
  answerNextPage,
  answerRecommendations,
  mergeOf,
  renderAnswer,
} from './recommendations/answer-recommendations.ts';
export type { AnswerContext, AnswerOverrides } from './recommendations/answer-recommendations.ts';
export { decodeCursor } from './recommendations/pages.ts';
export type { PageSequence } from './recommendations/pages.ts';
export { isSameWhenUnpacked } from './recommendations/same-answer.ts';
export { RecommendationsAnswer, RecommendationsRequest } from './recommendations/recommendations-schema.ts';
export { answerSimilarItems } from './similar-items/answer-similar-items.ts';
export { readSimilarItemsQuery, SimilarItemsAnswer, SimilarItemsQuery } from './similar-items/similar-items-schema.ts';
export { unmeasured } from './stage-clock.ts';
export type { MeasureStage } from './stage-clock.ts';
export { readAskingUser } from './users/asking-user.ts';
export type { AskingUser } from './users/asking-user.ts';
export type { ProfileReading, ReadProfile } from './users/profile-reading.ts';
export { readUser } from './users/read-user.ts';
export type { Behavior, InterestBehavior, UserInterest } from './users/read-user.ts';
