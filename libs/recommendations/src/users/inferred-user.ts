import type { BundleView } from '@facet/bundles';
import { createBehaviorRows, writeBehaviorSequence } from '@facet/features';
import type { Attributes, BehaviorRows } from '@facet/features';
import type { InferenceEngine, Interests } from '@facet/model';
import { dayMs } from '@facet/platform';
import type { FallbackReason } from '../fallback-reasons.ts';
import { interestNumber } from '../response.ts';
import type { InterestBehavior, UserInterest } from '../response.ts';

/** An interest with the behaviors that formed it. */
export type InterestBehaviors = Required<Omit<UserInterest, 'labels'>>;

/** One interaction of a user. */
export interface Behavior {
  readonly itemId: string;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
}

/** What the model reads of a user. */
export interface UserInput {
  /** Only models with learned user vectors read it. */
  readonly userId?: string | undefined;
  /** In any order. Items that the bundle does not know are skipped. */
  readonly behaviors: readonly Behavior[];
  /** The time of the request, epoch milliseconds. Behaviors have their age at this time, and 0 if they are newer. */
  readonly now: number;
  readonly attributes?: Attributes | undefined;
  /** K'u, at most K of the model. Default: by the number of behaviors. */
  readonly interestCount?: number | undefined;
}

/** A user's behavior sequence and the interests inferred from it. */
export interface InferredUser {
  /** One row. */
  readonly rows: BehaviorRows;
  readonly interests: Interests;
  /** Returns what each behavior adds to the product of an item with its interest [L], see `InferenceEngine`. */
  readonly contributions: (pairs: Parameters<InferenceEngine['contributions']>[0]) => Float32Array[];
  /** The score bonus of each known item in the behavior sequence. */
  readonly repeatBonuses: ReadonlyMap<number, number>;
  /** The factor for the score of an item that has a bonus. */
  readonly repeatScoreWeight: number;
  /** Whether the bundle knows any behavior, including those beyond the sequence length. */
  readonly hasKnownItems: boolean;
}

/**
 * Ages count to at most this long after the end of the bundle's data. Training sees no later request, and on MovieLens 100K the
 * recall of items that are new to the user falls when all ages are 60 days higher, but not at 30 days (docs/model.md).
 */
const staleMs = 30 * dayMs;

/** Writes the newest behaviors to a sequence and infers the interests. Reads no clock. */
export function inferUser(
  bundle: BundleView,
  { userId, behaviors, now, attributes, interestCount }: UserInput,
): InferredUser {
  const { config } = bundle.info.spec;
  const ordered = [...behaviors].sort((a, b) => a.occurredAt - b.occurredAt);
  const items = Int32Array.from(ordered, ({ itemId }) => bundle.indexOf(itemId) ?? 0);
  const times = ordered.map(({ occurredAt }) => occurredAt);
  const rows = createBehaviorRows(1, config.sequenceLength);
  const window = { items, times, start: 0, end: items.length };
  const agedAt = Math.min(now, bundle.info.asOf + staleMs);
  writeBehaviorSequence(rows, 0, window, { now: agedAt, distinct: config.distinctBehaviors });
  const bonuses = bundle.engine.repeatBonuses(rows);
  const repeatBonuses = new Map<number, number>();
  // Slots run from oldest to newest, so the newest behavior of an item decides its bonus.
  rows.items.forEach((item, slot) => {
    if (item > 0) repeatBonuses.set(item, bonuses[slot]!);
  });
  const { engine } = bundle;
  const inputs = [rows, bundle.encodeUserFeatures(attributes), bundle.userRowOf(userId), interestCount] as const;
  return {
    rows,
    interests: engine.interests(...inputs),
    contributions: (pairs) => engine.contributions(pairs, ...inputs),
    repeatBonuses,
    repeatScoreWeight: engine.repeatScoreWeight,
    hasKnownItems: items.some((item) => item > 0),
  };
}

/** Returns the final score of an item. If the item has a repeat bonus, the score for the interests is multiplied by a weight first. */
export function scoreForUser(
  { repeatBonuses, repeatScoreWeight }: InferredUser,
  item: number,
  scoreOfInterests: number,
): number {
  const bonus = repeatBonuses.get(item);
  return bonus === undefined ? scoreOfInterests : scoreOfInterests * repeatScoreWeight + bonus;
}

/** Returns why the model has no interests for the user, or undefined if it has some. */
export function reasonWithoutInterests(
  { interests, hasKnownItems }: InferredUser,
  { behaviors }: Pick<UserInput, 'behaviors'>,
): FallbackReason | undefined {
  // A final ReLU can make every interest zero. Zero vectors have no nearest items.
  if (interests.vectors.some((value) => value !== 0)) return undefined;
  if (behaviors.length === 0) return 'no_behaviors';
  return hasKnownItems ? 'no_interest' : 'no_known_items';
}

/** Returns each interest with the behaviors that formed it, largest share first. Learned user vectors have no behaviors. */
export function explainInterests(bundle: BundleView, { rows, interests }: InferredUser): InterestBehaviors[] {
  const { length } = rows;
  return Array.from({ length: interests.count }, (_, interest) => {
    const weights = interests.behaviorWeights.subarray(interest * length, (interest + 1) * length);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const behaviors = [...weights.keys()]
      .filter((slot) => rows.items[slot]! > 0 && total > 0)
      .sort((a, b) => weights[b]! - weights[a]! || b - a)
      .map((slot): InterestBehavior => {
        const item = rows.items[slot]!;
        return { itemId: bundle.idOf(item), title: bundle.titleOf(item), share: weights[slot]! / total };
      });
    return { interest: interestNumber(interest), behaviors };
  });
}

/** Maximum number of reasons of an item. */
export const reasonsMax = 2;
/** A reason has at least this share of what all behaviors add to the score … */
const reasonShareMin = 0.05;
/** … and at least this part of the share of the first reason. */
const reasonPartMin = 0.5;

/** A behavior that raises the score of an item. */
export interface ItemReason {
  readonly itemId: string;
  /** Its part of what all behaviors that raise the score add to it, with three decimals. */
  readonly share: number;
}

/**
 * Returns the behaviors that add most to the score of each item, best first. Leaves out weak ones, so an item can have no reason.
 *
 * @param found the interest is undefined for items of a fallback, which have no reasons
 */
export function explainItems(
  bundle: BundleView,
  { rows, contributions }: InferredUser,
  found: readonly { readonly item: number; readonly interest?: number }[],
): ItemReason[][] {
  const pairs = found.map(({ item, interest = -1 }) => ({ interest, vector: bundle.vectorOf(item) }));
  return contributions(pairs).map((slots) => {
    // Without `distinctBehaviors`, an item can be in several slots.
    const parts = new Map<number, number>();
    rows.items.forEach((item, slot) => parts.set(item, (parts.get(item) ?? 0) + slots[slot]!));
    const raising = [...parts].filter(([, part]) => part > 0).sort(([, a], [, b]) => b - a);
    const total = raising.reduce((sum, [, part]) => sum + part, 0);
    const partMin = Math.max(reasonShareMin * total, reasonPartMin * (raising[0]?.[1] ?? 0));
    return raising
      .slice(0, reasonsMax)
      .filter(([, part]) => part >= partMin)
      .map(([item, part]) => ({ itemId: bundle.idOf(item), share: Math.round((1000 * part) / total) / 1000 }));
  });
}
