export { buildChosenIndex, buildTunedIndex } from './build-tuned-index.ts';
export type {
  BuildTunedOptions,
  BuiltIndexKind,
  IndexChoice,
  IndexDemand,
  IndexMeasurement,
  IndexProgress,
  InterestQueries,
} from './build-tuned-index.ts';
export { buildExactIndex } from './exact.ts';
export { buildFaissIndex, mapFile, openFaissIndex, setFaissThreads } from './faiss.ts';
export type { FaissIndexOptions } from './faiss.ts';
export { joinIndexes } from './join-indexes.ts';
export { measureIndexRecall } from './index-recall.ts';
export { allItems, allowedItems, allowItems } from './allowed-items.ts';
export type { AllowedItems } from './allowed-items.ts';
export { insertCandidates } from './merging/interest-list.ts';
export type { Candidate, InterestList } from './merging/interest-list.ts';
export { mergeByMax } from './merging/merge-by-max.ts';
export type { Quotas } from './merging/merge-by-quota.ts';
export type { CategoryOf } from './merging/merge-diverse.ts';
export { listLimit, mergeLists } from './merging/merge-lists.ts';
export type { Merge } from './merging/merge-lists.ts';
export { retrieveLists } from './retrieve-lists.ts';
export type { ListsRequest, RetrievedLists } from './retrieve-lists.ts';
export { syntheticVectors } from './synthetic-vectors.ts';
export { estimateIndexes } from './estimate-indexes.ts';
export type { EstimateOptions, IndexesEstimate, KindEstimate } from './estimate-indexes.ts';
export { latencyOf, timeRequests } from './time-requests.ts';
export type { Latency, TimedSearch } from './time-requests.ts';
export type { BreadthPoint } from './tune-breadth.ts';
export type { BuiltVectorIndex, IndexKind, SearchParameters, SearchResult, VectorIndex } from './vector-index.ts';
