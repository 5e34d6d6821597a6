/*
 * Ranks the catalog with a model or a baseline, and computes metrics with their intervals.
 * Start with `evaluateRanking`, `createItemCf` and `pairedBootstrap`.
 * Imports no `@facet/model` and no `node:fs`: the same pure functions evaluate every method.
 */
export { leaveOutHistory, preparedUsersMax, scoreInBlocks } from './block-scorer.ts';
export type { BlockScorer } from './block-scorer.ts';
export { rankingWays, rankLabels, recallOf } from './diagnose-interests.ts';
export type { LabelRanks } from './diagnose-interests.ts';
export { evaluateRanking } from './evaluate-ranking.ts';
export type { CutoffMetrics, RankedUser, RankingEvaluation } from './evaluate-ranking.ts';
export { interestShares, interestSimilarity } from './interest-monitors.ts';
export type { InterestSimilarity, UserInterests } from './interest-monitors.ts';
export { bootstrapInterval, pairedBootstrap, seedInterval } from './intervals.ts';
export type { BootstrapInterval, PairedDifference, SeedInterval } from './intervals.ts';
export { createItemCf } from './item-cf.ts';
export { clusterItems, countClusters } from './item-clusters.ts';
export type { ItemCfOptions } from './item-cf.ts';
export { byMetric, metricNames, metrics, metricsOf, metricTitle, storedMetric } from './metrics-table.ts';
export type { MetricName, MetricOf } from './metrics-table.ts';
export { mean, sum, ndcgAt, truthSize } from './metrics.ts';
export { chunksOf, rankUsers } from './rank-users.ts';
export type { HeldOutUser, RankingTask } from './rank-users.ts';
export { blend, ownHistory, popularity, withFallback } from './scorers.ts';
export type { BlendWeights, InteractionColumns, ScoredUser, Scorer } from './scorers.ts';
export { tfIdf } from './tf-idf.ts';
