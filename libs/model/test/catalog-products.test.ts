import { createRandom } from '@facet/features';
import { expect, it } from 'vitest';
import { createCatalogProducts } from '../src/training.ts';
import { tf } from '@facet/tf-graph/tensorflow';

it.each([
  { users: 4, K: 1, rows: 7, moments: 1 },
  { users: 4, K: 3, rows: 7, moments: 2 },
  // Several parts.
  { users: 60, K: 2, rows: 20_001, moments: 3 },
])('the best product of each of $users users with each item, $K interests, $moments moments', (sizes) => {
  const { users, K, rows, moments } = sizes;
  const before = tf.memory().numTensors;
  const random = createRandom(1);
  const D = 5;
  const drawn = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
  const [vectors, interests] = [drawn(rows * D), drawn(users * K * D)];
  const ofMoments = Array.from({ length: moments }, () => drawn(rows));
  const additions = Array.from({ length: users }, (_, user) => ofMoments[user % moments]!);
  ofMoments[0]![rows - 1] = Number.NEGATIVE_INFINITY;
  const products = createCatalogProducts(vectors, { interests: K, dim: D });
  expect(products.usersMax).toBeGreaterThanOrEqual(users);
  // What was computed for others is not left in place.
  products.scores(drawn(users * K * D), additions.toReversed());
  const scores = products.scores(interests, additions);

  expect(scores).toHaveLength(users * rows);
  let furthest = 0;
  for (let user = 0; user < users; user++) {
    for (let row = 0; row < rows; row++) {
      let best = Number.NEGATIVE_INFINITY;
      for (let k = user * K; k < (user + 1) * K; k++) {
        let product = 0;
        for (let d = 0; d < D; d++) product += interests[k * D + d]! * vectors[row * D + d]!;
        best = Math.max(best, product);
      }
      const [is, expected] = [scores[user * rows + row]!, best + additions[user]![row]!];
      furthest = Math.max(furthest, is === expected ? 0 : Math.abs(is - expected));
    }
  }
  expect(furthest).toBeLessThan(1e-5);
  products.dispose();
  expect(tf.memory().numTensors).toBe(before);
});
