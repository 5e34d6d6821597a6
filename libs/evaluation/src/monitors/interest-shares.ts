export interface InterestShares {
  /** `[K]`: the share of labels (or of served items) won by each interest. */
  readonly shares: Float64Array;
  /** exp(H) of the shares: K if all win alike, 1 if one wins everything. To be read against the mean K'_u. */
  readonly effectiveInterests: number;
}

/**
 * Who wins: the distribution of winning interests.
 *
 * @param winners the winning interest (0 .. K-1) of each label or served item; see {@link winningInterest}.
 */
export function interestShares(winners: Iterable<number>, maxInterests: number): InterestShares {
  const shares = new Float64Array(maxInterests);
  let total = 0;
  for (const winner of winners) {
    shares[winner]!++;
    total++;
  }
  if (total === 0) return { shares, effectiveInterests: 0 };
  let entropy = 0;
  for (let interest = 0; interest < maxInterests; interest++) {
    const share = shares[interest]! / total;
    shares[interest] = share;
    if (share > 0) entropy -= share * Math.log(share);
  }
  return { shares, effectiveInterests: Math.exp(entropy) };
}

/**
 * argmax_k v_u^k . e over the active interests; the first of equal ones. -1 if none is active.
 *
 * @param interests `[K, D]` row by row.
 * @param item `[D]`.
 */
export function winningInterest(interests: Float32Array, active: number, item: Float32Array): number {
  const dim = item.length;
  let best = -1;
  let bestScore = -Infinity;
  for (let interest = 0; interest < active; interest++) {
    let score = 0;
    for (let d = 0; d < dim; d++) score += interests[interest * dim + d]! * item[d]!;
    if (score > bestScore) {
      best = interest;
      bestScore = score;
    }
  }
  return best;
}
