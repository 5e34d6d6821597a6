import { invalidQuery } from './checks.ts';
import { mergeInterests } from './merge-interests.ts';
import type { Candidate } from './merging/interest-list.ts';
import type { SearchParameters, SearchResult, VectorIndex } from './vector-index.ts';

export interface RetrievalRequest {
  readonly index: VectorIndex;
  /** `[K, D]` row by row. */
  readonly interests: Float32Array;
  /** K'_u: the first so many interests count. The rest are never searched, nor are zero vectors. */
  readonly active: number;
  /** How many candidates are wanted. */
  readonly limit: number;
  /** Items never to return. */
  readonly exclude?: ReadonlySet<number> | ((item: number) => boolean);
  readonly parameters?: SearchParameters;
  /**
   * How many more than `limit` to ask each interest for in the first search. By default the size of an `exclude` set,
   * at most `limit`: enough for most users, so that one search suffices.
   */
  readonly margin?: number;
  /** The search never asks an interest for more than this; by default the whole index, which is slow for a large graph. */
  readonly depthMax?: number;
}

export interface Retrieval {
  /** At most `limit`, best first. */
  readonly candidates: readonly Candidate[];
  /** Distinct items that were found and excluded. */
  readonly excluded: number;
  /** How many items each interest was asked for in the last search. */
  readonly depth: number;
  /** Whether `depthMax` ended the search before `limit` candidates were certain. */
  readonly isCut: boolean;
}

/**
 * Retrieves candidates for a user's interests. Exclusions apply after the merge, and the search goes deeper (twice each
 * time) until `limit` allowed items are certain or the index has no more: over an exact index the result is the exact
 * top `limit` of the allowed items, and shorter only if fewer are allowed. Which of several items with the score of the
 * last place are returned is left open.
 *
 * @throws AppError `RETRIEVAL_QUERY_INVALID` for interests that do not fit the index, or are not finite.
 */
export async function retrieveCandidates(request: RetrievalRequest): Promise<Retrieval> {
  const { index, limit, parameters } = request;
  const { queries, interestOfQuery } = searchableInterests(request);
  if (interestOfQuery.length === 0 || limit <= 0 || index.size === 0) {
    return { candidates: [], excluded: 0, depth: 0, isCut: false };
  }
  const isExcluded = exclusionTest(request.exclude);
  const deepest = Math.min(index.size, request.depthMax ?? index.size);
  for (let depth = Math.min(deepest, limit + firstMargin(request)); ; depth = Math.min(deepest, depth * 2)) {
    const result = await index.search(queries, depth, parameters);
    const merged = mergeInterests(result, interestOfQuery);
    const allowed = merged.filter(({ item }) => !isExcluded(item));
    const certainFrom = depth === index.size ? -Infinity : highestUnseenScore(result);
    const isCertain = allowed.length >= limit && allowed[limit - 1]!.score >= certainFrom;
    if (isCertain || depth === deepest) {
      const candidates = allowed.slice(0, limit);
      const excluded = merged.length - allowed.length;
      return { candidates, excluded, depth, isCut: !isCertain && depth < index.size };
    }
  }
}

/** The active, non-zero interests, packed, and which interest each one is. */
function searchableInterests({ index, interests, active }: RetrievalRequest) {
  const { dim } = index;
  if (interests.length % dim !== 0) throw invalidQuery(`${interests.length} values are not interests of ${dim}`);
  if (!(active * dim <= interests.length)) {
    throw invalidQuery(`${active} interests cannot be active of ${interests.length / dim}`);
  }
  const interestOfQuery: number[] = [];
  for (let interest = 0; interest < active; interest++) {
    const vector = interests.subarray(interest * dim, (interest + 1) * dim);
    if (vector.some((value) => value !== 0)) interestOfQuery.push(interest);
  }
  const queries = new Float32Array(interestOfQuery.length * dim);
  interestOfQuery.forEach((interest, query) => {
    queries.set(interests.subarray(interest * dim, (interest + 1) * dim), query * dim);
  });
  return { queries, interestOfQuery };
}

/**
 * An item that no list holds scores at most the last score of some list. So merged candidates at or above the highest
 * last score are complete and scored right. A list that is not full has nothing unseen.
 */
function highestUnseenScore({ k, ids, scores }: SearchResult): number {
  let highest = -Infinity;
  for (let last = k - 1; last < ids.length; last += k) {
    if (ids[last]! >= 0) highest = Math.max(highest, scores[last]!);
  }
  return highest;
}

function firstMargin({ margin, exclude, limit }: RetrievalRequest): number {
  return margin ?? (typeof exclude === 'object' ? Math.min(exclude.size, limit) : 0);
}

function exclusionTest(exclude: RetrievalRequest['exclude']): (item: number) => boolean {
  if (exclude === undefined) return () => false;
  return typeof exclude === 'function' ? exclude : (item) => exclude.has(item);
}
