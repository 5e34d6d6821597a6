/** Returns seeded vectors [n, d] around a few centers: more like embeddings than noise, but hard for a graph. */
export function randomVectors(n: number, d: number, seed: number): Float32Array {
  const next = xorshift(seed);
  const centers = Float32Array.from({ length: 50 * d }, next);
  const vectors = new Float32Array(n * d);
  for (let row = 0; row < n; row++) {
    const center = Math.floor((next() + 0.5) * 50);
    for (let j = 0; j < d; j++) vectors[row * d + j] = (centers[center * d + j] ?? 0) + next();
  }
  return vectors;
}

/** Returns the k labels with the largest inner products for each query, by exhaustive search. */
export function exactTopK(vectors: Float32Array, queries: Float32Array, d: number, k: number): number[][] {
  return rowsOf(queries, d).map((query) =>
    rowsOf(vectors, d)
      .map((vector, label) => ({ label, score: vector.reduce((sum, x, j) => sum + x * (query[j] ?? 0), 0) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, k)
      .map(({ label }) => label),
  );
}

export function rowsOf<T extends Float32Array | Int32Array>(values: T, width: number): T[] {
  return Array.from({ length: values.length / width }, (_, i) => values.subarray(i * width, (i + 1) * width) as T);
}

/** Returns numbers in [-0.5, 0.5). */
function xorshift(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32 - 0.5;
  };
}
