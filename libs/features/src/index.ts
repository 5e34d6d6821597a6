export {
  ageBucket,
  ageBucketCount,
  createBehaviorRows,
  maxRepeatCount,
  writeBehaviorSequence,
} from './behavior-sequence.ts';
export type { BehaviorRows, BehaviorWindow } from './behavior-sequence.ts';
export { drawEpoch, prefixExamples, windowExamples } from './examples.ts';
export type { Examples } from './examples.ts';
export { createFeatureEncoder, FeatureSchema, learnFeatureSchemas, titleFeatureName } from './feature-schema.ts';
export type { Attributes, AttributeValue, FeatureEncoder, FeatureSelection } from './feature-schema.ts';
export { selectInteractions } from './interactions.ts';
export type { Interaction, InteractionEvent, InteractionRules, SelectedInteractions } from './interactions.ts';
export {
  buildPopularityTimeline,
  neverChosenFeatures,
  popularityFeatureCount,
  popularityFeatureNames,
} from './popularity-timeline.ts';
export type { PopularityTimeline } from './popularity-timeline.ts';
export { parsePositiveRule } from './positive-rule.ts';
export type { PositiveRule } from './positive-rule.ts';
export { createRandom, hashText, mix } from './random.ts';
export type { Random } from './random.ts';
export { buildUserSequences, historyEnd } from './sequences.ts';
export type { UserSequences } from './sequences.ts';
export { chooseTimeSplit, heldOutByLeaveOneOut, heldOutByTime, itemsKnownBefore } from './split.ts';
export type { HeldOutSequence, TimeSplit } from './split.ts';
export { buildItemVocabulary, createItemVocabulary, encodeFeatures } from './vocabulary.ts';
export type { EncodedFeature, ItemVocabulary } from './vocabulary.ts';
