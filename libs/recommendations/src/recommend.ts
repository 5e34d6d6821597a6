import type { AttributeFilter, BundleView } from '@facet/bundles';
import { insertCandidates, listLimit, mergeLists, retrieveLists } from '@facet/retrieval';
import type { AllowedItems, Candidate, InterestList, Merge } from '@facet/retrieval';
import { collectExclusions } from './exclusions.ts';
import type { Exclusions, RemovedCounts } from './exclusions.ts';
import { allowedItemsOf } from './filtering/allowed-items-of.ts';
import { popularItems } from './popular-items.ts';
import type { PopularSource } from './popular-items.ts';
import { searchParameters } from './search-parameters.ts';
import { unmeasured } from './stage-clock.ts';
import type { MeasureStage } from './stage-clock.ts';
import { describeInterests, readUser, whyWithoutInterests } from './users/read-user.ts';
import type { ReadUser, UserFacts, UserInterest } from './users/read-user.ts';

export interface RecommendationRequest extends UserFacts {
  readonly limit: number;
  /** Item ids that must not be returned, whatever the source. */
  readonly exclude?: Iterable<string>;
  /** Items that are left out because the user has seen them; by default those of the behaviors. */
  readonly seen?: Iterable<string> | undefined;
  /** `max` by default, as in the paper. */
  readonly merge?: Merge;
  /** What the items must meet, each of these, by attribute. */
  readonly filters?: readonly Pick<AttributeFilter, 'attributes'>[];
  /** Breadth of the search, where it is not that of the bundle. */
  readonly breadth?: number | undefined;
  /** Whether the interests are described; true by default. */
  readonly explain?: boolean;
}

/** An item of a list, by its index in the bundle. */
export interface FoundItem {
  readonly item: number;
  readonly score: number;
  /** Which of the user's interests found it; absent in a fallback. */
  readonly interest?: number;
}

export interface Recommendation extends Omit<FoundItem, 'item'> {
  readonly itemId: string;
}

/** Where an answer comes from: the model, or a fallback and why. */
export type RecommendationSource = { readonly kind: 'model' } | PopularSource;

export interface RecommendationResult {
  readonly source: RecommendationSource;
  readonly items: readonly Recommendation[];
  /** Without them where they were not asked for. */
  readonly interests: readonly UserInterest[];
  readonly removed: RemovedCounts;
  /** Attributes that the filters name and no item has. */
  readonly unknownAttributes: readonly string[];
}

/**
 * The answer of one bundle to one request: behaviors → interests → candidates of each interest that are allowed → merged →
 * the first `limit`, each with the interest that found it. The same bundle and request always give the same answer; no
 * clock is read: a behavior's age counts from the end of the bundle's data, or from a newer behavior.
 */
export async function recommend(bundle: BundleView, request: RecommendationRequest): Promise<RecommendationResult> {
  const { found, ...result } = await findItems(bundle, request);
  return { ...result, items: found.map(({ item, ...facts }) => ({ itemId: bundle.idOf(item), ...facts })) };
}

/** What {@link recommend} gives, with items by their indices. */
export async function findItems(
  bundle: BundleView,
  request: RecommendationRequest,
  measure: MeasureStage = unmeasured,
): Promise<Omit<RecommendationResult, 'items'> & { readonly found: readonly FoundItem[] }> {
  const { behaviors, limit, exclude = [], seen = behaviors.map(({ itemId }) => itemId), filters = [] } = request;
  const user = measure('interests', () => readUser(bundle, request));
  const allowed = measure('filters', () => allowedItemsOf(bundle, filters));
  const exclusions = collectExclusions(bundle, { exclude, seen }, allowed);
  const ruledOut = { removed: exclusions.counts, unknownAttributes: allowed?.unknownAttributes ?? [] };
  const reason = whyWithoutInterests(user, request);
  if (reason !== undefined) {
    const { attributes } = request;
    const { source, found } = popularItems(bundle, { limit, attributes, allowed, exclusions, reason });
    return { source, found, interests: [], ...ruledOut };
  }
  return {
    source: { kind: 'model' },
    found: limit <= 0 ? [] : await findCandidates(bundle, user, { exclusions, allowed }, request, measure),
    interests: request.explain === false ? [] : describeInterests(bundle, user),
    ...ruledOut,
  };
}

async function findCandidates(
  bundle: BundleView,
  { interests, history }: ReadUser,
  { exclusions, allowed }: { readonly exclusions: Exclusions; readonly allowed: AllowedItems | undefined },
  { limit, merge = { by: 'max' }, breadth }: RecommendationRequest,
  measure: MeasureStage,
): Promise<Candidate[]> {
  // Items of the user's own history carry a bonus that no index knows: they are scored apart and put into the lists.
  const exclude = new Set([...exclusions.own, ...history.keys()]);
  const own = [...history]
    .filter(([item]) => !exclusions.has(item))
    .map(([item, bonus]) => {
      const { score, interest } = bundle.bestInterest(interests, item);
      return { item, score: score + bonus, interest };
    });
  const mergeFound = (lists: readonly InterestList[]): Candidate[] =>
    mergeLists(insertCandidates(lists, own), merge, limit, { categoryOf: categoryOf(bundle, merge) });
  let merged: Candidate[] | undefined;
  const { lists, searches } = await measure('search', () =>
    retrieveLists({
      index: bundle.index,
      interests: interests.vectors,
      active: interests.count,
      limit: listLimit(merge, limit),
      exclude,
      ...(allowed === undefined ? {} : { allowed }),
      parameters: searchParameters(bundle, breadth),
      ...(merge.by === 'max'
        ? {
            // Nothing below the last place of the page can come onto it.
            needed(found: readonly InterestList[]) {
              merged = mergeFound(found);
              return merged.length < limit ? -Infinity : merged[limit - 1]!.score;
            },
          }
        : {}),
    }),
  );
  return merged !== undefined && searches === 1 ? merged : measure('merge', () => mergeFound(lists));
}

/** The value that a diverse merge is to vary; of a list, its first entry. */
function categoryOf(bundle: BundleView, merge: Merge): (item: number) => string | number | undefined {
  if (merge.by !== 'diverse') return () => undefined;
  const { attribute } = merge;
  return (item) => {
    const value = bundle.attributeOf(item, attribute);
    const first = Array.isArray(value) ? value[0] : value;
    return typeof first === 'boolean' ? String(first) : first;
  };
}
