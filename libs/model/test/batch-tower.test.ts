import { createBehaviorRows, createRandom } from '@facet/features';
import type { BehaviorRows, Random } from '@facet/features';
import { expect, it } from 'vitest';
import { activeInterestCount, createInferenceEngine, indexDim, modelVariants, unknownUser } from '../src/index.ts';
import { createBatchTower, createTowerGraph } from '../src/training.ts';
import { tf } from '@facet/tf-graph/tensorflow';
import { changeWeights, createTinyWorld, embeddingsOf } from './tiny-world.ts';
import { optionsFor } from './tested-variants.ts';

function writeBehaviors(rows: BehaviorRows, row: number, n: number, random: Random): void {
  const end = (row + 1) * rows.length;
  for (let slot = end - n; slot < end; slot++) {
    rows.items[slot] = 1 + random.int(13);
    rows.ages[slot] = 1 + random.int(31);
    rows.counts[slot] = 1;
  }
}

/** Returns the row of one user, as long as the engine reads it. */
function alone({ length, items, ages }: BehaviorRows, row: number, L: number): BehaviorRows {
  const rows = createBehaviorRows(1, L);
  rows.items.set(items.subarray(row * length, (row + 1) * length), L - length);
  rows.ages.set(ages.subarray(row * length, (row + 1) * length), L - length);
  return rows;
}

for (const [variant, length] of Object.keys(modelVariants).flatMap((variant) =>
  [4, 6].map((length) => [variant, length] as const),
)) {
  it(
    `equals the inference engine for many users: ${variant}, rows of ${length} slots of 6`,
    optionsFor(variant),
    () => {
      const before = tf.memory().numTensors;
      const world = createTinyWorld({ variant });
      const { spec } = world;
      const { interests: K, embeddingDim: D, sequenceLength: L, extractor, adaptiveInterests } = spec.config;
      const random = createRandom(3);
      const weights = changeWeights(world.weights, (value) => value + 0.1 * random.normal());
      const embeddings = embeddingsOf(world, weights);
      const engine = createInferenceEngine(spec, weights, embeddings);
      const tower = createBatchTower(spec, weights, embeddings);

      const counts = Array.from({ length: length + 1 }, (_, n) => n);
      const behaviors = createBehaviorRows(counts.length, length);
      counts.forEach((n, row) => writeBehaviors(behaviors, row, n, random));
      const hasUserVectors = extractor.kind === 'user-vectors';
      const userFeatures = Int32Array.from(counts, () => random.int(3));
      // The last user has no learned vectors.
      const userRows = Int32Array.from(counts, (n) => (n === length ? unknownUser : random.int(12)));
      const active = new Float32Array(counts.length * K);
      const expected = counts.map((n, row) => {
        const interests = engine.interests(alone(behaviors, row, L), [userFeatures[row]!], userRows[row]!);
        expect(interests.count).toBe(
          hasUserVectors ? Number(n < length) * K : activeInterestCount(n, K, adaptiveInterests),
        );
        active.fill(1, row * K, row * K + interests.count);
        return interests;
      });
      const all = tower.interests({
        behaviors,
        active,
        userFeatures: [userFeatures],
        userRows: hasUserVectors ? userRows.map((row) => Math.max(0, row)) : undefined,
      });

      expected.forEach(({ count, vectors }, row) => {
        for (let k = 0; k < K; k++) {
          for (let d = 0; d < D; d++) {
            const value = all[(row * K + k) * D + d]!;
            if (k < count) expect(Math.abs(value - vectors[k * indexDim(spec) + d]!)).toBeLessThan(1e-5);
            else expect(value === 0).toBe(true);
          }
        }
      });
      tower.dispose();
      expect(tf.memory().numTensors).toBe(before);
    },
  );
}

it('computes interests of other weights with the same graph', () => {
  const before = tf.memory().numTensors;
  const world = createTinyWorld({ variant: 'facet' });
  const { spec } = world;
  const behaviors = createBehaviorRows(2, 6);
  [2, 5].forEach((n, row) => writeBehaviors(behaviors, row, n, createRandom(3)));
  const users = {
    behaviors,
    active: new Float32Array(2 * spec.config.interests).fill(1),
    userFeatures: [Int32Array.of(1, 2)],
    userRows: undefined,
  };
  const shared = createTowerGraph(spec);
  const results = [1, 2].map((factor) => {
    const scaled = changeWeights(world.weights, (value) => factor * value);
    const embeddings = embeddingsOf(world, scaled);
    const [withShared, alone] = [shared, undefined].map((graph) => {
      const tower = createBatchTower(spec, scaled, embeddings, graph);
      const interests = tower.interests(users);
      tower.dispose();
      return interests;
    });
    expect(withShared).toEqual(alone);
    return withShared;
  });
  expect(results[0]).not.toEqual(results[1]);
  shared.dispose();
  expect(tf.memory().numTensors).toBe(before);
});
