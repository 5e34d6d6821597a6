import { dot } from '@facet/platform';
import { unitLengthEpsilon, weightedSoftmaxEpsilon } from '../epsilon.ts';

/** The Euclidean norm of a row of `length` values. Positive even for a zero row. */
export function lengthOf(values: Float32Array, offset: number, length: number): number {
  return Math.sqrt(dot(values, offset, values, offset, length) + unitLengthEpsilon);
}

/** Writes the norms of `count` rows. An array avoids boxed return values. */
export function writeLengths(
  target: Float32Array,
  targetOffset: number,
  matrix: Float32Array,
  matrixOffset: number,
  count: number,
  D: number,
): void {
  for (let row = 0; row < count; row++) {
    const offset = matrixOffset + row * D;
    let sum = 0;
    for (let d = 0; d < D; d++) sum += matrix[offset + d]! ** 2;
    target[targetOffset + row] = Math.sqrt(sum + unitLengthEpsilon);
  }
}

/**
 * Writes target [A, B] = a [A, D] times the transpose of b [B, D], each from its offset on. Computes eight inner products at a
 * time, of two rows with four: a single one would wait for each addition, and each value is read for several products.
 */
export function multiplyByRows(
  target: Float32Array,
  targetOffset: number,
  a: Float32Array,
  aOffset: number,
  aRows: number,
  b: Float32Array,
  bOffset: number,
  bRows: number,
  D: number,
): void {
  let row = 0;
  for (; row + 2 <= aRows; row += 2) {
    const a0 = aOffset + row * D;
    const a1 = a0 + D;
    const cell0 = targetOffset + row * bRows;
    const cell1 = cell0 + bRows;
    let column = 0;
    for (; column + 4 <= bRows; column += 4) {
      const b0 = bOffset + column * D;
      const b1 = b0 + D;
      const b2 = b1 + D;
      const b3 = b2 + D;
      let sum00 = 0;
      let sum01 = 0;
      let sum02 = 0;
      let sum03 = 0;
      let sum10 = 0;
      let sum11 = 0;
      let sum12 = 0;
      let sum13 = 0;
      for (let d = 0; d < D; d++) {
        const value0 = a[a0 + d]!;
        const value1 = a[a1 + d]!;
        const other0 = b[b0 + d]!;
        const other1 = b[b1 + d]!;
        const other2 = b[b2 + d]!;
        const other3 = b[b3 + d]!;
        sum00 += value0 * other0;
        sum01 += value0 * other1;
        sum02 += value0 * other2;
        sum03 += value0 * other3;
        sum10 += value1 * other0;
        sum11 += value1 * other1;
        sum12 += value1 * other2;
        sum13 += value1 * other3;
      }
      target[cell0 + column] = sum00;
      target[cell0 + column + 1] = sum01;
      target[cell0 + column + 2] = sum02;
      target[cell0 + column + 3] = sum03;
      target[cell1 + column] = sum10;
      target[cell1 + column + 1] = sum11;
      target[cell1 + column + 2] = sum12;
      target[cell1 + column + 3] = sum13;
    }
    for (; column < bRows; column++) {
      target[cell0 + column] = dot(a, a0, b, bOffset + column * D, D);
      target[cell1 + column] = dot(a, a1, b, bOffset + column * D, D);
    }
  }
  if (row < aRows) multiplyOneByRows(target, targetOffset + row * bRows, a, aOffset + row * D, b, bOffset, bRows, D);
}

/** The last row of an odd number. */
function multiplyOneByRows(
  target: Float32Array,
  targetOffset: number,
  a: Float32Array,
  aOffset: number,
  b: Float32Array,
  bOffset: number,
  bRows: number,
  D: number,
): void {
  let column = 0;
  for (; column + 4 <= bRows; column += 4) {
    const b0 = bOffset + column * D;
    const b1 = b0 + D;
    const b2 = b1 + D;
    const b3 = b2 + D;
    let sum0 = 0;
    let sum1 = 0;
    let sum2 = 0;
    let sum3 = 0;
    for (let d = 0; d < D; d++) {
      const value = a[aOffset + d]!;
      sum0 += value * b[b0 + d]!;
      sum1 += value * b[b1 + d]!;
      sum2 += value * b[b2 + d]!;
      sum3 += value * b[b3 + d]!;
    }
    target[targetOffset + column] = sum0;
    target[targetOffset + column + 1] = sum1;
    target[targetOffset + column + 2] = sum2;
    target[targetOffset + column + 3] = sum3;
  }
  for (; column < bRows; column++) {
    target[targetOffset + column] = dot(a, aOffset, b, bOffset + column * D, D);
  }
}

/** Returns the transpose of a matrix [rows, columns]. */
export function transposed(matrix: Float32Array, rows: number): Float32Array {
  const columns = matrix.length / rows;
  return Float32Array.from(matrix, (_, cell) => matrix[(cell % rows) * columns + Math.floor(cell / rows)]!);
}

/**
 * Adds the weighted rows of a matrix [count, width] to `target`. Adds four rows at a time to access the target less often, and
 * skips rows of weight 0, which are half of them after a ReLU.
 */
export function addWeightedRows(
  target: Float32Array,
  targetOffset: number,
  matrix: Float32Array,
  matrixOffset: number,
  width: number,
  weights: Float32Array,
  weightOffset: number,
  count: number,
): void {
  let row = nextRow(weights, weightOffset, -1, count);
  while (row < count) {
    const row1 = nextRow(weights, weightOffset, row, count);
    const row2 = nextRow(weights, weightOffset, row1, count);
    const row3 = nextRow(weights, weightOffset, row2, count);
    const m0 = matrixOffset + row * width;
    const weight0 = weights[weightOffset + row]!;
    if (row3 < count) {
      const m1 = matrixOffset + row1 * width;
      const m2 = matrixOffset + row2 * width;
      const m3 = matrixOffset + row3 * width;
      const weight1 = weights[weightOffset + row1]!;
      const weight2 = weights[weightOffset + row2]!;
      const weight3 = weights[weightOffset + row3]!;
      for (let d = 0; d < width; d++) {
        target[targetOffset + d]! +=
          weight0 * matrix[m0 + d]! + weight1 * matrix[m1 + d]! + weight2 * matrix[m2 + d]! + weight3 * matrix[m3 + d]!;
      }
      row = nextRow(weights, weightOffset, row3, count);
    } else {
      for (let d = 0; d < width; d++) target[targetOffset + d]! += weight0 * matrix[m0 + d]!;
      row = row1;
    }
  }
}

/** Returns the first row after `row` whose weight is not 0, or at least `count` if there is none. */
function nextRow(weights: Float32Array, weightOffset: number, row: number, count: number): number {
  let next = row + 1;
  while (next < count && weights[weightOffset + next] === 0) next++;
  return next;
}

/** Replaces n logits from `offset` on by w_i exp(l_i) / Σ_j w_j exp(l_j), as in tower/math.ts. */
export function weightedSoftmaxInPlace(values: Float32Array, offset: number, weights: Float32Array, n: number): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < n; row++) highest = Math.max(highest, values[offset + row]!);
  let total = 0;
  for (let row = 0; row < n; row++) {
    total += values[offset + row] = weights[row]! * Math.exp(values[offset + row]! - highest);
  }
  const scale = 1 / Math.max(total, weightedSoftmaxEpsilon);
  for (let row = 0; row < n; row++) values[offset + row]! *= scale;
}
