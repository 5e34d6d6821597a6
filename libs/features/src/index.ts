/*
 * Turns events into behavior sequences, splits and training examples, with the same code for training and serving.
 * Start with `selectInteractions`, `writeBehaviorSequence` and `chooseTimeSplit`.
 * Imports only `@facet/platform`, and no `node:fs`: its functions are pure.
 */
export {
  ageBucket,
  ageBucketCount,
  behaviorRowLength,
  createBehaviorRows,
  maxRepeatCount,
  writeBehaviorSequence,
} from './behavior-sequence.ts';
export type { BehaviorRows, BehaviorWindow } from './behavior-sequence.ts';
export { buildContentIndex } from './content-index.ts';
export type { ItemContent, Neighbors } from './content-index.ts';
export {
  countInteractions,
  dropRareItems,
  interactionsUntil,
  orderTable,
  toUserSequences,
} from './interaction-table.ts';
export type { InteractionTable } from './interaction-table.ts';
export { drawEpoch, epochShares, epochSize, exampleCounts, prefixExamples, windowExamples } from './examples.ts';
export type { Examples } from './examples.ts';
export {
  contentTerms,
  createdAtNames,
  createFeatureEncoder,
  createUnreadCounter,
  describeUnread,
  FeatureSchema,
  inverseFrequency,
  learnFeatureSchemas,
  titleFeatureName,
} from './feature-schema.ts';
export type { Attributes, AttributeValue, FeatureSelection, UnreadAttribute } from './feature-schema.ts';
export {
  expectedFeaturesOn,
  launchAges,
  launchBytes,
  launchShare,
  launchWindowDays,
  learnLaunchCurves,
  readLaunches,
  writeExpectedFeatures,
} from './launch-curves.ts';
export type { LaunchCurves } from './launch-curves.ts';
export { selectInteractions } from './interactions.ts';
export type { Interaction, InteractionEvent, InteractionRules } from './interactions.ts';
export {
  buildPopularityTimeline,
  coldItemFeatures,
  cacheDays,
  popularityFeatureCount,
  popularityFeatureNames,
} from './popularity-timeline.ts';
export type { PopularityTimeline } from './popularity-timeline.ts';
export { explainPositiveRule, parsePositiveClauses, parsePositiveRule } from './positive-rule.ts';
export type { PositiveRule } from './positive-rule.ts';
export { createRandom, hashText, mix, sampleByHash } from './random.ts';
export type { Random } from './random.ts';
export { buildUserSequences, cutEnd, historyEnd } from './sequences.ts';
export type { Cut, UserSequences } from './sequences.ts';
export { countPairs, transpose } from './sparse-rows.ts';
export type { SparseRows } from './sparse-rows.ts';
export {
  chooseTimeSplit,
  heldOutByTime,
  heldOutNext,
  heldOutUsers,
  itemsKnownBefore,
  leaveOneOutCut,
  userPartitions,
  userSplitCut,
} from './split.ts';
export type { HeldOutSequence, TimeSplit, UserPart } from './split.ts';
export { buildItemVocabulary, checkIdCount, createItemVocabulary, encodeFeatures } from './vocabulary.ts';
export type { EncodedFeature, ItemVocabulary } from './vocabulary.ts';
