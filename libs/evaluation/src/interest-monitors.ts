import { dot } from '@facet/platform';

/** The interest vectors of one user: `[K'u, D]` row by row. */
export interface UserInterests {
  readonly vectors: Float32Array;
  /** K'u, the number of interests. Vectors after the first `count` are ignored. */
  readonly count: number;
}

export interface InterestSimilarity {
  /** Users with at least two non-zero interests: the users that the means are over. */
  readonly users: number;
  /** The mean over users of the mean cosine of their pairs of interests. Near 1 means that the interests have collapsed. */
  readonly meanCosine: number;
  /** The mean over users of the highest cosine among their pairs. */
  readonly meanMaxCosine: number;
  /** The highest cosine of any pair of any user. */
  readonly maxCosine: number;
}

/** Measures how similar each user's interests are. Zero vectors are ignored. All figures are 0 if no user has a pair. */
export function interestSimilarity(users: Iterable<UserInterests>, dim: number): InterestSimilarity {
  let counted = 0;
  let sumOfMeans = 0;
  let sumOfMaxima = 0;
  let highest = -Infinity;
  for (const { vectors, count } of users) {
    let pairs = 0;
    let total = 0;
    let userMax = -Infinity;
    for (let first = 0; first < count; first++) {
      for (let second = first + 1; second < count; second++) {
        const cosine = cosineOfRows(vectors, first, second, dim);
        if (cosine === undefined) continue;
        pairs++;
        total += cosine;
        userMax = Math.max(userMax, cosine);
      }
    }
    if (pairs === 0) continue;
    counted++;
    sumOfMeans += total / pairs;
    sumOfMaxima += userMax;
    highest = Math.max(highest, userMax);
  }
  if (counted === 0) return { users: 0, meanCosine: 0, meanMaxCosine: 0, maxCosine: 0 };
  return { users: counted, meanCosine: sumOfMeans / counted, meanMaxCosine: sumOfMaxima / counted, maxCosine: highest };
}

function cosineOfRows(matrix: Float32Array, first: number, second: number, dim: number): number | undefined {
  const product = (a: number, b: number): number => dot(matrix, a * dim, matrix, b * dim, dim);
  const squares = product(first, first) * product(second, second);
  return squares === 0 ? undefined : product(first, second) / Math.sqrt(squares);
}

export interface InterestShares {
  /** `[K]`: the share of held-out items for which each interest scores highest. */
  readonly shares: Float64Array;
  /** exp(entropy) of the shares: K if all interests win equally often, 1 if one always wins. Compare with the mean K'u. */
  readonly effectiveInterests: number;
}

/**
 * Returns how often each interest wins.
 *
 * @param winners the winning interest (0 .. K-1) of each held-out item
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
