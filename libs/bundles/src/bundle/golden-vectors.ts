import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { BehaviorRows } from '@facet/features';
import { unknownUser } from '@facet/model';
import type { InferenceEngine } from '@facet/model';
import { AppError } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** A user's behaviors and the interests that the trainer computed from them. */
export const GoldenVector = Type.Object({
  /** Each [L], padded at the start. */
  items: Type.Array(Type.Integer({ minimum: 0 })),
  ages: Type.Array(Type.Integer({ minimum: 0 })),
  counts: Type.Array(Type.Integer({ minimum: 0 })),
  /** The row of each user feature in its table. */
  profile: Type.Array(Type.Integer({ minimum: 0 })),
  userRow: Type.Integer({ minimum: unknownUser }),
  /** [K'u, index dim] */
  interests: Type.Array(Type.Array(Type.Number())),
});
export type GoldenVector = Static<typeof GoldenVector>;

/** Maximum accepted difference per coordinate. */
const toleranceMax = 1e-4;

export function recordGoldenVector(
  engine: InferenceEngine,
  behaviors: BehaviorRows,
  userFeatures: readonly number[],
  userRow: number,
): GoldenVector {
  const { count, vectors } = engine.interests(behaviors, userFeatures, userRow);
  const dim = count === 0 ? 0 : vectors.length / count;
  return {
    items: [...behaviors.items],
    ages: [...behaviors.ages],
    counts: [...behaviors.counts],
    profile: [...userFeatures],
    userRow,
    interests: Array.from({ length: count }, (_, k) => [...vectors.subarray(k * dim, (k + 1) * dim)]),
  };
}

/**
 * Recomputes the golden vectors with the inference engine of this process, yielding to the event loop before each.
 *
 * @throws AppError `BUNDLE_DRIFTED` naming the vector and the difference.
 */
export async function verifyGoldenVectors(
  engine: InferenceEngine,
  golden: readonly GoldenVector[],
  bundleId: string,
): Promise<void> {
  for (const [position, expected] of golden.entries()) {
    await yieldToEventLoop();
    const actual = recordGoldenVector(engine, goldenBehaviors(expected), expected.profile, expected.userRow);
    const difference = largestDifference(expected.interests, actual.interests);
    if (difference <= toleranceMax) continue;
    throw new AppError(`Golden vector ${position} of bundle ${bundleId} differs by ${difference.toPrecision(3)}.`, {
      code: 'BUNDLE_DRIFTED',
      category: 'artifact',
      remedy:
        'This version computes interests differently from the version that trained the model. Rebuild the bundle with this version.',
      context: { bundleId, position, difference },
    });
  }
}

/** Returns the behaviors of a golden vector as one row. */
export function goldenBehaviors({ items, ages, counts }: GoldenVector): BehaviorRows {
  return {
    length: items.length,
    items: Int32Array.from(items),
    ages: Int32Array.from(ages),
    counts: Int32Array.from(counts),
  };
}

/** Returns the largest difference of two lists of vectors; infinite if their sizes differ or a value is NaN. */
export function largestDifference(
  expected: readonly (readonly number[])[],
  actual: readonly (readonly number[])[],
): number {
  if (expected.length !== actual.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  expected.forEach((vector, k) => {
    if (vector.length !== actual[k]!.length) largest = Number.POSITIVE_INFINITY;
    vector.forEach((value, d) => {
      const difference = Math.abs(value - actual[k]![d]!);
      // A NaN must count as a difference.
      if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    });
  });
  return largest;
}
