import { createRandom } from '@facet/features';

/** The mean of a set of rows and the orthonormal axes with the largest variance, largest first. */
export interface PrincipalAxes {
  readonly dim: number;
  readonly count: number;
  /** [dim] */
  readonly mean: Float64Array;
  /** [count, dim] */
  readonly axes: Float64Array;
}

/** Enough for axes of item embeddings: their leading variances differ by a few percent at least. */
const iterations = 60;

/**
 * Returns the principal axes of `rows` [R, dim] by subspace iteration on the covariance. The largest coordinate of each axis is positive, so
 * that equal rows give equal axes.
 */
export function findPrincipalAxes(rows: Float32Array, dim: number, count: number): PrincipalAxes {
  const { mean, covariance } = covarianceOf(rows, dim);
  const random = createRandom(1);
  let axes: Float64Array = Float64Array.from({ length: count * dim }, () => random.normal());
  makeOrthonormal(axes, dim, count);
  for (let iteration = 0; iteration < iterations; iteration++) {
    axes = multiply(axes, covariance, dim, count);
    makeOrthonormal(axes, dim, count);
  }
  for (let axis = 0; axis < count; axis++) orient(axes.subarray(axis * dim, (axis + 1) * dim));
  return { dim, count, mean, axes };
}

/** Writes the coordinates of one row on the axes to `into`. */
export function projectRow(
  row: Float32Array,
  { dim, count, mean, axes }: PrincipalAxes,
  into: Float32Array,
  start = 0,
): void {
  for (let axis = 0; axis < count; axis++) {
    let coordinate = 0;
    for (let d = 0; d < dim; d++) coordinate += (row[d]! - mean[d]!) * axes[axis * dim + d]!;
    into[start + axis] = coordinate;
  }
}

function covarianceOf(rows: Float32Array, dim: number): { mean: Float64Array; covariance: Float64Array } {
  const count = rows.length / dim;
  const mean = new Float64Array(dim);
  for (let cell = 0; cell < rows.length; cell++) mean[cell % dim]! += rows[cell]! / count;
  const covariance = new Float64Array(dim * dim);
  const centered = new Float64Array(dim);
  for (let row = 0; row < count; row++) {
    for (let d = 0; d < dim; d++) centered[d] = rows[row * dim + d]! - mean[d]!;
    for (let a = 0; a < dim; a++) {
      for (let b = 0; b <= a; b++) covariance[a * dim + b]! += (centered[a]! * centered[b]!) / count;
    }
  }
  for (let a = 0; a < dim; a++) for (let b = 0; b < a; b++) covariance[b * dim + a] = covariance[a * dim + b]!;
  return { mean, covariance };
}

function multiply(axes: Float64Array, matrix: Float64Array, dim: number, count: number): Float64Array {
  const product = new Float64Array(count * dim);
  for (let axis = 0; axis < count; axis++) {
    for (let a = 0; a < dim; a++) {
      const weight = axes[axis * dim + a]!;
      for (let b = 0; b < dim; b++) product[axis * dim + b]! += weight * matrix[a * dim + b]!;
    }
  }
  return product;
}

/** Gram–Schmidt. An axis without a remainder becomes zero: the rows have fewer directions than axes. */
function makeOrthonormal(axes: Float64Array, dim: number, count: number): void {
  for (let axis = 0; axis < count; axis++) {
    const own = axes.subarray(axis * dim, (axis + 1) * dim);
    const lengthBefore = norm(own);
    for (let earlier = 0; earlier < axis; earlier++) {
      const other = axes.subarray(earlier * dim, (earlier + 1) * dim);
      let along = 0;
      for (let d = 0; d < dim; d++) along += own[d]! * other[d]!;
      for (let d = 0; d < dim; d++) own[d]! -= along * other[d]!;
    }
    const length = norm(own);
    const scale = length > 1e-12 * lengthBefore ? 1 / length : 0;
    for (let d = 0; d < dim; d++) own[d]! *= scale;
  }
}

function norm(vector: Float64Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}

function orient(axis: Float64Array): void {
  let largest = 0;
  for (const value of axis) if (Math.abs(value) > Math.abs(largest)) largest = value;
  if (largest < 0) axis.forEach((value, d) => (axis[d] = -value));
}
