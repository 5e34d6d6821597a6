import { createBehaviorRows, createRandom, writeBehaviorSequence } from '@facet/features';
import type { BehaviorRows, FeatureSchema } from '@facet/features';
import { facetModel, initializeWeights, unknownUser } from '@facet/model';
import type { ModelSpec, InferenceEngine, Weights } from '@facet/model';
import { bundleWeights } from '@facet/bundles';

/** L of the performance targets. */
export const sequenceLength = 50;

/** The end of the world's data, in epoch milliseconds. */
export const worldEnd = Date.UTC(2026, 0, 1);

/** The user tower of a generated world. */
export interface WorldModel {
  readonly spec: ModelSpec;
  readonly tower: Weights;
  readonly itemTables: Weights;
}

/**
 * Returns the untrained default variant, whose interests are near the user's behaviors. It has no popularity prior, so that an
 * index vector has 64 values.
 */
export function createWorldModel(itemCount: number, itemFeatures: readonly FeatureSchema[] = []): WorldModel {
  const config = { ...facetModel, sequenceLength, popularityPrior: false };
  const spec: ModelSpec = { config, itemCount, itemFeatures: [...itemFeatures], userFeatures: [] };
  // The embeddings are generated separately, so the model's own table has a single item.
  const weights = initializeWeights({ ...spec, itemCount: 1 }, createRandom(1));
  return { spec, ...bundleWeights(weights) };
}

/** Returns behaviors as serving reads them from a request without times: one millisecond apart, after all data. */
export function behaviorRowsOf(items: Int32Array): BehaviorRows {
  const rows = createBehaviorRows(1, sequenceLength);
  const times = Array.from(items, (_, position) => worldEnd + 1 + position);
  const window = { items, times, start: 0, end: items.length };
  writeBehaviorSequence(rows, 0, window, { now: times.at(-1)!, distinct: facetModel.distinctBehaviors });
  return rows;
}

/** Returns [users * K, D] interests. @throws Error for a user with fewer than K interests. */
export function interestsOf(engine: InferenceEngine, users: readonly Int32Array[], dim: number): Float32Array {
  const { interests: count } = facetModel;
  const interests = new Float32Array(users.length * count * dim);
  users.forEach((items, user) => {
    const found = engine.interests(behaviorRowsOf(items), [], unknownUser);
    if (found.count !== count) throw new Error(`user ${user} has ${found.count} interests, not ${count}`);
    interests.set(found.vectors, user * count * dim);
  });
  return interests;
}
