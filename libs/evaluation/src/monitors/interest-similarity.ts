/** The interest vectors of one user: `[K, D]` row by row, of which the first `active` (K'_u) count. */
export interface UserInterests {
  readonly interests: Float32Array;
  readonly active: number;
}

export interface InterestSimilarity {
  /** Users with at least two active, non-zero interests: those that the means are over. */
  readonly users: number;
  /** The mean over users of the mean cosine of their pairs of interests. Near 1 means that the interests have collapsed. */
  readonly meanCosine: number;
  /** The mean over users of the highest cosine among their pairs. */
  readonly meanMaxCosine: number;
  /** The highest cosine of any pair of any user. */
  readonly maxCosine: number;
}

/** How alike a user's interests are. Inactive interests and zero vectors take no part. All 0 if no user has a pair. */
export function interestSimilarity(users: Iterable<UserInterests>, dim: number): InterestSimilarity {
  let counted = 0;
  let sumOfMeans = 0;
  let sumOfMaxima = 0;
  let highest = -Infinity;
  for (const { interests, active } of users) {
    let pairs = 0;
    let total = 0;
    let userMax = -Infinity;
    for (let first = 0; first < active; first++) {
      for (let second = first + 1; second < active; second++) {
        const cosine = cosineOfRows(interests, first, second, dim);
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
  let dot = 0;
  let firstSquares = 0;
  let secondSquares = 0;
  for (let d = 0; d < dim; d++) {
    const a = matrix[first * dim + d]!;
    const b = matrix[second * dim + d]!;
    dot += a * b;
    firstSquares += a * a;
    secondSquares += b * b;
  }
  return firstSquares === 0 || secondSquares === 0 ? undefined : dot / Math.sqrt(firstSquares * secondSquares);
}
