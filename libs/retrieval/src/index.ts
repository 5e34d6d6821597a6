export { estimateIndexes } from './estimate/estimate-indexes.ts';
export type { IndexesEstimate, KindEstimate } from './estimate/estimate-indexes.ts';
export { indexMemory } from './estimate/index-memory.ts';
export { syntheticVectors } from './estimate/synthetic-vectors.ts';
export {
  allItems,
  createBitmap,
  fullBitmap,
  hasBit,
  itemSet,
  selectItems,
  setBit,
  withoutItems,
} from './indexes/item-set.ts';
export type { ItemSet } from './indexes/item-set.ts';
export { buildExactIndex } from './indexes/exact.ts';
export { buildFaissIndex, mapFile, openFaissIndex, setFaissThreads } from './indexes/faiss.ts';
export { joinIndexes } from './indexes/join-indexes.ts';
export { insertCandidates, mergeByMax, rescoreLists } from './merging/interest-lists.ts';
export type { Candidate, InterestList } from './merging/interest-lists.ts';
export { interestsMax, listLimit, mergeDefault, mergeLists, mergeModes, mergeNames } from './merging/merge-modes.ts';
export type { Merge, MergeName, MergeOptions } from './merging/merge-modes.ts';
export { retrieveLists } from './retrieve-lists.ts';
export type { ListsRequest } from './retrieve-lists.ts';
export { countFound, measureIndexRecall } from './tuning/index-recall.ts';
export { latencyOf, timeRequests } from './tuning/time-requests.ts';
export type { Latency } from './tuning/time-requests.ts';
export { buildChosenIndex, buildTunedIndex } from './tuning/build-tuned-index.ts';
export type { IndexChoice, IndexDemand, IndexProgress, InterestQueries } from './tuning/build-tuned-index.ts';
export type { BuiltVectorIndex, SearchParameters, SearchResult, VectorIndex } from './indexes/vector-index.ts';
