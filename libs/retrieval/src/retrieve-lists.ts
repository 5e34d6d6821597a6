import { allItems, allowedItems } from './indexes/allowed-items.ts';
import type { AllowedItems } from './indexes/allowed-items.ts';
import { invalidQuery } from './indexes/checks.ts';
import type { InterestList } from './merging/interest-list.ts';
import { scanCost, searchCost } from './search-cost.ts';
import type { SearchParameters, SearchResult, VectorIndex } from './indexes/vector-index.ts';

export interface ListsRequest {
  readonly index: VectorIndex;
  /** `[K, D]` row by row. */
  readonly interests: Float32Array;
  /** K'_u: the first so many interests count. The rest are never searched, nor are zero vectors. */
  readonly active: number;
  /** How long each list is to be. */
  readonly limit: number;
  /** Items never to return. Some thousands: more are better left out of `allowed`. */
  readonly exclude?: ReadonlySet<number>;
  /** The only items to return; without it, all. */
  readonly allowed?: AllowedItems;
  /** As they were tuned, without a thought of `exclude` and `allowed`. */
  readonly parameters?: SearchParameters;
  /**
   * The score below which no item is of use, as far as the lists go by now: a list that has come to it may be shorter than
   * `limit`. By default there is none.
   */
  readonly needed?: (lists: readonly InterestList[]) => number;
}

/** What the index gave, without what is left out. */
interface FoundList extends InterestList {
  /**
   * No item that the index did not give scores higher, as far as it knows: −∞ where it gave all it has, and ∞ where it ran
   * dry: it came to the end of what it looks at, and has other items.
   */
  readonly lowestSeen: number;
}

/** With so large a part of the items allowed, what is not hardly shortens a list. */
const mostShare = 0.9;

interface RetrievedLists {
  /** One for each interest that was searched, rising by interest. */
  readonly lists: readonly InterestList[];
  /** How they were found: `scan` where at least one interest had to be compared with all items that are allowed. */
  readonly method: 'none' | 'search' | 'scan';
  /** Calls of the index. */
  readonly searches: number;
}

/**
 * The nearest items of each interest of a user that are allowed and not excluded: exactly `limit`, or all where there are
 * fewer, or all that are `needed`, whatever the index. An index that scores every item is told which it may find. Another
 * one takes what costs less: a search that asks for as many more as will be left out, and for twice as many where a list
 * still came short; or the exact scores of all that is allowed. A list for which an approximate index finds too few is found
 * by the latter. Where every item is scored, by kind of index or by scan, lists are exact; which of several items with the
 * score of the last place are returned is left open.
 *
 * @throws AppError `RETRIEVAL_QUERY_INVALID` for interests that do not fit the index, or are not finite.
 */
export async function retrieveLists(request: ListsRequest): Promise<RetrievedLists> {
  const { index, limit, exclude, allowed, needed = () => -Infinity } = request;
  const interests = searchableInterests(request);
  const count = allowed?.count ?? index.size;
  if (interests.length === 0 || limit <= 0) return { lists: [], method: 'none', searches: 0 };
  if (count === 0) return { lists: interests.map(emptyList), method: 'none', searches: 0 };

  if (isExact(index)) {
    const open = openItems(request);
    if (open === undefined) return searchOnce(request, interests, Math.min(limit, index.size), {});
    const depth = Math.min(limit, open.count);
    if (depth === 0) return { lists: interests.map(emptyList), method: 'none', searches: 0 };
    return searchOnce(request, interests, depth, { allowed: open.bitmap });
  }

  const found = new Map<number, FoundList>();
  let pending = interests;
  let searches = 0;
  const keep = (result: SearchResult): void => {
    pending.forEach((interest, query) => found.set(interest, listOf(result, query, interest, request)));
    const floor = needed(interests.map((interest) => found.get(interest)!));
    pending = pending.filter((interest) => {
      const { items, lowestSeen } = found.get(interest)!;
      return items.length < limit && lowestSeen > floor;
    });
    searches++;
  };
  const retrieved = (method: RetrievedLists['method']): RetrievedLists => ({
    lists: interests.map((interest) => {
      const { items, scores } = found.get(interest)!;
      return { interest, items, scores };
    }),
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
    if (pending.length === 0) return retrieved('search');
    // To ask for more brings nothing where a search ran dry.
    if (depth === deepest || pending.some((interest) => found.get(interest)!.lowestSeen === Infinity)) break;
  }
  keep(await index.scan(pack(request, pending), enough, allowed?.items() ?? allItems(index.size)));
  return retrieved('scan');
}

/** One search of an index that scores every item. */
async function searchOnce(
  request: ListsRequest,
  interests: readonly number[],
  depth: number,
  parameters: SearchParameters,
): Promise<RetrievedLists> {
  const result = await request.index.search(pack(request, interests), depth, parameters);
  const lists = interests.map((interest, query) => {
    const { items, scores } = listOf(result, query, interest, request);
    return { interest, items, scores };
  });
  return { lists, method: 'search', searches: 1 };
}

/** What is allowed and not excluded; undefined where that is everything. */
function openItems({ index, exclude, allowed }: ListsRequest): AllowedItems | undefined {
  if (exclude === undefined || exclude.size === 0) return allowed;
  const bitmap = new Uint8Array(Math.ceil(index.size / 8));
  if (allowed === undefined) bitmap.fill(0xff);
  else bitmap.set(allowed.bitmap.subarray(0, bitmap.length));
  if (allowed === undefined && index.size % 8 !== 0) bitmap[bitmap.length - 1] = (1 << (index.size % 8)) - 1;
  let count = allowed?.count ?? index.size;
  for (const item of exclude) {
    const bit = 1 << ((item - 1) & 7);
    const byte = (item - 1) >> 3;
    if (item < 1 || item > index.size || (bitmap[byte]! & bit) === 0) continue;
    bitmap[byte]! &= ~bit;
    count--;
  }
  return allowedItems(bitmap, count);
}

/**
 * So many that a search is unlikely to come short, if what is excluded or not allowed is nearby as often as elsewhere.
 * Where it is known what is needed, some may be left out: few lists are needed to their end.
 */
function firstDepth({ index, limit, exclude, allowed, needed }: ListsRequest): number {
  const wanted = needed === undefined ? limit + Math.min(limit, exclude?.size ?? 0) : limit;
  if (allowed === undefined || allowed.count >= index.size * mostShare) return wanted;
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
  // The index was chosen because it is faster than a scan, so what it was tuned for needs no thought.
  return isCheaper || (allowed === undefined && searches === 0);
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
  { index, limit, exclude, allowed }: ListsRequest,
): FoundList {
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
  const answer = ids.subarray(query * k, (query + 1) * k);
  const found = answer.at(-1)! < 0 ? answer.indexOf(-1) : k;
  const lowestSeen = found === index.size ? -Infinity : found < k ? Infinity : scores[query * k + k - 1]!;
  return { interest, items: items.subarray(0, count), scores: kept.subarray(0, count), lowestSeen };
}

function emptyList(interest: number): InterestList {
  return { interest, items: new Int32Array(0), scores: new Float32Array(0) };
}
