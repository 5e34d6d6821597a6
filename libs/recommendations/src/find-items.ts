import type { BundleView, FilteredItems } from '@facet/bundles';
import { insertCandidates, listLimit, mergeLists, rescoreLists, retrieveLists } from '@facet/retrieval';
import type { ItemSet, Candidate, InterestList, Merge, SearchParameters } from '@facet/retrieval';
import { collectExclusions, findAllowedItems } from './exclusions.ts';
import type { Exclusions } from './exclusions.ts';
import { countReserved, findNewItems, insertNewItems } from './explore.ts';
import type { Exploration } from './explore.ts';
import { noSpans } from './context.ts';
import type { Spans } from './context.ts';
import type { ItemConditions } from './filters.ts';
import { findPopularItems, listPopular } from './popular-items.ts';
import type { RemovedItems, ResponseSource, UserInterest } from './response.ts';
import { explainInterests, inferUser, reasonWithoutInterests, scoreForUser } from './users/inferred-user.ts';
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
  readonly interests: UserInterest[];
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
  const retrieve = (among: ItemSet | undefined, query: RecommendationRequest): Promise<Candidate[]> =>
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
    rank: (items: ItemSet) => readonly FoundItem[] | Promise<readonly FoundItem[]>,
  ): Promise<readonly FoundItem[]> => {
    const reserved = explore === undefined ? 0 : countReserved(explore, limit);
    if (explore === undefined || reserved === 0) return list;
    const items = findNewItems(bundle, explore, allowed);
    return items.count === 0 ? list : insertNewItems(list, await rank(items), { limit, reserved, seed: explore.seed });
  };
}

async function retrieveCandidates(
  bundle: BundleView,
  user: InferredUser,
  { exclusions, allowed }: { readonly exclusions: Exclusions; readonly allowed: ItemSet | undefined },
  { limit, merge = { by: 'max' }, breadth }: RecommendationRequest,
  spans: Spans,
): Promise<Candidate[]> {
  const { interests, repeatBonuses } = user;
  const scoresAllInterests = merge.by === 'max' || merge.by === 'diverse';
  // A list has the scores for one interest. The smooth maximum needs those for all.
  const usesSmoothMaximum =
    scoresAllInterests && (bundle.info.spec.config.scoreSharpness ?? 0) > 0 && interests.count > 1;
  // The index does not know the repeat bonuses. Items of the behavior sequence are scored here and inserted into the lists.
  const exclude = new Set([...exclusions.own, ...repeatBonuses.keys()]);
  const scoreItem = bundle.createItemScorer(interests);
  const repeats: Candidate[] = [];
  for (const item of repeatBonuses.keys()) {
    if (exclusions.has(item) || allowed?.has(item) === false) continue;
    const { score, product, interest } = scoreItem(item);
    repeats.push({ item, score: scoreForUser(user, item, scoresAllInterests ? score : product), interest });
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
  readonly allowed?: ItemSet | undefined;
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
