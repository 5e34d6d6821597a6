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
export { buildFaissIndex, openFaissIndex, setFaissThreads } from './faiss.ts';
export type { FaissIndexOptions } from './faiss.ts';
export { joinIndexes } from './join-indexes.ts';
export { measureIndexRecall } from './index-recall.ts';
export { mergeInterests } from './merge-interests.ts';
export type { Candidate } from './merge-interests.ts';
export { retrieveCandidates } from './retrieve-candidates.ts';
export type { Retrieval, RetrievalRequest } from './retrieve-candidates.ts';
export { syntheticVectors } from './synthetic-vectors.ts';
export { estimateIndexes } from './estimate-indexes.ts';
export type { EstimateOptions, IndexesEstimate, KindEstimate } from './estimate-indexes.ts';
export { latencyOf, timeRequests } from './time-requests.ts';
export type { Latency, TimedSearch } from './time-requests.ts';
export type { BreadthPoint } from './tune-breadth.ts';
export type { BuiltVectorIndex, IndexKind, SearchParameters, SearchResult, VectorIndex } from './vector-index.ts';
