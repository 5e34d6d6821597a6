import { allItems, fullBitmap, itemSet, withoutItems } from './indexes/item-set.ts';
import type { ItemSet } from './indexes/item-set.ts';
import { invalidQuery } from './indexes/checks.ts';
import { emptyList } from './merging/interest-lists.ts';
import type { InterestList } from './merging/interest-lists.ts';
import { efSearchDefault } from './indexes/vector-index.ts';
import type { SearchParameters, SearchResult, VectorIndex } from './indexes/vector-index.ts';

export interface ListsRequest {
  readonly index: VectorIndex;
  /** `[K, D]` row by row. */
  readonly interests: Float32Array;
  /** K'_u, the number of active interests, which come first. Other interests and zero vectors are never searched. */
  readonly active: number;
  /** Length of each list. */
  readonly limit: number;
  /** Excluded items, up to a few thousand. Remove larger sets from `allowed` instead. */
  readonly exclude?: ReadonlySet<number>;
  /** Allowed items; all by default. */
  readonly allowed?: ItemSet;
  /** Tuned parameters, without regard to `exclude` and `allowed`. */
  readonly parameters?: SearchParameters;
  /**
   * Returns the score below which no further item matters, given the lists so far. A list that has reached it may be
   * shorter than `limit`. By default, all lists are filled.
   */
  readonly scoreNeeded?: (lists: readonly InterestList[]) => number;
}

interface SearchedList {
  readonly list: InterestList;
  /**
   * Upper bound of the scores of items that the index did not return: −∞ if it returned all items, ∞ if an approximate
   * search ended early although there are other items.
   */
  readonly unseenScoreMax: number;
}

/** If at least this share of the items is allowed, filtering barely shortens a list. */
const nearlyAllShare = 0.9;

interface RetrievedLists {
  /** One list per searched interest, in ascending order of interest. */
  readonly lists: readonly InterestList[];
  /** `scan` if at least one interest was compared with all allowed items. */
  readonly method: 'none' | 'search' | 'scan';
  /** Number of index calls. */
  readonly searches: number;
}

/**
 * Returns the nearest items of each interest that are allowed and not excluded. A list has `limit` items, or all if there
 * are fewer. With `scoreNeeded`, a list may end earlier. This holds for every kind of index.
 *
 * A flat index is searched once, for the eligible items only. An approximate index takes the cheaper of two ways. It
 * searches for more items than needed, because some are filtered out, and doubles the depth while a list is too short.
 * Or it scans all allowed items. It also scans them for any list that the search cannot fill. Flat searches and scans are
 * exact. If several items have the last score of a list, any of them may be returned.
 *
 * @throws AppError `RETRIEVAL_QUERY_INVALID` for interests that do not match the index or are not finite.
 */
export async function retrieveLists(request: ListsRequest): Promise<RetrievedLists> {
  const { index, limit, exclude, allowed, scoreNeeded = () => -Infinity } = request;
  const interests = findSearchable(request);
  const count = allowed?.count ?? index.size;
  if (interests.length === 0 || limit <= 0) return { lists: [], method: 'none', searches: 0 };
  if (count === 0) return { lists: interests.map(emptyList), method: 'none', searches: 0 };

  if (index.kind === 'flat') {
    const eligible = findEligible(request);
    if (eligible === undefined) return searchOnce(request, interests, Math.min(limit, index.size), {});
    const depth = Math.min(limit, eligible.count);
    if (depth === 0) return { lists: interests.map(emptyList), method: 'none', searches: 0 };
    return searchOnce(request, interests, depth, { allowed: eligible.bitmap });
  }

  const found = new Map<number, SearchedList>();
  const listsFound = (): InterestList[] => interests.map((interest) => found.get(interest)!.list);
  let pending = interests;
  let searches = 0;
  const addResult = (result: SearchResult): void => {
    pending.forEach((interest, query) => found.set(interest, toList(result, query, interest, request)));
    const floor = scoreNeeded(listsFound());
    pending = pending.filter((interest) => {
      const { list, unseenScoreMax } = found.get(interest)!;
      return list.items.length < limit && unseenScoreMax > floor;
    });
    searches++;
  };
  // Of this many allowed items, at least `limit` are not excluded, or the list has all that exist.
  const depthForAll = Math.min(count, limit + (exclude?.size ?? 0));
  const depthMax = allowed === undefined ? depthForAll : index.size;
  const parameters = widenForFilter(request);
  for (let depth = Math.min(depthMax, firstDepth(request)); ; depth = Math.min(depthMax, 2 * depth)) {
    if (!isSearchCheaper(request, depth, parameters, searches)) break;
    addResult(await index.search(selectQueries(request, pending), depth, parameters));
    if (pending.length === 0) return { lists: listsFound(), method: 'search', searches };
    // A deeper search does not help after one that ended early.
    if (depth === depthMax || pending.some((interest) => found.get(interest)!.unseenScoreMax === Infinity)) break;
  }
  addResult(await index.scan(selectQueries(request, pending), depthForAll, allowed?.items() ?? allItems(index.size)));
  return { lists: listsFound(), method: 'scan', searches };
}

/** Searches a flat index once. */
async function searchOnce(
  request: ListsRequest,
  interests: readonly number[],
  depth: number,
  parameters: SearchParameters,
): Promise<RetrievedLists> {
  const result = await request.index.search(selectQueries(request, interests), depth, parameters);
  const lists = interests.map((interest, query) => toList(result, query, interest, request).list);
  return { lists, method: 'search', searches: 1 };
}

/** Returns the eligible items, which are allowed and not excluded; undefined if all are. */
function findEligible({ index, exclude, allowed }: ListsRequest): ItemSet | undefined {
  if (exclude === undefined || exclude.size === 0) return allowed;
  return withoutItems(allowed ?? itemSet(fullBitmap(index.size), index.size), exclude);
}

/**
 * Returns a depth that probably fills the lists, assuming that filtered items are spread evenly. With `scoreNeeded`, smaller
 * lists often suffice, so exclusions are not compensated in advance.
 */
function firstDepth({ index, limit, exclude, allowed, scoreNeeded }: ListsRequest): number {
  const wanted = scoreNeeded === undefined ? limit + Math.min(limit, exclude?.size ?? 0) : limit;
  if (allowed === undefined || allowed.count >= index.size * nearlyAllShare) return wanted;
  // The number of allowed items among the nearest is random: adds three standard deviations.
  return Math.ceil(((wanted + 3 * Math.sqrt(wanted)) * index.size) / allowed.count);
}

/** Increases nprobe in proportion to the items filtered out. A graph search continues to its depth anyway. */
function widenForFilter({ index, allowed, parameters = {} }: ListsRequest): SearchParameters {
  const { nprobe } = parameters;
  if (index.kind !== 'ivf' || allowed === undefined || nprobe === undefined) return parameters;
  return { ...parameters, nprobe: Math.min(index.size, Math.ceil((nprobe * index.size) / allowed.count)) };
}

function isSearchCheaper(
  { index, allowed }: ListsRequest,
  depth: number,
  parameters: SearchParameters,
  searches: number,
): boolean {
  const isCheaper = searchCost(index, depth, parameters) < scanCost(index, allowed?.count ?? index.size);
  // An unfiltered index was chosen because it is faster than a scan, so the first search needs no estimate.
  return isCheaper || (allowed === undefined && searches === 0);
}

/**
 * Cost estimates of a query in nanoseconds, for vectors of 64 values; docs/adr/0017-filters-are-exact.md has
 * the measurements. Only ratios matter, so they hold for other machines and widths.
 */
/** Exact score of one item, in a sequential scan and with random access. */
const scanItemNs = { ofAll: 5, ofSome: 20 };
/** Each candidate kept (efSearch) in an HNSW graph of a million items. */
const graphCandidateNs = 1_000;

/** Returns the cost of scoring this many items. */
function scanCost({ size }: VectorIndex, items: number): number {
  return items * (items === size ? scanItemNs.ofAll : scanItemNs.ofSome);
}

/** Returns the cost of searching the `depth` nearest items of one query. */
function searchCost({ kind, size }: VectorIndex, depth: number, parameters: SearchParameters): number {
  switch (kind) {
    case 'flat':
      return size * scanItemNs.ofAll;
    case 'hnsw':
      return Math.max(depth, parameters.efSearch ?? efSearchDefault) * graphCandidateNs;
    case 'ivf': {
      // All centers, and the items of the searched clusters.
      const lists = 4 * Math.sqrt(size);
      return (lists + (Math.min(lists, parameters.nprobe ?? 1) / lists) * size) * scanItemNs.ofAll;
    }
  }
}

/** Returns the active interests that are not zero. */
function findSearchable({ index, interests, active }: ListsRequest): number[] {
  const { dim } = index;
  if (interests.length % dim !== 0) {
    throw invalidQuery(`${interests.length} values do not divide into interests of ${dim}`);
  }
  if (!(active * dim <= interests.length)) {
    throw invalidQuery(`${active} interests are active, but there are ${interests.length / dim}`);
  }
  const searchable: number[] = [];
  for (let interest = 0; interest < active; interest++) {
    const vector = interests.subarray(interest * dim, (interest + 1) * dim);
    if (vector.some((value) => value !== 0)) searchable.push(interest);
  }
  return searchable;
}

/** Returns some interests as queries `[Q, D]`. */
function selectQueries({ index: { dim }, interests }: ListsRequest, wanted: readonly number[]): Float32Array {
  const queries = new Float32Array(wanted.length * dim);
  wanted.forEach((interest, query) => {
    queries.set(interests.subarray(interest * dim, (interest + 1) * dim), query * dim);
  });
  return queries;
}

/** Returns the first `limit` items of a query's result that are allowed and not excluded. */
function toList(
  { k, ids, scores }: SearchResult,
  query: number,
  interest: number,
  { index, limit, exclude, allowed }: ListsRequest,
): SearchedList {
  const items = new Int32Array(Math.min(k, limit));
  const kept = new Float32Array(items.length);
  let count = 0;
  for (let position = query * k; position < (query + 1) * k && count < items.length; position++) {
    const item = ids[position]!;
    if (item < 0) break;
    if (exclude?.has(item) === true || allowed?.has(item) === false) continue;
    const score = scores[position]!;
    kept[count] = score;
    // Indexes do not order equal scores, so insert the item by index among them.
    let index = count++;
    while (index > 0 && kept[index - 1] === score && items[index - 1]! > item) {
      items[index] = items[index - 1]!;
      index--;
    }
    items[index] = item;
  }
  const nearest = ids.subarray(query * k, (query + 1) * k);
  const found = nearest.at(-1)! < 0 ? nearest.indexOf(-1) : k;
  const unseenScoreMax = found === index.size ? -Infinity : found < k ? Infinity : scores[query * k + k - 1]!;
  return { list: { interest, items: items.subarray(0, count), scores: kept.subarray(0, count) }, unseenScoreMax };
}
