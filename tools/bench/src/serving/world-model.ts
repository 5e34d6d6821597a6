import { createBehaviorRows, createRandom, writeBehaviorSequence } from '@facet/features';
import type { BehaviorRows } from '@facet/features';
import { createInferenceEngine, facetModel, indexVectors, initializeWeights, unknownUser } from '@facet/model';
import type { ModelSpec, InferenceEngine, Weights } from '@facet/model';
import { bundleWeights } from '@facet/bundles';

/** L of the targets. */
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
 * The default variant as it is before training, when a user's interests are the capsules of the behaviors and their
 * mean, so that they are near what the user chose. Without the popularity prior, so that the index holds 64 values an item.
 */
export function createWorldModel(itemCount: number): WorldModel {
  const config = { ...facetModel, sequenceLength, popularityPrior: false };
  const spec: ModelSpec = { config, itemCount, itemFeatures: [], userFeatures: [] };
  // The embeddings come from the world: a table of a single item is drawn, and not used.
  const weights = initializeWeights({ ...spec, itemCount: 1 }, createRandom(1));
  return { spec, ...bundleWeights(weights) };
}

/** [N + 1, D] embeddings as the index takes them. */
export function worldIndexVectors({ spec, tower }: WorldModel, embeddings: Float32Array): Float32Array {
  return indexVectors(spec, tower, embeddings, new Float32Array(0));
}

/** @param embeddings [N + 1, D] */
export function createWorldKernel({ spec, tower }: WorldModel, embeddings: Float32Array): InferenceEngine {
  return createInferenceEngine(spec, tower, embeddings);
}

/** One user's behaviors as serving reads those of a request that gives no times: a millisecond apart, after all data. */
export function behaviorRowsOf(items: Int32Array): BehaviorRows {
  const rows = createBehaviorRows(1, sequenceLength);
  const times = Array.from(items, (_, position) => worldEnd + 1 + position);
  const window = { items, times, start: 0, end: items.length };
  writeBehaviorSequence(rows, 0, window, { now: times.at(-1)!, distinct: facetModel.distinctBehaviors });
  return rows;
}

/** The interests of users, one user after the other: [users * K, D]. @throws Error for a user with fewer than K. */
export function interestsOf(kernel: InferenceEngine, users: readonly Int32Array[], dim: number): Float32Array {
  const { interests: count } = facetModel;
  const interests = new Float32Array(users.length * count * dim);
  users.forEach((items, user) => {
    const found = kernel.interests(behaviorRowsOf(items), [], unknownUser);
    if (found.count !== count) throw new Error(`user ${user} has ${found.count} interests, not ${count}`);
    interests.set(found.vectors, user * count * dim);
  });
  return interests;
}
