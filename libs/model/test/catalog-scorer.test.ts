import { createRandom } from '@facet/features';
import { expect, it } from 'vitest';
import { createItemScorer } from '../src/index.ts';
import { createCatalogScorer } from '../src/training.ts';
import { tf } from '@facet/tf-graph/tensorflow';

it.each([
  { users: 4, K: 1, rows: 7, moments: 1, sharpness: 2 },
  { users: 4, K: 3, rows: 7, moments: 2, sharpness: undefined },
  { users: 4, K: 3, rows: 7, moments: 2, sharpness: 2 },
  // Several parts.
  { users: 60, K: 2, rows: 20_001, moments: 3, sharpness: 0.5 },
])('the scores of $users users, $K interests, $moments moments, sharpness $sharpness', (sizes) => {
  const { users, K, rows, moments, sharpness } = sizes;
  const counts = Array.from({ length: users }, (_, user) => 1 + (user % K));
  const before = tf.memory().numTensors;
  const random = createRandom(1);
  const D = 5;
  const drawn = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
  const [vectors, interests] = [drawn(rows * D), drawn(users * K * D)];
  const ofMoments = Array.from({ length: moments }, () => drawn(rows));
  const additions = Array.from({ length: users }, (_, user) => ofMoments[user % moments]!);
  ofMoments[0]![rows - 1] = Number.NEGATIVE_INFINITY;
  const products = createCatalogScorer(vectors, { interests: K, dim: D, sharpness });
  expect(products.usersMax).toBeGreaterThanOrEqual(users);
  // What was computed for others is not left in place.
  products.scores(drawn(users * K * D), counts, additions.toReversed());
  const scores = products.scores(interests, counts, additions);

  expect(scores).toHaveLength(users * rows);
  let furthest = 0;
  for (let user = 0; user < users; user++) {
    const own = { count: counts[user]!, vectors: interests.subarray(user * K * D) };
    const scoreItem = createItemScorer(own, vectors, { dim: D, sharpness });
    for (let row = 0; row < rows; row++) {
      const { score } = scoreItem(row);
      const [is, expected] = [scores[user * rows + row]!, score + additions[user]![row]!];
      furthest = Math.max(furthest, is === expected ? 0 : Math.abs(is - expected));
    }
  }
  expect(furthest).toBeLessThan(1e-5);
  products.dispose();
  expect(tf.memory().numTensors).toBe(before);
});
