import type { EncodedFeature } from '@facet/features';
import { itemFeatureTable } from '../weights.ts';

/** Which rows of which tables an item's embedding is the average of. */
export interface ItemRows {
  /** N, items of the vocabulary. */
  readonly itemCount: number;
  /** Items 1..trainedCount have an embedding of their own; later ones live by their side features. */
  readonly trainedCount: number;
  /** Side features, rows [N + 1, slots]. */
  readonly features: readonly EncodedFeature[];
}

/** One table's part in the average: rows [n, slots] and the weight of each row, zero where there is none. */
export interface PooledRows {
  readonly table: string;
  readonly slots: number;
  readonly rows: Int32Array;
  readonly weights: Float32Array;
}

/**
 * Average pooling of an item's embeddings (paper, §4.1): e_i is the mean over the item's id and those of its features
 * that it has a value for; a feature with several values counts as their mean. Row 0, padding, is zero.
 */
export function poolItemRows(items: ItemRows): PooledRows[] {
  const n = items.itemCount + 1;
  const ids: PooledRows = { table: 'item/id', slots: 1, rows: new Int32Array(n), weights: new Float32Array(n) };
  for (let item = 1; item <= items.trainedCount; item++) {
    ids.rows[item] = item;
    ids.weights[item] = 1;
  }
  // Where no item has an embedding of its own there need not even be such a table.
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

/** Turns an item's 0/1 marks into weights that sum to 1: equal for each table with a value, equal within a table. */
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
