import { compileFilter, intersectAllowed } from '@facet/bundles';
import type { BundleView, FilteredItems } from '@facet/bundles';
import type { Attributes } from '@facet/features';
import { insertCandidates, listLimit, mergeLists, rescoreLists, retrieveLists } from '@facet/retrieval';
import type { AllowedItems, Candidate, InterestList, Merge, SearchParameters } from '@facet/retrieval';
import { countReserved, findNewItems, insertNewItems } from './explore.ts';
import type { Exploration } from './explore.ts';
import { noSpans } from './context.ts';
import type { Spans } from './context.ts';
import type { ItemConditions } from './filters.ts';
import type { RemovedItems, ResponseSource, UserInterest } from './response.ts';
import { explainInterests, inferUser, reasonWithoutInterests } from './users/inferred-user.ts';
import type { InferredUser, UserInput } from './users/inferred-user.ts';

export interface RecommendationRequest extends UserInput {
  readonly limit: number;
  /** Item ids that must not be returned, whatever the source. */
  readonly exclude?: Iterable<string>;
  /** Seen items to leave out. Default: the items of the behaviors. */
  readonly seen?: Iterable<string> | undefined;
  /** Default: `max`. */
  readonly merge?: Merge;
  /** Conditions that every item must meet. */
  readonly filters?: readonly ItemConditions[];
  /** Overrides the tuned `efSearch` or `nprobe` of the bundle. */
  readonly breadth?: number | undefined;
  /** Reserves places for new items. Default: none. */
  readonly explore?: Exploration | undefined;
  /** Whether to return the interests. Default: true. */
  readonly explain?: boolean;
}

/** A candidate of an interest, or an item of a fallback, which has no interest. `item` is an index in the bundle. */
export interface FoundItem extends Omit<Candidate, 'interest'> {
  readonly interest?: number;
  /** The probability that this place is reserved. Only new items in reserved places have it. */
  readonly propensity?: number;
}

export interface FoundItems {
  readonly source: ResponseSource;
  readonly found: readonly FoundItem[];
  /** Empty unless the request asks for an explanation. */
  readonly interests: readonly UserInterest[];
  readonly removed: RemovedItems;
  /** Attributes named in the filters that no item has. */
  readonly unknownAttributes: readonly string[];
}

/**
 * Finds the best items for one user: infers interests, retrieves candidates for each interest, and merges them. Without
 * interests, returns popular items. Deterministic: the same bundle and request give the same items, and no clock is read.
 */
export async function findItems(
  bundle: BundleView,
  request: RecommendationRequest,
  spans: Spans = noSpans,
): Promise<FoundItems> {
  const { behaviors, limit, exclude = [], seen = behaviors.map(({ itemId }) => itemId), filters = [] } = request;
  spans.start('interests');
  const user = inferUser(bundle, request);
  spans.start('filters');
  const allowed = findAllowedItems(bundle, filters);
  spans.stop();
  const exclusions = collectExclusions(bundle, { exclude, seen }, allowed);
  const facts = { removed: exclusions.counts, unknownAttributes: allowed?.unknownAttributes ?? [] };
  const reason = reasonWithoutInterests(user, request);
  const explore = createExplorer(bundle, allowed, request);
  if (reason !== undefined) {
    const { attributes } = request;
    const popular = findPopularItems(bundle, { limit, attributes, exclusions, allowed, reason });
    const found = await explore(popular.found, (items) => listPopular(bundle, items, exclusions).slice(0, limit));
    return { ...popular, found, interests: [], ...facts };
  }
  const retrieve = (among: AllowedItems | undefined, query: RecommendationRequest): Promise<Candidate[]> =>
    retrieveCandidates(bundle, user, { exclusions, allowed: among }, query, spans);
  return {
    source: { kind: 'model' },
    found:
      limit <= 0
        ? []
        : await explore(await retrieve(allowed, request), (items) =>
            retrieve(items, { ...request, merge: { by: 'max' } }),
          ),
    interests: request.explain === false ? [] : explainInterests(bundle, user),
    ...facts,
  };
}

/** Returns a function that inserts new items into a list, if the request reserves places for them. */
function createExplorer(
  bundle: BundleView,
  allowed: FilteredItems | undefined,
  { limit, explore }: RecommendationRequest,
) {
  return async (
    list: readonly FoundItem[],
    rank: (items: AllowedItems) => readonly FoundItem[] | Promise<readonly FoundItem[]>,
  ): Promise<readonly FoundItem[]> => {
    const reserved = explore === undefined ? 0 : countReserved(explore, limit);
    if (explore === undefined || reserved === 0) return list;
    const items = findNewItems(bundle, explore, allowed);
    return items.count === 0 ? list : insertNewItems(list, await rank(items), { limit, reserved, seed: explore.seed });
  };
}

async function retrieveCandidates(
  bundle: BundleView,
  { interests, repeatBonuses }: InferredUser,
  { exclusions, allowed }: { readonly exclusions: Exclusions; readonly allowed: AllowedItems | undefined },
  { limit, merge = { by: 'max' }, breadth }: RecommendationRequest,
  spans: Spans,
): Promise<Candidate[]> {
  const scoresAllInterests = merge.by === 'max' || merge.by === 'diverse';
  // A list has the scores for one interest. The smooth maximum needs those for all.
  const usesSmoothMaximum =
    scoresAllInterests && (bundle.info.spec.config.scoreSharpness ?? 0) > 0 && interests.count > 1;
  // The index does not know the repeat bonuses. Items of the behavior sequence are scored here and inserted into the lists.
  const exclude = new Set([...exclusions.own, ...repeatBonuses.keys()]);
  const scoreItem = bundle.createItemScorer(interests);
  const repeats: Candidate[] = [];
  for (const [item, bonus] of repeatBonuses) {
    if (exclusions.has(item) || allowed?.has(item) === false) continue;
    const { score, product, interest } = scoreItem(item);
    repeats.push({ item, score: (scoresAllInterests ? score : product) + bonus, interest });
  }
  const mergeAll = (lists: readonly InterestList[]): Candidate[] => {
    const scored = usesSmoothMaximum ? rescoreLists(lists, listLimit(merge, limit), scoreItem) : lists;
    return mergeLists(insertCandidates(scored, repeats), merge, limit, { categoryOf: createCategoryOf(bundle, merge) });
  };
  let merged: Candidate[] | undefined;
  // By the maximum, an item below the last place of the merged list cannot enter it.
  const scoreNeeded = (lists: readonly InterestList[]): number => {
    merged = mergeAll(lists);
    return merged.length < limit ? -Infinity : merged[limit - 1]!.score;
  };
  spans.start('search');
  const { lists, searches } = await retrieveLists({
    index: bundle.index,
    interests: interests.vectors,
    active: interests.count,
    limit: listLimit(merge, limit),
    exclude,
    allowed,
    parameters: searchParameters(bundle, breadth),
    scoreNeeded: merge.by === 'max' && !usesSmoothMaximum ? scoreNeeded : undefined,
  });
  if (merged === undefined || searches !== 1) {
    spans.start('merge');
    merged = mergeAll(lists);
  }
  spans.stop();
  return merged;
}

/** Returns the attribute value that a diverse merge varies. For a list, that is the first entry. */
function createCategoryOf(bundle: BundleView, merge: Merge): (item: number) => string | number | undefined {
  if (merge.by !== 'diverse') return () => undefined;
  const { attribute } = merge;
  return (item) => {
    const value = bundle.attributeOf(item, attribute);
    const first = Array.isArray(value) ? value[0] : value;
    return typeof first === 'boolean' ? String(first) : first;
  };
}

export interface NearestRequest {
  readonly limit: number;
  readonly exclude?: ReadonlySet<number>;
  readonly allowed?: AllowedItems | undefined;
}

/**
 * Finds the items nearest to a vector of the index. Popularity has no influence: the coordinate of the popularity prior is
 * cleared.
 *
 * @param vector [index dim], modified.
 */
export async function findNearestItems(
  bundle: BundleView,
  vector: Float32Array,
  { limit, exclude, allowed }: NearestRequest,
): Promise<FoundItem[]> {
  const { lists } = await retrieveLists({
    index: bundle.index,
    interests: vector.fill(0, bundle.info.spec.config.embeddingDim),
    active: 1,
    limit,
    exclude,
    allowed,
    parameters: searchParameters(bundle),
  });
  const [list] = lists;
  if (list === undefined) return [];
  return Array.from(list.items, (item, rank) => ({ item, score: list.scores[rank]! }));
}

/** Returns the tuned search parameters of the bundle, or `breadth` instead. */
export function searchParameters({ info }: Pick<BundleView, 'info'>, breadth?: number): SearchParameters {
  const { efSearch, nprobe } = info.index;
  if (efSearch !== undefined) return { efSearch: breadth ?? efSearch };
  return nprobe === undefined ? {} : { nprobe: breadth ?? nprobe };
}

export interface PopularRequest {
  readonly limit: number;
  /** The user's attributes. They select a segment. */
  readonly attributes?: Attributes | undefined;
  readonly exclusions: Exclusions;
  readonly allowed?: AllowedItems | undefined;
  readonly reason: 'no_behaviors' | 'no_known_items' | 'no_interest' | 'unknown_item' | 'no_features';
}

/** Below this share of allowed items, sorting them is cheaper than walking the whole popularity order. */
const fewAllowedShare = 1 / 64;

/** Upper bound for the length of a window's list and a segment's list together. */
const listsLengthMax = 2_000;

/**
 * Returns the items that the user's segment chose recently, then those of all users, then the rest of the catalog. Fills the
 * limit if enough items are allowed. Scores are recent interaction counts of all users.
 */
export function findPopularItems(
  bundle: BundleView,
  { limit, attributes, exclusions, allowed, reason }: PopularRequest,
): Pick<FoundItems, 'source' | 'found'> {
  const { items: order, windowDays, segment } = bundle.popular.listFor({ attributes });
  const isFew = allowed !== undefined && allowed.count < bundle.itemCount * fewAllowedShare;
  const found = new Set<number>();
  for (const item of isFew ? listPopularThenAllowed(bundle, order, allowed) : order) {
    if (found.size >= limit) break;
    if (!exclusions.has(item)) found.add(item);
  }
  return {
    source: { kind: 'popular', reason, windowDays, segment },
    found: Array.from(found, (item) => ({ item, score: bundle.popularityOf(item) })),
  };
}

/** Yields the popular lists, which come first in the order, and then the few allowed items by popularity. */
function* listPopularThenAllowed(
  bundle: BundleView,
  order: Iterable<number>,
  allowed: AllowedItems,
): Generator<number> {
  let visited = 0;
  for (const item of order) {
    if (visited++ === listsLengthMax) break;
    yield item;
  }
  yield* sortByPopularity(bundle, allowed);
}

function sortByPopularity(bundle: BundleView, items: AllowedItems): Int32Array {
  return items
    .items()
    .slice()
    .sort((a, b) => bundle.popularityOf(b) - bundle.popularityOf(a) || a - b);
}

/** Returns the items that are not excluded, most popular first. */
function listPopular(bundle: BundleView, items: AllowedItems, exclusions: Exclusions): FoundItem[] {
  return Array.from(sortByPopularity(bundle, items))
    .filter((item) => !exclusions.has(item))
    .map((item) => ({ item, score: bundle.popularityOf(item) }));
}

/** Returns the available items that pass all filters, or undefined if that is the whole catalog. */
export function findAllowedItems(bundle: BundleView, filters: readonly ItemConditions[]): FilteredItems | undefined {
  const [first, ...others] = filters.map((filter) => compileFilter(bundle, { ...filter, available: true }));
  if (first !== undefined) return intersectAllowed([first, ...others]);
  return bundle.unavailable.count === 0 ? undefined : compileFilter(bundle, { available: true });
}

/** Items that must not be returned. */
export interface Exclusions {
  /** Items that the request excludes or that the user has seen. */
  readonly own: ReadonlySet<number>;
  /** Whether an item is excluded, seen or not allowed. */
  has(item: number): boolean;
  readonly counts: RemovedItems;
}

/** @param allowed the available items that pass the filters; undefined: all items. */
export function collectExclusions(
  bundle: BundleView,
  { exclude, seen }: { readonly exclude: Iterable<string>; readonly seen: Iterable<string> },
  allowed: AllowedItems | undefined,
): Exclusions {
  const { unavailable } = bundle;
  const own = new Set<number>();
  const add = (itemIds: Iterable<string>): void => {
    for (const itemId of itemIds) {
      const item = bundle.indexOf(itemId);
      if (item !== undefined) own.add(item);
    }
  };
  add(exclude);
  const excluded = own.size;
  add(seen);
  let ownUnavailable = 0;
  let ownFiltered = 0;
  for (const item of own) {
    if (unavailable.has(item)) ownUnavailable++;
    else if (allowed?.has(item) === false) ownFiltered++;
  }
  const offered = bundle.itemCount - unavailable.count;
  return {
    own,
    has: (item) => own.has(item) || allowed?.has(item) === false,
    counts: {
      seen: own.size - excluded,
      excluded,
      unavailable: unavailable.count - ownUnavailable,
      filtered: allowed === undefined ? 0 : offered - allowed.count - ownFiltered,
    },
  };
}
