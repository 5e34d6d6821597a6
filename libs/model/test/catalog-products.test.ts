import { createRandom } from '@facet/features';
import { expect, it } from 'vitest';
import { createCatalogProducts } from '../src/training.ts';
import { tf } from '../src/tf.ts';

it.each([1, 3])('the best of K = %i products of each user with each item; no tensor stays behind', (K) => {
  const before = tf.memory().numTensors;
  const random = createRandom(1);
  const [D, users, rows] = [5, 4, 7];
  const vectors = Float32Array.from({ length: rows * D }, () => random.normal());
  const interests = Float32Array.from({ length: users * K * D }, () => random.normal());
  const products = createCatalogProducts(vectors, D);
  const best = products.best(interests, K);
  for (let user = 0; user < users; user++) {
    for (let row = 0; row < rows; row++) {
      const scores = Array.from({ length: K }, (_, k) =>
        Array.from({ length: D }, (_, d) => interests[(user * K + k) * D + d]! * vectors[row * D + d]!).reduce(
          (sum, product) => sum + product,
          0,
        ),
      );
      expect(best[user * rows + row]).toBeCloseTo(Math.max(...scores), 5);
    }
  }
  products.dispose();
  expect(tf.memory().numTensors).toBe(before);
});
