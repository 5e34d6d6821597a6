/** `[N, D]` to `[N, D + 1]`, all of norm R (the largest by default; 0 for queries): docs/adr/0007. */
export function onSphere(vectors: Float32Array, dim: number, radiusSquared?: number): Float32Array {
  const count = vectors.length / dim;
  const squares = Float64Array.from({ length: count }, (_, row) => {
    let total = 0;
    for (let d = 0; d < dim; d++) total += vectors[row * dim + d]! ** 2;
    return total;
  });
  const radius = radiusSquared ?? squares.reduce((highest, value) => Math.max(highest, value), 0);
  const wide = new Float32Array(count * (dim + 1));
  for (let row = 0; row < count; row++) {
    wide.set(vectors.subarray(row * dim, (row + 1) * dim), row * (dim + 1));
    wide[row * (dim + 1) + dim] = Math.sqrt(Math.max(0, radius - squares[row]!));
  }
  return wide;
}
