import { countPairs, createRandom, transpose } from '@facet/features';
import type { SparseRows } from '@facet/features';
import { compile, valuesOf } from '@facet/tf-graph';
import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor2D } from '@facet/tf-graph/tensorflow';
import { solveRows, toBlocks } from './solve-rows.ts';
import type { RowBlocks } from './solve-rows.ts';

export interface WalsOptions {
  /** N. */
  readonly catalogSize: number;
  /** F. */
  readonly factors: number;
  /** λ. */
  readonly regularization: number;
  /** α: a pair with c interactions has confidence 1 + α c, other pairs 1. */
  readonly alpha: number;
  readonly iterations: number;
  readonly seed: number;
  /** Whether repeated interactions add confidence; `repeated` by default. */
  readonly counts?: 'distinct' | 'repeated';
  /** Called after both sides are solved. */
  readonly onIteration?: () => void;
}

/** The factors of the items. Users are folded in by their histories. */
export interface Wals {
  /** F. */
  readonly factors: number;
  /** [N + 1, F], row 0 zero. */
  readonly itemFactors: Float32Array;
  /**
   * Returns x_u [U, F] of histories (items, with repeats): the exact minimum for the given item factors, zero for an empty history.
   * The score of an item is x_uᵀ y_i.
   */
  foldIn(histories: readonly Int32Array[]): Float32Array;
}

const initialDeviation = 0.1;

/**
 * Fits weighted alternating least squares of implicit feedback (Hu, Koren and Volinsky, 2008): minimizes
 * Σ_ui c_ui (r_ui − x_uᵀ y_i)² + λ (Σ|x_u|² + Σ|y_i|²), with r_ui = 1 for pairs with an interaction and 0 for others. Solves each side
 * exactly while the other one is fixed.
 *
 * @param pairs User (from 0) and item (from 1) of each interaction.
 */
export function fitWals(pairs: { readonly users: Int32Array; readonly items: Int32Array }, options: WalsOptions): Wals {
  const { catalogSize, factors, regularization, alpha, iterations, seed, counts = 'repeated' } = options;
  const byItem = countPairs(pairs, catalogSize, counts);
  const byUser = transpose(
    byItem,
    pairs.users.reduce((highest, user) => Math.max(highest, user + 1), 0),
  );
  const random = createRandom(seed);
  const drawn = Float32Array.from({ length: (catalogSize + 1) * factors }, (_, cell) =>
    cell < factors ? 0 : initialDeviation * random.normal(),
  );
  const itemFactors = valuesOf(() => {
    const ofUsers = toBlocks(byUser, alpha, factors);
    const ofItems = toBlocks(byItem, alpha, factors);
    let items = tf.tensor2d(drawn, [catalogSize + 1, factors]);
    const solveBoth = (given: { factors: Tensor2D; ofUsers: RowBlocks; ofItems: RowBlocks }): Tensor2D =>
      solveRows(solveRows(given.factors, given.ofUsers, regularization), given.ofItems, regularization);
    // Compiling takes as long as two or three iterations.
    const iterate = compile(solveBoth, { factors: items, ofUsers, ofItems });
    try {
      for (let iteration = 0; iteration < iterations; iteration++) {
        const next = iterate.run({ factors: items, ofUsers, ofItems }) as Tensor2D;
        items.dispose();
        items = next;
        options.onIteration?.();
      }
    } finally {
      iterate.dispose();
    }
    return items;
  });
  return {
    factors,
    itemFactors,
    foldIn(histories) {
      return valuesOf(() => {
        const rows = toBlocks(rowsOf(histories, catalogSize, counts), alpha, factors);
        return solveRows(tf.tensor2d(itemFactors, [catalogSize + 1, factors]), rows, regularization);
      });
    },
  };
}

function rowsOf(histories: readonly Int32Array[], catalogSize: number, counts: 'distinct' | 'repeated'): SparseRows {
  const size = histories.reduce((sum, { length }) => sum + length, 0);
  const pairs = { users: new Int32Array(size), items: new Int32Array(size) };
  let end = 0;
  histories.forEach((history, user) => {
    pairs.users.fill(user, end, end + history.length);
    pairs.items.set(history, end);
    end += history.length;
  });
  return transpose(countPairs(pairs, catalogSize, counts), histories.length);
}
