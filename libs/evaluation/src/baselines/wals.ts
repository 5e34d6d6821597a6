import { createRandom } from '@facet/features';
import type { InteractionColumns, Scorer } from './scorer.ts';
import { countPairs, transpose } from './sparse-rows.ts';
import type { SparseRows } from './sparse-rows.ts';
import { addGram, choleskyInverse, dotRows, lowerProducts, multiplyBySymmetric, solvePositive } from './symmetric.ts';

export interface WalsOptions {
  /** N: the scores are `[N+1]`. */
  readonly catalogSize: number;
  /** F. */
  readonly factors: number;
  /** λ. */
  readonly regularization: number;
  /** α: a pair chosen c times has the confidence 1 + α c, all others 1. */
  readonly alpha: number;
  readonly iterations: number;
  readonly seed: number;
  /** Whether a repeated choice adds confidence; `repeated` by default. */
  readonly counts?: 'distinct' | 'repeated';
}

/** Factors of the items; users are folded in by their histories. */
export interface Wals {
  readonly factors: number;
  /** [N + 1, F], row 0 zero. */
  readonly itemFactors: Float64Array;
  /** x_u [F] of a history (item indices, with repeats): the exact minimum with the items' factors as they are. */
  foldIn(history: Int32Array): Float64Array;
}

const initialDeviation = 0.1;

/**
 * Weighted alternating least squares of implicit feedback (Hu, Koren and Volinsky, 2008): minimizes
 * Σ_ui c_ui (r_ui − x_uᵀ y_i)² + λ (Σ|x_u|² + Σ|y_i|²), r_ui 1 for a pair that was chosen and 0 for all others.
 *
 * Each row is solved exactly. With few entries n the system (M + Yᵀ W Y) x = Yᵀ c, M = YᵀY of all rows + λ, W = c − 1, is
 * solved in n unknowns by the identity of Woodbury, x = M⁻¹Yᵀ (c − √W t) with (1 + √W S √W) t = √W S c and S = Y M⁻¹ Yᵀ; with
 * many it is solved in F. A step costs O(rows F² + Σ min(n² F, n F² + F³)).
 */
export function fitWals(interactions: InteractionColumns, options: WalsOptions): Wals {
  const { catalogSize, factors, regularization, alpha, iterations, seed, counts = 'repeated' } = options;
  const byItem = countPairs(interactions, catalogSize, counts);
  const userCount = interactions.users.reduce((highest, user) => Math.max(highest, user + 1), 0);
  const byUser = transpose(byItem, userCount);
  const random = createRandom(seed);
  const itemFactors = Float64Array.from({ length: (catalogSize + 1) * factors }, (_, cell) =>
    cell < factors ? 0 : initialDeviation * random.normal(),
  );
  const userFactors = new Float64Array(userCount * factors);
  const settings = { factors, regularization, alpha };
  for (let iteration = 0; iteration < iterations; iteration++) {
    createRowSolver(itemFactors, settings).solveAll(byUser, userFactors);
    createRowSolver(userFactors, settings).solveAll(byItem, itemFactors);
  }
  const solver = createRowSolver(itemFactors, settings);
  return {
    factors,
    itemFactors,
    foldIn(history) {
      const weights = new Map<number, number>();
      for (const item of history) weights.set(item, counts === 'distinct' ? 1 : (weights.get(item) ?? 0) + 1);
      const columns = Int32Array.from(weights.keys());
      const start = Int32Array.of(0, columns.length);
      const solution = new Float64Array(factors);
      solver.solveAll({ start, columns, values: Float64Array.from(weights.values()) }, solution);
      return solution;
    },
  };
}

/** The scores x_uᵀ y_i of {@link fitWals}, the user folded in. */
export function scoreByWals({ factors, itemFactors, foldIn }: Wals): Scorer {
  return ({ history }) => {
    const user = foldIn(history);
    const scores = new Float32Array(itemFactors.length / factors);
    for (let item = 1; item < scores.length; item++) scores[item] = dotRows(user, 0, itemFactors, item, factors);
    return scores;
  };
}

/** Solves rows of one side while the other side stays as it is. */
function createRowSolver(
  other: Float64Array,
  { factors: F, regularization, alpha }: Pick<WalsOptions, 'factors' | 'regularization' | 'alpha'>,
): { solveAll(rows: SparseRows, target: Float64Array): void } {
  const M = new Float64Array(F * F);
  addGram(M, other, F);
  for (let f = 0; f < F; f++) M[f * F + f]! += regularization;
  /** Y M⁻¹. */
  const Z = multiplyBySymmetric(other, choleskyInverse(M, F), F);
  const system = new Float64Array(F * F);
  const right = new Float64Array(F);
  // Rows that are read many times, beside each other.
  const ownOther = new Float64Array(F * F);
  const ownZ = new Float64Array(F * F);

  /** In n unknowns. */
  function solveFew(rows: SparseRows, from: number, n: number, target: Float64Array, offset: number): void {
    for (let i = 0; i < n; i++) {
      const source = rows.columns[from + i]! * F;
      for (let f = 0; f < F; f++) {
        ownOther[i * F + f] = other[source + f]!;
        ownZ[i * F + f] = Z[source + f]!;
      }
    }
    lowerProducts(system, ownZ, ownOther, n, F);
    for (let i = 0; i < n; i++) {
      const root = Math.sqrt(alpha * rows.values[from + i]!);
      let sum = 0;
      for (let j = 0; j < n; j++) {
        const S = j <= i ? system[i * n + j]! : system[j * n + i]!;
        sum += S * (1 + alpha * rows.values[from + j]!);
      }
      right[i] = root * sum;
    }
    for (let i = 0; i < n; i++) {
      const root = Math.sqrt(alpha * rows.values[from + i]!);
      for (let j = 0; j <= i; j++) system[i * n + j]! *= root * Math.sqrt(alpha * rows.values[from + j]!);
      system[i * n + i]! += 1;
    }
    solvePositive(system, right, n);
    target.fill(0, offset, offset + F);
    for (let i = 0; i < n; i++) {
      const weight = alpha * rows.values[from + i]!;
      const share = 1 + weight - Math.sqrt(weight) * right[i]!;
      for (let f = 0; f < F; f++) target[offset + f]! += share * ownZ[i * F + f]!;
    }
  }

  /** In F unknowns. */
  function solveMany(rows: SparseRows, from: number, n: number, target: Float64Array, offset: number): void {
    system.set(M);
    right.fill(0);
    for (let i = 0; i < n; i++) {
      const weight = alpha * rows.values[from + i]!;
      const source = rows.columns[from + i]! * F;
      for (let f = 0; f < F; f++) right[f]! += (1 + weight) * other[source + f]!;
    }
    addWeightedGram(system, rows, from, n);
    solvePositive(system, right, F);
    target.set(right, offset);
  }

  /** The lower triangle of Σ w y yᵀ, four entries at a time: a cell is read and written once for the four. */
  function addWeightedGram(target: Float64Array, rows: SparseRows, from: number, n: number): void {
    const last = rows.columns[from]!;
    for (let i = 0; i < n; i += 4) {
      const a = rows.columns[from + i]! * F;
      const b = (i + 1 < n ? rows.columns[from + i + 1]! : last) * F;
      const c = (i + 2 < n ? rows.columns[from + i + 2]! : last) * F;
      const d = (i + 3 < n ? rows.columns[from + i + 3]! : last) * F;
      const wa = alpha * rows.values[from + i]!;
      const wb = i + 1 < n ? alpha * rows.values[from + i + 1]! : 0;
      const wc = i + 2 < n ? alpha * rows.values[from + i + 2]! : 0;
      const wd = i + 3 < n ? alpha * rows.values[from + i + 3]! : 0;
      for (let f = 0; f < F; f++) {
        const ya = wa * other[a + f]!;
        const yb = wb * other[b + f]!;
        const yc = wc * other[c + f]!;
        const yd = wd * other[d + f]!;
        const row = f * F;
        for (let g = 0; g <= f; g++) {
          target[row + g]! += ya * other[a + g]! + yb * other[b + g]! + yc * other[c + g]! + yd * other[d + g]!;
        }
      }
    }
  }

  return {
    solveAll(rows, target) {
      for (let row = 0; row + 1 < rows.start.length; row++) {
        const from = rows.start[row]!;
        const n = rows.start[row + 1]! - from;
        const isFew = n <= F && n * n * F < n * F * F + (F * F * F) / 3;
        if (isFew) solveFew(rows, from, n, target, row * F);
        else solveMany(rows, from, n, target, row * F);
      }
    },
  };
}
