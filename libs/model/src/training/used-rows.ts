import type { NumericArray } from '@facet/tf-graph/arrays';
import { namedSize } from '../batch.ts';
import type { BatchArrays } from '../batch.ts';
import { poolItemRows } from '../tower/item-rows.ts';
import type { ItemRows, PooledArrays, PooledRows } from '../tower/item-rows.ts';
import { userVectorTable } from '../weights.ts';

export interface UsedRowsOptions {
  /** The items, if batches use some of them; undefined if each batch uses them all. */
  readonly items: ItemRows | undefined;
  /** The tables of the user features, in order. */
  readonly userFeatureTables: readonly string[];
  /** Row counts of the sparse tables. Batches use other tables as a whole. */
  readonly sparseTables: ReadonlyMap<string, number>;
}

/**
 * Returns a function that restricts a batch to the items and table rows that it uses. Items become positions among the used items
 * (position 0 is padding). Rows of sparse tables become positions among `usedRows`.
 */
export function createUsedRows({
  items,
  userFeatureTables,
  sparseTables,
}: UsedRowsOptions): (batch: BatchArrays) => BatchArrays {
  const pooled = items === undefined ? [] : poolItemRows(items);
  const itemNumbers = items === undefined ? undefined : createNumbering(items.itemCount + 1);
  const numberings = new Map([...sparseTables].map(([table, rows]) => [table, createNumbering(rows)]));

  return (batch) => {
    const usedRows: Record<string, NumericArray> = {};
    const use = (table: string, rows: Int32Array): Int32Array => {
      const numbering = numberings.get(table);
      if (numbering === undefined) return rows;
      const numbers = numbering.add(rows);
      const used = numbering.finish();
      usedRows[table] = { shape: [namedSize(`rows of ${table}`, used.length)], data: used };
      return numbers;
    };
    const { userRows } = batch.users;
    const users = {
      ...batch.users,
      userFeatures: batch.users.userFeatures.map((rows, feature) =>
        withData(rows, (data) => use(userFeatureTables[feature]!, data)),
      ),
      userRows: userRows && withData(userRows, (data) => use(userVectorTable, data)),
    };
    if (itemNumbers === undefined) return { ...batch, users, usedRows };

    itemNumbers.add(padding);
    const behaviors = withData(users.behaviors, itemNumbers.add);
    const labels = { ...batch.labels, items: withData(batch.labels.items, itemNumbers.add) };
    const candidates = withData(batch.items!.candidates, itemNumbers.add);
    const used = itemNumbers.finish();
    const U = namedSize('U', used.length);
    const pooledArrays: Record<string, PooledArrays[string]> = {};
    for (const { table, slots, rows, weights } of pooled) {
      const shares = { shape: [U, slots, 1], data: rowsOf(weights, slots, used) };
      if (table === 'item/id' && sparseTables.has(table)) {
        // An item without a dedicated embedding has weight 0, so that its row keeps its value.
        usedRows[table] = { shape: [U], data: used };
        pooledArrays[table] = { weights: shares };
      } else {
        const numbers = use(table, rowsOf(rows, slots, used));
        pooledArrays[table] = { rows: { shape: [U, slots], data: numbers }, weights: shares };
      }
    }
    return { ...batch, users: { ...users, behaviors }, labels, items: { pooled: pooledArrays, candidates }, usedRows };
  };
}

const padding = Int32Array.of(0);

const withData = ({ shape, data }: NumericArray, change: (data: Int32Array) => Int32Array): NumericArray => ({
  shape,
  data: change(data as Int32Array),
});

/** Returns the rows [n, slots] of `items`. */
function rowsOf<T extends PooledRows['rows'] | PooledRows['weights']>(values: T, slots: number, items: Int32Array): T {
  const picked = values.slice(0, 0).constructor as new (size: number) => T;
  const rows = new picked(items.length * slots);
  for (let place = 0; place < items.length; place++) {
    const from = items[place]! * slots;
    for (let slot = 0; slot < slots; slot++) rows[place * slots + slot] = values[from + slot]!;
  }
  return rows;
}

interface Numbering {
  /** Numbers values in the order in which they first occur. Returns the number of each value. */
  add(values: Int32Array): Int32Array;
  /** Returns the values by their numbers, and starts a new numbering. */
  finish(): Int32Array;
}

function createNumbering(valueCount: number): Numbering {
  const numberByValue = new Int32Array(valueCount).fill(-1);
  let seen = new Int32Array(1024);
  let count = 0;
  return {
    add(values) {
      const numbers = new Int32Array(values.length);
      for (let index = 0; index < values.length; index++) {
        const value = values[index]!;
        let number = numberByValue[value]!;
        if (number < 0) {
          if (count === seen.length) {
            const larger = new Int32Array(count * 2);
            larger.set(seen);
            seen = larger;
          }
          number = count++;
          numberByValue[value] = number;
          seen[number] = value;
        }
        numbers[index] = number;
      }
      return numbers;
    },
    finish() {
      const values = seen.slice(0, count);
      for (const value of values) numberByValue[value] = -1;
      count = 0;
      return values;
    },
  };
}
