import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { BundleView } from '@facet/bundles';
import type { Attributes } from '@facet/features';
import { recommend } from '../recommendations/respond.ts';
import type { RecommendationResult } from '../recommendations/respond.ts';
import type { Behavior } from './inferred-user.ts';

/** A user whose interests are to be compared. */
export interface ComparedUser {
  readonly userId: string;
  readonly behaviors: readonly Behavior[];
  readonly attributes: Attributes;
}

/** A user, the recommended items, and how much the interests overlap: 0 if they share no behavior, 1 if they are alike. */
export interface DistinctUser extends ComparedUser {
  readonly result: RecommendationResult;
  /** The interests that found several of the items. */
  readonly found: readonly number[];
  readonly overlap: number;
}

/** Minimum number of distinct items of a user: enough for all interests of the default model, or half if too few users have that. */
export const distinctBehaviorsMin = [16, 8] as const;
/** Users whose interests are compared. */
export const distinctUsersTried = 200;
/** An interest counts if it found at least this many of the first `itemsRead` items. */
const itemsOfInterestMin = 3;
const itemsRead = 50;

/**
 * Returns the users with distinct interests, most distinct first. Tries the first {@link distinctUsersTried} users that have enough
 * behaviors. Ignores users with a single interest. Deterministic.
 *
 * @param behaviorsMin minimum number of distinct items that the bundle knows.
 */
export async function findDistinctUsers(
  bundle: BundleView,
  users: AsyncIterable<ComparedUser> | Iterable<ComparedUser>,
  behaviorsMin: number,
): Promise<DistinctUser[]> {
  const tried: DistinctUser[] = [];
  let count = 0;
  for await (const user of users) {
    if (countKnown(bundle, user.behaviors) < behaviorsMin) continue;
    const result = await recommend(bundle, { ...user, limit: itemsRead });
    const found = findInterests(result);
    if (found.length >= 2) tried.push({ ...user, result, found, overlap: meanOverlap(result, found) });
    if (++count === distinctUsersTried) break;
    // Yields to other requests.
    await yieldToEventLoop();
  }
  return tried.sort((a, b) => a.overlap - b.overlap || (a.userId < b.userId ? -1 : 1));
}

function countKnown(bundle: BundleView, behaviors: readonly Behavior[]): number {
  return new Set(behaviors.map(({ itemId }) => itemId).filter((itemId) => bundle.indexOf(itemId) !== undefined)).size;
}

function findInterests({ interests, items }: RecommendationResult): number[] {
  return interests
    .map(({ interest }) => interest)
    .filter((interest) => items.filter((item) => item.interest === interest).length >= itemsOfInterestMin);
}

/** Returns the mean share of behaviors that two of the interests have in common, 0 to 1. */
function meanOverlap({ interests }: RecommendationResult, found: readonly number[]): number {
  const shares = found.map((wanted) => {
    const { behaviors } = interests.find(({ interest }) => interest === wanted)!;
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
