/*
 * Builds, tunes and searches indexes of vectors, and merges the lists of several interests.
 * Start with `buildTunedIndex`, `retrieveLists` and `mergeLists`.
 * Imports no `@facet/model` and no `@facet/bundles`: an index accepts the vectors of any model.
 */
export { estimateIndexes, indexMemory } from './estimate/estimate-indexes.ts';
export type { IndexesEstimate, KindEstimate } from './estimate/estimate-indexes.ts';
export { syntheticVectors } from './estimate/sample-indexes.ts';
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
export { buildFaissIndex, mapFile, openFaissIndex, setFaissThreads } from './indexes/faiss.ts';
export { joinIndexes } from './indexes/join-indexes.ts';
export { insertCandidates, mergeByMax, rescoreLists } from './merging/interest-lists.ts';
export type { Candidate, InterestList } from './merging/interest-lists.ts';
export { interestsMax, listLimit, mergeDefault, mergeLists, mergeModes, mergeNames } from './merging/merge-modes.ts';
export type { Merge } from './merging/merge-modes.ts';
export { retrieveLists } from './retrieve-lists.ts';
export type { ListsRequest } from './retrieve-lists.ts';
export { countFound, latencyOf, measureIndexRecall, timeRequests } from './tuning/tune-breadth.ts';
export { buildChosenIndex, buildTunedIndex, IndexChoice } from './tuning/build-tuned-index.ts';
export type { IndexDemand, IndexProgress, InterestQueries } from './tuning/build-tuned-index.ts';
export type { BuiltVectorIndex, SearchParameters, SearchResult, VectorIndex } from './indexes/vector-index.ts';
