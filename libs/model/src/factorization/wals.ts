import { countPairs, createRandom, transpose } from '@facet/features';
import type { SparseRows } from '@facet/features';
import { tf } from '../tf.ts';
import { valuesOf } from '../tf-values.ts';
import type { Tensor2D } from '../tf.ts';
import { openRecordedGraph, recordedOutput } from '../training/graph/recorded-graph.ts';
import { traceBySizes } from '../training/graph/sizes.ts';
import { traceOperations } from '../training/graph/trace.ts';
import { blockTensors, solveRows, toBlocks } from './solve-rows.ts';

export interface WalsOptions {
  /** N. */
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
  /** Both sides have been solved once more. */
  readonly onIteration?: () => void;
}

/** Factors of the items; users are folded in by their histories. */
export interface Wals {
  /** F. */
  readonly factors: number;
  /** [N + 1, F], row 0 zero. */
  readonly itemFactors: Float32Array;
  /**
   * x_u [U, F] of histories (item indices, with repeats): the exact minimum with the items' factors as they are, zero for a history of
   * nothing. The score of an item is x_uᵀ y_i.
   */
  foldIn(histories: readonly Int32Array[]): Float32Array;
}

const initialDeviation = 0.1;

/**
 * Weighted alternating least squares of implicit feedback (Hu, Koren and Volinsky, 2008): minimizes
 * Σ_ui c_ui (r_ui − x_uᵀ y_i)² + λ (Σ|x_u|² + Σ|y_i|²), r_ui 1 for a pair that was chosen and 0 for all others. Each side is solved
 * exactly while the other one stays as it is.
 *
 * @param pairs users from 0, items from 1, beside each other
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
    const kept = { ...blockTensors(ofUsers, 'users'), ...blockTensors(ofItems, 'items') };
    const inputs = { factors: items, ...kept };
    // Recording takes as long as two iterations or three.
    const traced = traceBySizes([], () =>
      traceOperations(inputs, () => ({
        [recordedOutput]: solveRows(solveRows(items, ofUsers, regularization), ofItems, regularization),
      })),
    );
    const session = openRecordedGraph(traced, inputs);
    try {
      for (let iteration = 0; iteration < iterations; iteration++) {
        const [next] = session.run({ factors: items, ...kept }, [recordedOutput]);
        items.dispose();
        items = next as Tensor2D;
        options.onIteration?.();
      }
    } finally {
      session.dispose();
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
