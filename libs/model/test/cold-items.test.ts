import { encodeFeatures } from '@facet/features';
import type { FeatureSchema } from '@facet/features';
import { expect, it } from 'vitest';
import { embedColdItems, findNeighbors, neighborsMax } from '../src/index.ts';

const kind: FeatureSchema = { name: 'kind', kind: 'category', values: ['a', 'b', 'c'], edges: [], slots: 1 };

it('embeds an item without interactions as the mean of similar items, and keeps items without similar ones', () => {
  const kinds = ['', 'a', 'a', 'b', 'a', 'c'];
  const content = {
    features: encodeFeatures(
      [kind],
      kinds.map((value) => ({ kind: value })),
    ),
    titleOf: () => undefined,
  };
  const embeddings = Float32Array.of(0, 0, /* 1 */ 2, 0, /* 2 */ 0, 4, /* 3 */ 5, 5, /* 4 */ 9, 9, /* 5 */ 7, 8);
  const before = embeddings.slice();
  const cold = findNeighbors({ content, items: Int32Array.of(1, 2, 3) }, { content, items: Int32Array.of(4, 5) });
  expect(cold.neighbors).toHaveLength(2 * neighborsMax);
  expect([...cold.similarities.subarray(0, 3)]).toEqual([1, 1, 0]);
  expect(cold.similarities[neighborsMax]).toBe(0);
  embedColdItems(embeddings, cold, { embeddings, dim: 2 });
  // The direction of (1, 0) + (0, 1), with the mean length of 2 and 4.
  expect(embeddings[8]).toBeCloseTo(3 / Math.SQRT2);
  expect(embeddings[9]).toBeCloseTo(3 / Math.SQRT2);
  expect([...embeddings.subarray(0, 8)]).toEqual([...before.subarray(0, 8)]);
  expect([...embeddings.subarray(10)]).toEqual([7, 8]);
});
