import type { BundleView, FilteredItems } from '@facet/bundles';
import {
  insertCandidates,
  listLimit,
  mergeByMax,
  mergeDefault,
  mergeLists,
  mergeModes,
  rescoreLists,
  retrieveLists,
} from '@facet/retrieval';
import type { ItemSet, Candidate, InterestList, ListsRequest, Merge, SearchParameters } from '@facet/retrieval';
import { collectExclusions, excludeAlso, findAllowedItems, findPopularItems } from './exclusions.ts';
import type { Exclusions } from './exclusions.ts';
import {
  drawItems,
  findNewItems,
  insertAtRandom,
  poolOfList,
  poolOfSet,
  rankedPoolSize,
  reserveSlots,
} from './exploration.ts';
import type { Exploration } from './exploration.ts';
import type { ItemConditions } from './filters.ts';
import type { RemovedItems, ResponseSource } from './response.ts';
import { inferUser, reasonWithoutInterests, scoreForUser } from './users/inferred-user.ts';
import type { InferredUser, UserInput } from './users/inferred-user.ts';
import { noSpans } from './spans.ts';
import type { Spans } from './spans.ts';

/** What one list of items is computed from: the user and the rules of the list, with all names resolved. */
export interface ListQuery extends UserInput {
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
  /** Reserves slots for new items. Default: none. */
  readonly explore?: Exploration | undefined;
}

/** A candidate of an interest, or an item of a fallback, which has no interest. `item` is an index in the bundle. */
export interface FoundItem extends Omit<Candidate, 'interest'> {
  readonly interest?: number;
  /** The probability that this item is drawn for a reserved slot of the list. Only drawn items have it. */
  readonly propensity?: number;
}

export interface FoundItems {
  readonly source: ResponseSource;
  readonly found: readonly FoundItem[];
  /** Has interests if the source is the model. */
  readonly user: InferredUser;
  readonly removed: RemovedItems;
  /** Attributes named in the filters that no item has. */
  readonly unknownAttributes: readonly string[];
}

/**
 * Finds the best items for one user: infers interests, retrieves candidates for each interest, and merges them. Without
 * interests, returns popular items. Deterministic: the same bundle and request give the same items, and no clock is read.
 */
export async function findItems(bundle: BundleView, request: ListQuery, spans: Spans = noSpans): Promise<FoundItems> {
  const { behaviors, limit, exclude = [], seen = behaviors.map(({ itemId }) => itemId), filters = [] } = request;
  spans.start('interests');
  const user = inferUser(bundle, request);
  spans.start('filters');
  const allowed = findAllowedItems(bundle, filters);
  spans.stop();
  const exclusions = collectExclusions(bundle, { exclude, seen }, allowed);
  const facts = { removed: exclusions.counts, unknownAttributes: allowed?.unknownAttributes ?? [] };
  const reason = reasonWithoutInterests(user, request);
  const drawn = await drawNewItems(
    bundle,
    reason === undefined ? user : undefined,
    { exclusions, allowed },
    request,
    spans,
  );
  spans.stop();
  const insertDrawn = (list: readonly FoundItem[]): readonly FoundItem[] =>
    request.explore === undefined ? list : insertAtRandom(list, drawn, request.explore.seed);
  const others = { ...request, limit: limit - drawn.length };
  const notDrawn = excludeAlso(exclusions, drawn);
  if (reason !== undefined) {
    const popular = findPopularItems(bundle, { ...others, exclusions: notDrawn, allowed, reason });
    return { ...popular, found: insertDrawn(popular.found), user, ...facts };
  }
  return {
    source: { kind: 'model' },
    found: insertDrawn(
      others.limit <= 0 ? [] : await retrieveCandidates(bundle, user, { exclusions: notDrawn, allowed }, others, spans),
    ),
    user,
    ...facts,
  };
}

/**
 * Draws new items for the reserved slots of a list, from those nearest to the interests. For a user without interests, draws
 * from all new items.
 */
async function drawNewItems(
  bundle: BundleView,
  user: InferredUser | undefined,
  { exclusions, allowed }: { readonly exclusions: Exclusions; readonly allowed: FilteredItems | undefined },
  { explore, limit, merge }: ListQuery,
  spans: Spans,
): Promise<readonly FoundItem[]> {
  if (explore === undefined) return [];
  const slots = reserveSlots(explore, limit);
  if (slots.count === 0) return [];
  spans.start('search');
  const newItems = findNewItems(bundle, explore, { allowed, exclude: exclusions.own });
  if (newItems.count === 0) return [];
  const nearest =
    user === undefined
      ? []
      : await findNearestItems(bundle, user.interests.vectors.slice(), {
          limit: rankedPoolSize(slots),
          allowed: newItems,
        });
  // Interests can be zero apart from the popularity prior, so that no item is nearest.
  const pool =
    nearest.length === 0 ? poolOfSet(newItems, bundle.itemCount) : poolOfList(nearest.map(({ item }) => item));
  const { items, propensity } = drawItems(pool, slots);
  const scoreItem =
    user === undefined
      ? (item: number) => ({ item, score: bundle.popularityOf(item) })
      : createCandidateScorer(bundle, user, merge);
  return items.map((item) => ({ ...scoreItem(item), propensity }));
}

/** Returns a function that scores an item as the merge does. */
function createCandidateScorer(
  bundle: BundleView,
  user: InferredUser,
  merge: Merge = mergeDefault,
): (item: number) => Candidate {
  const scoreItem = bundle.createItemScorer(user.interests);
  return (item) => {
    const { score, product, interest } = scoreItem(item);
    return {
      item,
      score: scoreForUser(user, item, mergeModes[merge.by].scoresAllInterests ? score : product),
      interest,
    };
  };
}

async function retrieveCandidates(
  bundle: BundleView,
  user: InferredUser,
  { exclusions, allowed }: { readonly exclusions: Exclusions; readonly allowed: ItemSet | undefined },
  { limit, merge = mergeDefault, breadth }: ListQuery,
  spans: Spans,
): Promise<Candidate[]> {
  const { interests, repeatBonuses } = user;
  const { scoresAllInterests, ranksByScoreAlone } = mergeModes[merge.by];
  // A list has the scores for one interest. The smooth maximum needs those for all.
  const usesSmoothMaximum =
    scoresAllInterests && (bundle.info.spec.config.scoreSharpness ?? 0) > 0 && interests.count > 1;
  // The index does not know the repeat bonuses. Items of the behavior sequence are scored here and inserted into the lists.
  const exclude = new Set([...exclusions.own, ...repeatBonuses.keys()]);
  const scoreItem = bundle.createItemScorer(interests);
  const scoreCandidate = createCandidateScorer(bundle, user, merge);
  const repeats: Candidate[] = [];
  for (const item of repeatBonuses.keys()) if (!exclusions.has(item)) repeats.push(scoreCandidate(item));
  const mergeAll = (lists: readonly InterestList[]): Candidate[] => {
    const scored = usesSmoothMaximum ? rescoreLists(lists, listLimit(merge, limit), scoreItem) : lists;
    return mergeLists(insertCandidates(scored, repeats), merge, limit, {
      attributeOf: (item, name) => comparableAttribute(bundle, item, name),
    });
  };
  let merged: Candidate[] | undefined;
  // Without variety or quotas, an item that scores below the last of the merged list cannot enter it.
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
    scoreNeeded: ranksByScoreAlone && !usesSmoothMaximum ? scoreNeeded : undefined,
  });
  if (merged === undefined || searches !== 1) {
    spans.start('merge');
    merged = mergeAll(lists);
  }
  spans.stop();
  return merged;
}

/** Returns an attribute value that a merge compares. For a list, that is the first entry. */
function comparableAttribute(bundle: BundleView, item: number, attribute: string): string | number | undefined {
  const value = bundle.attributeOf(item, attribute);
  const first = typeof value === 'object' ? value[0] : value;
  return typeof first === 'boolean' ? String(first) : first;
}

/**
 * Finds the items nearest to any of some vectors of the index. Popularity has no influence: the coordinate of the
 * popularity prior is cleared.
 *
 * @param vectors [K, index dim], modified.
 */
export async function findNearestItems(
  bundle: BundleView,
  vectors: Float32Array,
  { limit, exclude, allowed }: Pick<ListsRequest, 'limit' | 'exclude' | 'allowed'>,
): Promise<Candidate[]> {
  const { index, spec } = bundle.info;
  for (let row = 0; row < vectors.length; row += index.dim) {
    vectors.fill(0, row + spec.config.embeddingDim, row + index.dim);
  }
  const { lists } = await retrieveLists({
    index: bundle.index,
    interests: vectors,
    active: vectors.length / index.dim,
    limit,
    exclude,
    allowed,
    parameters: searchParameters(bundle),
  });
  return mergeByMax(lists, limit);
}

/** Returns the tuned search parameters of the bundle, or `breadth` instead. */
export function searchParameters({ info }: Pick<BundleView, 'info'>, breadth?: number): SearchParameters {
  const { efSearch, nprobe } = info.index;
  if (efSearch !== undefined) return { efSearch: breadth ?? efSearch };
  return nprobe === undefined ? {} : { nprobe: breadth ?? nprobe };
}
