import type { BundleView } from '@facet/bundles';
import { createBehaviorRows, writeBehaviorSequence } from '@facet/features';
import type { Attributes, BehaviorRows } from '@facet/features';
import type { Interests } from '@facet/model';
import { retrieveCandidates } from '@facet/retrieval';
import type { SearchParameters } from '@facet/retrieval';

/** One thing a user chose. */
export interface Behavior {
  readonly itemId: string;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
}

export interface RecommendationRequest {
  /** In any order; items that the bundle does not know are passed over. */
  readonly behaviors: readonly Behavior[];
  readonly attributes?: Attributes | undefined;
  readonly limit: number;
  /** Item ids that must not be returned, whatever the source. */
  readonly exclude?: Iterable<string>;
  /** Whether items that the user has chosen before may be returned ("buy again"); false by default. */
  readonly includeSeen?: boolean;
}

export interface Recommendation {
  readonly itemId: string;
  readonly score: number;
  /** Which of the user's interests found it; absent in a fallback. */
  readonly interest?: number;
}

/** Where an answer comes from: the model, or a fallback and why. */
export type RecommendationSource =
  | { readonly kind: 'model' }
  | { readonly kind: 'popular'; readonly reason: 'no_behaviors' | 'no_known_items' | 'no_interest' };

/** A behavior's part in an interest; the shares of an interest add up to 1. */
export interface InterestBehavior {
  readonly itemId: string;
  readonly share: number;
}

export interface UserInterest {
  readonly interest: number;
  /** The behaviors that formed it, largest share first. */
  readonly behaviors: readonly InterestBehavior[];
}

export interface RecommendationResult {
  readonly source: RecommendationSource;
  readonly items: readonly Recommendation[];
  readonly interests: readonly UserInterest[];
  readonly removed: { readonly seen: number; readonly excluded: number; readonly unavailable: number };
}

/**
 * The answer of one bundle to one request: behaviors → interests → candidates of each interest → merged by the maximum,
 * each with the interest that won → exclusions → the first `limit`. The same bundle and request always give the same
 * answer; no clock is read: a behavior's age counts from the end of the bundle's data, or from a newer behavior.
 */
export async function recommend(bundle: BundleView, request: RecommendationRequest): Promise<RecommendationResult> {
  const user = readUser(bundle, request);
  const exclusions = collectExclusions(bundle, user, request);
  // A ReLU at the end of the tower can leave a user with nothing but zeros, which are nearest to no item.
  if (user.interests.vectors.every((value) => value === 0)) {
    return {
      source: { kind: 'popular', reason: fallbackReason(user, request) },
      items: mostPopular(bundle, exclusions, request.limit),
      interests: [],
      removed: exclusions.counts,
    };
  }
  // Items of the user's own history carry a bonus that no index knows: they are scored apart and merged.
  const { candidates } = await retrieveCandidates({
    index: bundle.index,
    interests: user.interests.vectors,
    active: user.interests.count,
    limit: request.limit,
    exclude: (item) => exclusions.has(item) || user.history.has(item),
    margin: Math.min(request.limit, exclusions.size + user.history.size),
    parameters: searchParameters(bundle),
  });
  const own = [...user.history]
    .filter(([item]) => !exclusions.has(item))
    .map(([item, bonus]) => {
      const { score, interest } = bundle.bestInterest(user.interests, item);
      return { item, score: score + bonus, interest };
    });
  const items = [...candidates, ...own]
    .sort((a, b) => b.score - a.score || a.item - b.item)
    .slice(0, request.limit)
    .map(({ item, score, interest }) => ({ itemId: bundle.idOf(item), score, interest }));
  return {
    source: { kind: 'model' },
    items,
    interests: describeInterests(bundle, user),
    removed: exclusions.counts,
  };
}

/**
 * A user's interests with what formed them and the items nearest to each, most similar first. Nothing is excluded, and
 * popularity plays no part: it would put the same items first for every interest.
 */
export async function describeUser(
  bundle: BundleView,
  request: Pick<RecommendationRequest, 'behaviors' | 'attributes'> & { readonly nearest: number },
): Promise<(UserInterest & { readonly nearest: readonly Recommendation[] })[]> {
  const user = readUser(bundle, request);
  const dim = bundle.info.index.dim;
  return Promise.all(
    describeInterests(bundle, user).map(async (described) => {
      const { interest } = described;
      const { candidates } = await retrieveCandidates({
        index: bundle.index,
        interests: withoutPopularity(bundle, user.interests.vectors.slice(interest * dim, (interest + 1) * dim)),
        active: 1,
        limit: request.nearest,
        parameters: searchParameters(bundle),
      });
      const nearest = candidates.map(({ item, score }) => ({
        itemId: bundle.idOf(item),
        score,
        interest,
      }));
      return { ...described, nearest };
    }),
  );
}

/** An interest whose coordinate that meets the popularity prior, if there is one, is zero. */
function withoutPopularity({ info }: BundleView, interest: Float32Array): Float32Array {
  return interest.fill(0, info.spec.config.embeddingDim);
}

interface ReadUser {
  readonly rows: BehaviorRows;
  readonly interests: Interests;
  /** Known items of the behavior sequence, with the bonus for each. */
  readonly history: ReadonlyMap<number, number>;
  /** Every known item among the behaviors, also those beyond the sequence's length. */
  readonly seen: ReadonlySet<number>;
}

function readUser(bundle: BundleView, request: Pick<RecommendationRequest, 'behaviors' | 'attributes'>): ReadUser {
  const { config } = bundle.info.spec;
  const ordered = [...request.behaviors].sort((a, b) => a.occurredAt - b.occurredAt);
  const items = Int32Array.from(ordered, ({ itemId }) => bundle.indexOf(itemId) ?? 0);
  const times = ordered.map(({ occurredAt }) => occurredAt);
  const now = Math.max(bundle.info.asOf, times.at(-1) ?? 0);
  const rows = createBehaviorRows(1, config.sequenceLength);
  const window = { items, times, start: 0, end: items.length };
  writeBehaviorSequence(rows, 0, window, { now, distinct: config.distinctBehaviors });
  const bonuses = bundle.kernel.repeatBonuses(rows);
  const history = new Map<number, number>();
  // Oldest slot first, so that the newest behavior of an item decides its bonus.
  rows.items.forEach((item, slot) => {
    if (item > 0) history.set(item, bonuses[slot]!);
  });
  const interests = bundle.kernel.interests(rows, bundle.encodeProfile(request.attributes));
  return { rows, interests, history, seen: new Set(items.filter((item) => item > 0)) };
}

function fallbackReason(
  user: ReadUser,
  request: RecommendationRequest,
): 'no_behaviors' | 'no_known_items' | 'no_interest' {
  if (request.behaviors.length === 0) return 'no_behaviors';
  return user.seen.size === 0 ? 'no_known_items' : 'no_interest';
}

/** Items that must not be returned. */
interface Exclusions {
  has(item: number): boolean;
  readonly size: number;
  readonly counts: RecommendationResult['removed'];
}

/** What is withdrawn may be much and is the same for everybody: it is asked, not copied. */
function collectExclusions(bundle: BundleView, user: ReadUser, request: RecommendationRequest): Exclusions {
  const { unavailable } = bundle;
  const own = new Set<number>();
  for (const itemId of request.exclude ?? []) {
    const item = bundle.indexOf(itemId);
    if (item !== undefined) own.add(item);
  }
  const excluded = own.size;
  if (request.includeSeen !== true) for (const item of user.seen) own.add(item);
  let both = 0;
  for (const item of own) if (unavailable.has(item)) both++;
  return {
    has: (item) => own.has(item) || unavailable.has(item),
    size: own.size + unavailable.size - both,
    counts: { seen: own.size - excluded, excluded, unavailable: unavailable.size - both },
  };
}

function mostPopular(bundle: BundleView, exclusions: Exclusions, limit: number): Recommendation[] {
  const items: Recommendation[] = [];
  for (const item of bundle.itemsByPopularity()) {
    if (items.length === limit) break;
    if (!exclusions.has(item)) items.push({ itemId: bundle.idOf(item), score: bundle.popularityOf(item) });
  }
  return items;
}

function describeInterests(bundle: BundleView, user: ReadUser): UserInterest[] {
  const { length } = user.rows;
  return Array.from({ length: user.interests.count }, (_, interest) => {
    const weights = user.interests.behaviorWeights.subarray(interest * length, (interest + 1) * length);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const behaviors = [...weights.keys()]
      .filter((slot) => user.rows.items[slot]! > 0)
      .sort((a, b) => weights[b]! - weights[a]! || b - a)
      .map((slot) => ({
        itemId: bundle.idOf(user.rows.items[slot]!),
        share: total === 0 ? 0 : weights[slot]! / total,
      }));
    return { interest, behaviors };
  });
}

function searchParameters(bundle: BundleView): SearchParameters {
  const { efSearch, nprobe } = bundle.info.index;
  return { ...(efSearch === undefined ? {} : { efSearch }), ...(nprobe === undefined ? {} : { nprobe }) };
}
