import type { ItemRows, PooledRows } from '../layers/item-rows.ts';
import { poolItemRows } from '../layers/item-rows.ts';
import type { PooledTensors } from '../layers/item-tower.ts';
import type { Tensor, Tensor1D, Tensor3D } from '../tf.ts';
import type { BatchArray, BatchArrays } from './batch-arrays.ts';

/** Rewrites batches so that what they say about items and table rows holds within the rows that they use. */
export interface UsedRows {
  /**
   * The batch with items as places among the items that it uses (place 0 is padding), with the rows of each of
   * `tables` that it uses, {@link usedRowsArray}, and with how the items are pooled of them.
   */
  of(batch: BatchArrays): BatchArrays;
}

/** The array of a table: the different rows that a batch uses, [R]. */
export const usedRowsArray = (table: string): string => `rows/${table}`;

export interface UsedRowsOptions {
  /** The items, where batches use part of them; undefined where each batch uses them all. */
  readonly items: ItemRows | undefined;
  /** The table that each array of users' rows reads. */
  readonly userTables: ReadonlyMap<string, string>;
  /** Rows of each table of which batches get those that they use; other tables are used whole. */
  readonly tables: ReadonlyMap<string, number>;
}

export function createUsedRows({ items, userTables, tables }: UsedRowsOptions): UsedRows {
  const pooled = items === undefined ? [] : poolItemRows(items);
  const itemPlaces = items === undefined ? undefined : createPlaces(items.itemCount + 1);
  const places = new Map([...tables].map(([table, rows]) => [table, createPlaces(rows)]));

  return {
    of({ sizes, arrays }) {
      const local: Record<string, BatchArray> = { ...arrays };
      const localSizes: Record<string, number> = { ...sizes };
      const use = (table: string, rows: Int32Array): Int32Array => {
        const known = places.get(table);
        if (known === undefined) return rows;
        const placed = known.of(rows);
        const used = known.take();
        local[usedRowsArray(table)] = { shape: [`rows of ${table}`], data: used };
        localSizes[`rows of ${table}`] = used.length;
        return placed;
      };
      for (const [name, table] of userTables) {
        local[name] = { shape: ['B'], data: use(table, arrays[name]!.data as Int32Array) };
      }
      if (itemPlaces === undefined) return { sizes: localSizes, arrays: local };

      itemPlaces.of(padding);
      for (const name of ['behaviors', 'labels', 'candidates']) {
        const { shape, data } = arrays[name]!;
        local[name] = { shape, data: itemPlaces.of(data as Int32Array) };
      }
      const used = itemPlaces.take();
      localSizes['U'] = used.length;
      for (const { table, slots, rows, weights } of pooled) {
        local[pooledArray(table, 'weights')] = { shape: ['U', slots, 1], data: rowsOf(weights, slots, used) };
        if (table === 'item/id' && tables.has(table)) {
          // An item without an embedding of its own weighs its row with zero, and so leaves it as it is.
          local[usedRowsArray(table)] = { shape: ['U'], data: used };
        } else {
          local[pooledArray(table, 'rows')] = { shape: ['U', slots], data: use(table, rowsOf(rows, slots, used)) };
        }
      }
      return { sizes: localSizes, arrays: local };
    },
  };
}

const padding = Int32Array.of(0);
const pooledArray = (table: string, part: 'rows' | 'weights'): string => `pool/${table}/${part}`;

/** The arrays of how all items are pooled, for batches that use them all. */
export function allPooledArrays(items: ItemRows): Record<string, BatchArray> {
  const n = items.itemCount + 1;
  return Object.fromEntries(
    poolItemRows(items).flatMap(({ table, slots, rows, weights }): [string, BatchArray][] => [
      [pooledArray(table, 'rows'), { shape: [n, slots], data: rows }],
      [pooledArray(table, 'weights'), { shape: [n, slots, 1], data: weights }],
    ]),
  );
}

/** How the items of a batch are pooled, of its tensors by name. */
export function pooledOf(tensors: Readonly<Record<string, Tensor>>): PooledTensors[] {
  const tables = Object.keys(tensors)
    .filter((name) => name.startsWith('pool/') && name.endsWith('/weights'))
    .map((name) => name.slice('pool/'.length, -'/weights'.length));
  return tables.map((table) => ({
    table,
    rows: tensors[pooledArray(table, 'rows')]?.flatten() as Tensor1D | undefined,
    weights: tensors[pooledArray(table, 'weights')] as Tensor3D,
  }));
}

function rowsOf<T extends PooledRows['rows'] | PooledRows['weights']>(values: T, slots: number, items: Int32Array): T {
  const picked = values.slice(0, 0).constructor as new (size: number) => T;
  const rows = new picked(items.length * slots);
  for (let place = 0; place < items.length; place++) {
    const from = items[place]! * slots;
    for (let slot = 0; slot < slots; slot++) rows[place * slots + slot] = values[from + slot]!;
  }
  return rows;
}

/** Numbers different values in the order in which they first appear. */
function createPlaces(values: number): { of(values: Int32Array): Int32Array; take(): Int32Array } {
  const placeOf = new Int32Array(values).fill(-1);
  let seen = new Int32Array(1024);
  let count = 0;
  return {
    of(read) {
      const places = new Int32Array(read.length);
      for (let index = 0; index < read.length; index++) {
        const value = read[index]!;
        let place = placeOf[value]!;
        if (place < 0) {
          if (count === seen.length) {
            const larger = new Int32Array(count * 2);
            larger.set(seen);
            seen = larger;
          }
          place = count++;
          placeOf[value] = place;
          seen[place] = value;
        }
        places[index] = place;
      }
      return places;
    },
    /** The values by their numbers; numbering starts afresh. */
    take() {
      const taken = seen.slice(0, count);
      for (const value of taken) placeOf[value] = -1;
      count = 0;
      return taken;
    },
  };
}
