import type { Interests } from './user-kernel.ts';

/**
 * f_score = max_k v_kᵀ e of one item (paper, Eq. 3), and the interest that wins, the lowest of equal ones; without
 * interests the score is −∞.
 *
 * @param vectors [N + 1, dim] from `indexVectors`
 */
export function bestInterest(
  { count, vectors: interests }: Pick<Interests, 'count' | 'vectors'>,
  vectors: Float32Array,
  item: number,
  dim: number,
): { score: number; interest: number } {
  let best = { score: Number.NEGATIVE_INFINITY, interest: 0 };
  const offset = item * dim;
  for (let interest = 0; interest < count; interest++) {
    let score = 0;
    for (let d = 0; d < dim; d++) score += interests[interest * dim + d]! * vectors[offset + d]!;
    if (score > best.score) best = { score, interest };
  }
  return best;
}
