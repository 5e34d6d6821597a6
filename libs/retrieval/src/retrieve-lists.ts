import type { AllowedItems } from './allowed-items.ts';
import { invalidQuery } from './checks.ts';
import type { InterestList } from './merging/interest-list.ts';
import { scanCost, searchCost } from './search-cost.ts';
import type { SearchParameters, SearchResult, VectorIndex } from './vector-index.ts';

export interface ListsRequest {
  readonly index: VectorIndex;
  /** `[K, D]` row by row. */
  readonly interests: Float32Array;
  /** K'_u: the first so many interests count. The rest are never searched, nor are zero vectors. */
  readonly active: number;
  /** How long each list is to be. */
  readonly limit: number;
  /** Items never to return; `size` may be too high. Some thousands: more are better left out of `allowed`. */
  readonly exclude?: Pick<ReadonlySet<number>, 'has' | 'size'>;
  /** The only items to return; without it, all. */
  readonly allowed?: AllowedItems;
  /** As they were tuned, without a thought of `exclude` and `allowed`. */
  readonly parameters?: SearchParameters;
}

export interface RetrievedLists {
  /** One for each interest that was searched, rising by interest. */
  readonly lists: readonly InterestList[];
  /** How they were found: `scan` where at least one interest had to be compared with all items that are allowed. */
  readonly method: 'none' | 'search' | 'scan';
  /** Calls of the index. */
  readonly searches: number;
}

/**
 * The nearest items of each interest of a user that are allowed and not excluded: exactly `limit`, or all where there are
 * fewer, whatever the index. It takes what costs less: a search that asks for as many more as will be left out, and for
 * twice as many where a list still came short; or the exact scores of all that is allowed. A list that an approximate
 * index leaves short is found by the latter. Where every item is scored, by kind of index or by scan, lists are exact;
 * which of several items with the score of the last place are returned is left open.
 *
 * @throws AppError `RETRIEVAL_QUERY_INVALID` for interests that do not fit the index, or are not finite.
 */
export async function retrieveLists(request: ListsRequest): Promise<RetrievedLists> {
  const { index, limit, exclude, allowed } = request;
  const interests = searchableInterests(request);
  const count = allowed?.count ?? index.size;
  if (interests.length === 0 || limit <= 0) return { lists: [], method: 'none', searches: 0 };
  if (count === 0) return { lists: interests.map(emptyList), method: 'none', searches: 0 };

  const found = new Map<number, InterestList>();
  let pending = interests;
  let searches = 0;
  const keep = (result: SearchResult): void => {
    pending.forEach((interest, query) => found.set(interest, listOf(result, query, interest, request)));
    pending = pending.filter((interest) => found.get(interest)!.items.length < limit);
    searches++;
  };
  const retrieved = (method: RetrievedLists['method']): RetrievedLists => ({
    lists: interests.map((interest) => found.get(interest)!),
    method,
    searches,
  });

  // Among so many there are `limit` that are not excluded, or all that are not.
  const enough = Math.min(count, limit + (exclude?.size ?? 0));
  const deepest = allowed === undefined ? enough : index.size;
  const parameters = parametersOf(request);
  for (let depth = Math.min(deepest, firstDepth(request)); ; depth = Math.min(deepest, 2 * depth)) {
    if (!isSearchCheaper(request, depth, parameters, searches)) break;
    keep(await index.search(pack(request, pending), depth, parameters));
    if (pending.length === 0 || (depth === deepest && isExact(index))) return retrieved('search');
    if (depth === deepest) break;
  }
  keep(await index.scan(pack(request, pending), enough, allowed?.items() ?? allItems(index.size)));
  return retrieved('scan');
}

/** So many that a search is unlikely to come short, if what is excluded or not allowed is nearby as often as elsewhere. */
function firstDepth({ index, limit, exclude, allowed }: ListsRequest): number {
  const wanted = limit + Math.min(limit, exclude?.size ?? 0);
  if (allowed === undefined) return wanted;
  // How many of the nearest are allowed is left to chance: three standard deviations above.
  return Math.ceil(((wanted + 3 * Math.sqrt(wanted)) * index.size) / allowed.count);
}

/** Of clusters, as many more must be searched as there are more items to go through; a graph goes as far as it is asked. */
function parametersOf({ index, allowed, parameters = {} }: ListsRequest): SearchParameters {
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
  if (allowed !== undefined) return !isExact(index) && isCheaper;
  // The index was chosen because it is faster than a scan, so what it was tuned for needs no thought.
  return searches === 0 || isExact(index) || isCheaper;
}

function isExact({ kind }: VectorIndex): boolean {
  return kind === 'exact' || kind === 'flat';
}

/** The active interests that are not zero. */
function searchableInterests({ index, interests, active }: ListsRequest): number[] {
  const { dim } = index;
  if (interests.length % dim !== 0) throw invalidQuery(`${interests.length} values are not interests of ${dim}`);
  if (!(active * dim <= interests.length)) {
    throw invalidQuery(`${active} interests cannot be active of ${interests.length / dim}`);
  }
  const searchable: number[] = [];
  for (let interest = 0; interest < active; interest++) {
    const vector = interests.subarray(interest * dim, (interest + 1) * dim);
    if (vector.some((value) => value !== 0)) searchable.push(interest);
  }
  return searchable;
}

/** Some of the interests as queries `[Q, D]`. */
function pack({ index: { dim }, interests }: ListsRequest, wanted: readonly number[]): Float32Array {
  const queries = new Float32Array(wanted.length * dim);
  wanted.forEach((interest, query) => {
    queries.set(interests.subarray(interest * dim, (interest + 1) * dim), query * dim);
  });
  return queries;
}

/** The first `limit` items of a query's answer that are allowed and not excluded. */
function listOf(
  { k, ids, scores }: SearchResult,
  query: number,
  interest: number,
  { limit, exclude, allowed }: ListsRequest,
): InterestList {
  const items = new Int32Array(Math.min(k, limit));
  const kept = new Float32Array(items.length);
  let count = 0;
  for (let position = query * k; position < (query + 1) * k && count < items.length; position++) {
    const item = ids[position]!;
    if (item < 0) break;
    if (exclude?.has(item) === true || allowed?.has(item) === false) continue;
    const score = scores[position]!;
    kept[count] = score;
    // Indexes leave the order of equal scores open: into its place among them by item index.
    let place = count++;
    while (place > 0 && kept[place - 1] === score && items[place - 1]! > item) {
      items[place] = items[place - 1]!;
      place--;
    }
    items[place] = item;
  }
  return { interest, items: items.subarray(0, count), scores: kept.subarray(0, count) };
}

function emptyList(interest: number): InterestList {
  return { interest, items: new Int32Array(0), scores: new Float32Array(0) };
}

function allItems(size: number): Int32Array {
  const items = new Int32Array(size);
  for (let row = 0; row < size; row++) items[row] = row + 1;
  return items;
}
