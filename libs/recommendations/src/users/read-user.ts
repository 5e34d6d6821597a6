import type { BundleView } from '@facet/bundles';
import { createBehaviorRows, writeBehaviorSequence } from '@facet/features';
import type { Attributes, BehaviorRows } from '@facet/features';
import type { Interests } from '@facet/model';

/** One thing a user chose. */
export interface Behavior {
  readonly itemId: string;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
}

/** Who asks, as the model reads it. */
export interface UserFacts {
  /** Only a model with vectors of users asks who it is. */
  readonly userId?: string | undefined;
  /** In any order; items that the bundle does not know are passed over. */
  readonly behaviors: readonly Behavior[];
  readonly attributes?: Attributes | undefined;
}

/** A user with the interests that the model sees in them. */
export interface ReadUser {
  /** One row. */
  readonly rows: BehaviorRows;
  readonly interests: Interests;
  /** Known items of the behavior sequence, with the bonus for each. */
  readonly history: ReadonlyMap<number, number>;
  /** Whether the bundle knows any item among the behaviors, also beyond the sequence's length. */
  readonly hasKnownItems: boolean;
}

/** Why the model has nothing to go by; undefined when it has. */
export function whyWithoutInterests(
  { interests, hasKnownItems }: ReadUser,
  { behaviors }: Pick<UserFacts, 'behaviors'>,
): 'no_behaviors' | 'no_known_items' | 'no_interest' | undefined {
  // A ReLU at the end of the tower can leave a user with nothing but zeros, which are nearest to no item.
  if (interests.vectors.some((value) => value !== 0)) return undefined;
  if (behaviors.length === 0) return 'no_behaviors';
  return hasKnownItems ? 'no_interest' : 'no_known_items';
}

/** Behaviors → the newest L → interests. No clock is read: ages count from the end of the bundle's data, or from a newer behavior. */
export function readUser(bundle: BundleView, { userId, behaviors, attributes }: UserFacts): ReadUser {
  const { config } = bundle.info.spec;
  const ordered = [...behaviors].sort((a, b) => a.occurredAt - b.occurredAt);
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
  const interests = bundle.kernel.interests(rows, bundle.encodeProfile(attributes), bundle.userRowOf(userId));
  return { rows, interests, history, hasKnownItems: items.some((item) => item > 0) };
}

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

export function describeInterests(bundle: BundleView, { rows, interests }: ReadUser): UserInterest[] {
  const { length } = rows;
  return Array.from({ length: interests.count }, (_, interest) => {
    const weights = interests.behaviorWeights.subarray(interest * length, (interest + 1) * length);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    // Vectors of users are formed by no behavior of theirs.
    const behaviors = [...weights.keys()]
      .filter((slot) => rows.items[slot]! > 0 && total > 0)
      .sort((a, b) => weights[b]! - weights[a]! || b - a)
      .map((slot) => ({
        itemId: bundle.idOf(rows.items[slot]!),
        share: weights[slot]! / total,
      }));
    return { interest, behaviors };
  });
}
