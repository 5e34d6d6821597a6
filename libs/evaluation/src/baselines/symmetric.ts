/** The inner product of row `i` of `a` and row `j` of `b`, both [., F]. */
export function dotRows(a: Float64Array, i: number, b: Float64Array, j: number, F: number): number {
  const [from, other] = [i * F, j * F];
  let even = 0;
  let odd = 0;
  let f = 0;
  for (; f + 1 < F; f += 2) {
    even += a[from + f]! * b[other + f]!;
    odd += a[from + f + 1]! * b[other + f + 1]!;
  }
  if (f < F) even += a[from + f]! * b[other + f]!;
  return even + odd;
}

/** The lower triangle [n, n] of A Bᵀ, of the first n rows of both, [., F]. */
export function lowerProducts(target: Float64Array, A: Float64Array, B: Float64Array, n: number, F: number): void {
  for (let i = 0; i < n; i++) {
    const from = i * F;
    let j = 0;
    for (; j + 3 <= i; j += 4) {
      const a = j * F;
      const [b, c, d] = [a + F, a + 2 * F, a + 3 * F];
      let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0];
      for (let f = 0; f < F; f++) {
        const value = A[from + f]!;
        sumA += value * B[a + f]!;
        sumB += value * B[b + f]!;
        sumC += value * B[c + f]!;
        sumD += value * B[d + f]!;
      }
      const cell = i * n + j;
      target[cell] = sumA;
      target[cell + 1] = sumB;
      target[cell + 2] = sumC;
      target[cell + 3] = sumD;
    }
    for (; j <= i; j++) target[i * n + j] = dotRows(A, i, B, j, F);
  }
}

/** Adds YᵀY of the rows of `Y` [R, F] to `target` [F, F], both triangles. */
export function addGram(target: Float64Array, Y: Float64Array, F: number): void {
  const rows = Y.length / F;
  let row = 0;
  // Four rows at a time: a cell is read and written once for the four.
  for (; row + 3 < rows; row += 4) {
    const a = row * F;
    const [b, c, d] = [a + F, a + 2 * F, a + 3 * F];
    for (let f = 0; f < F; f++) {
      const [ya, yb, yc, yd] = [Y[a + f]!, Y[b + f]!, Y[c + f]!, Y[d + f]!];
      const cells = f * F;
      for (let g = 0; g <= f; g++) {
        target[cells + g]! += ya * Y[a + g]! + yb * Y[b + g]! + yc * Y[c + g]! + yd * Y[d + g]!;
      }
    }
  }
  for (let a = row * F; a < Y.length; a += F) {
    for (let f = 0; f < F; f++) for (let g = 0; g <= f; g++) target[f * F + g]! += Y[a + f]! * Y[a + g]!;
  }
  for (let f = 0; f < F; f++) for (let g = 0; g < f; g++) target[g * F + f] = target[f * F + g]!;
}

/** `Y` [R, F] times a symmetric matrix [F, F]. */
export function multiplyBySymmetric(Y: Float64Array, matrix: Float64Array, F: number): Float64Array {
  const product = new Float64Array(Y.length);
  for (let from = 0; from < Y.length; from += F) {
    let g = 0;
    for (; g + 3 < F; g += 4) {
      const a = g * F;
      const [b, c, d] = [a + F, a + 2 * F, a + 3 * F];
      let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0];
      for (let f = 0; f < F; f++) {
        const y = Y[from + f]!;
        sumA += y * matrix[a + f]!;
        sumB += y * matrix[b + f]!;
        sumC += y * matrix[c + f]!;
        sumD += y * matrix[d + f]!;
      }
      product[from + g] = sumA;
      product[from + g + 1] = sumB;
      product[from + g + 2] = sumC;
      product[from + g + 3] = sumD;
    }
    for (; g < F; g++) product[from + g] = dotRows(Y, from / F, matrix, g, F);
  }
  return product;
}

/** Solves A x = b for a positive definite A [n, n], of which only the lower triangle is read; both are overwritten, b by x. */
export function solvePositive(A: Float64Array, b: Float64Array, n: number): void {
  factorize(A, n);
  for (let i = 0; i < n; i++) {
    let sum = b[i]!;
    for (let k = 0; k < i; k++) sum -= A[i * n + k]! * b[k]!;
    b[i] = sum / A[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    const value = (b[i]! /= A[i * n + i]!);
    for (let k = 0; k < i; k++) b[k]! -= A[i * n + k]! * value;
  }
}

/** The inverse of a positive definite matrix [F, F]. */
export function choleskyInverse(matrix: Float64Array, F: number): Float64Array {
  const inverse = new Float64Array(F * F);
  for (let column = 0; column < F; column++) {
    const unit = new Float64Array(F);
    unit[column] = 1;
    solvePositive(matrix.slice(), unit, F);
    inverse.set(unit, column * F);
  }
  return inverse;
}

/** A = L Lᵀ (Cholesky), L in the lower triangle. */
function factorize(A: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    const row = i * n;
    for (let j = 0; j <= i; j++) {
      const other = j * n;
      let even = 0;
      let odd = 0;
      let k = 0;
      for (; k + 1 < j; k += 2) {
        even += A[row + k]! * A[other + k]!;
        odd += A[row + k + 1]! * A[other + k + 1]!;
      }
      if (k < j) even += A[row + k]! * A[other + k]!;
      const rest = A[row + j]! - even - odd;
      A[row + j] = i === j ? Math.sqrt(rest) : rest / A[other + j]!;
    }
  }
}
