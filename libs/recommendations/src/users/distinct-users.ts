import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { BundleView } from '@facet/bundles';
import type { Attributes } from '@facet/features';
import { recommend } from '../recommendations/respond.ts';
import type { RecommendationResult } from '../recommendations/respond.ts';
import type { Behavior } from './inferred-user.ts';

/** A user before the comparison of the interests. */
export interface ComparedUser {
  readonly userId: string;
  readonly behaviors: readonly Behavior[];
  readonly attributes: Attributes;
}

/** A user with distinct interests, and the recommended items. */
export interface DistinctUser extends ComparedUser {
  readonly result: RecommendationResult;
  /** The interests that found several of the items. */
  readonly interests: readonly number[];
  /** Mean share of behaviors that two of the interests have in common, 0 to 1. */
  readonly overlap: number;
}

/**
 * Minimum number of distinct items of a user. With the first, the default model infers all interests. The second applies
 * if too few users have that many.
 */
export const distinctBehaviorsMin = [16, 8] as const;
/** Maximum number of users whose interests are compared. */
export const comparedUsersMax = 200;
/** An interest counts if it found at least this many of the first `itemsRead` items. */
const itemsOfInterestMin = 3;
const itemsRead = 50;

/**
 * Returns the users with distinct interests, most distinct first. Compares the first {@link comparedUsersMax} users that have
 * enough behaviors. Leaves out users with a single interest. Deterministic.
 *
 * @param behaviorsMin minimum number of distinct items of a user that the bundle knows
 */
export async function findDistinctUsers(
  bundle: BundleView,
  users: AsyncIterable<ComparedUser> | Iterable<ComparedUser>,
  behaviorsMin: number,
): Promise<DistinctUser[]> {
  const compared: DistinctUser[] = [];
  let count = 0;
  for await (const user of users) {
    if (countKnown(bundle, user.behaviors) < behaviorsMin) continue;
    const result = await recommend(bundle, { ...user, limit: itemsRead });
    const interests = findInterests(result);
    if (interests.length >= 2) compared.push({ ...user, result, interests, overlap: meanOverlap(result, interests) });
    if (++count === comparedUsersMax) break;
    // Yields to other requests.
    await yieldToEventLoop();
  }
  return compared.sort((a, b) => a.overlap - b.overlap || (a.userId < b.userId ? -1 : 1));
}

function countKnown(bundle: BundleView, behaviors: readonly Behavior[]): number {
  return new Set(behaviors.map(({ itemId }) => itemId).filter((itemId) => bundle.indexOf(itemId) !== undefined)).size;
}

function findInterests({ interests, items }: RecommendationResult): number[] {
  return interests
    .map(({ interest }) => interest)
    .filter((interest) => items.filter((item) => item.interest === interest).length >= itemsOfInterestMin);
}

function meanOverlap({ interests }: RecommendationResult, numbers: readonly number[]): number {
  const shares = numbers.map((number) => {
    const { behaviors } = interests.find(({ interest }) => interest === number)!;
    return new Map(behaviors.map(({ itemId, share }) => [itemId, share]));
  });
  const overlaps = shares.flatMap((a, position) =>
    shares.slice(position + 1).map((b) => {
      let common = 0;
      for (const [itemId, share] of a) common += Math.min(share, b.get(itemId) ?? 0);
      return common;
    }),
  );
  return overlaps.reduce((sum, overlap) => sum + overlap, 0) / overlaps.length;
}
