import type { EncodedFeature } from '@facet/features';
import type { ArraysOf } from '@facet/tf-graph/arrays';
import type { ItemBatch } from '../batch.ts';
import { itemFeatureTable } from '../weights.ts';

/** The items of a vocabulary with their features. */
export interface ItemRows {
  /** N, items of the vocabulary. */
  readonly itemCount: number;
  /** Items 1..trainedCount have a dedicated embedding. Later items have their side features only. */
  readonly trainedCount: number;
  /** [N + 1] 0 for an item whose id is not trained yet. Absent: every id of 1..trainedCount is. */
  readonly known?: Uint8Array | undefined;
  /** Side features, rows [N + 1, slots]. */
  readonly features: readonly EncodedFeature[];
}

/** The rows of one table that n items are pooled from. */
export interface PooledRows {
  readonly table: string;
  readonly slots: number;
  /** [n, slots] */
  readonly rows: Int32Array;
  /** [n, slots] weight of each row, 0 for an empty slot. */
  readonly weights: Float32Array;
}

export type PooledArrays = ArraysOf<ItemBatch['pooled']>;

/** Returns how all N + 1 items are pooled. */
export function pooledArrays(items: ItemRows): PooledArrays {
  const n = items.itemCount + 1;
  return Object.fromEntries(
    poolItemRows(items).map(({ table, slots, rows, weights }) => [
      table,
      { rows: { shape: [n, slots], data: rows }, weights: { shape: [n, slots, 1], data: weights } },
    ]),
  );
}

/**
 * Returns the rows and weights of average pooling (paper, §4.1): e_i is the mean over the item's id and the features for which
 * the item has a value. A feature with several values counts as their mean. Row 0, padding, is zero.
 */
export function poolItemRows(items: ItemRows): PooledRows[] {
  const n = items.itemCount + 1;
  const ids: PooledRows = { table: 'item/id', slots: 1, rows: new Int32Array(n), weights: new Float32Array(n) };
  for (let item = 1; item <= items.trainedCount; item++) {
    if (items.known?.[item] === 0) continue;
    ids.rows[item] = item;
    ids.weights[item] = 1;
  }
  // Without trained items the table may be missing.
  const pooled = items.trainedCount === 0 ? [] : [ids];
  for (const feature of items.features) {
    const { slots, name } = feature.schema;
    const weights = Float32Array.from(feature.rows, (row) => (row > 0 ? 1 : 0));
    weights.fill(0, 0, slots);
    pooled.push({ table: itemFeatureTable(name), slots, rows: feature.rows, weights });
  }
  for (let item = 0; item < n; item++) averageOverTables(pooled, item);
  return pooled;
}

/** Replaces the 0/1 marks of an item by weights with sum 1: equal for each table with a value, equal within a table. */
function averageOverTables(pooled: readonly PooledRows[], item: number): void {
  const counts = pooled.map(({ weights, slots }) =>
    weights.subarray(item * slots, (item + 1) * slots).reduce((sum, weight) => sum + weight, 0),
  );
  const tables = counts.filter((count) => count > 0).length;
  pooled.forEach(({ weights, slots }, table) => {
    for (let slot = item * slots; slot < (item + 1) * slots; slot++) {
      if (weights[slot] !== 0) weights[slot] = 1 / (tables * counts[table]!);
    }
  });
}
