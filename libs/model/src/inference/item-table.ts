import { multiplyByRows } from './matrix.ts';

/** The embeddings E [N + M + 1, D] of a bundle's items and of later items, in two arrays so that the large one is never copied. */
export interface ItemTable {
  readonly rowCount: number;
  /** The array of an item's row. */
  arrayOf(item: number): Float32Array;
  /** The offset of an item's row in its array. */
  offsetOf(item: number): number;
}

/**
 * @param embeddings [N + 1, D]
 * @param added [M, D] of items N + 1 .. N + M.
 */
export function createItemTable(embeddings: Float32Array, added: Float32Array, D: number): ItemTable {
  const ownRows = embeddings.length / D;
  return {
    rowCount: ownRows + added.length / D,
    arrayOf: (item) => (item < ownRows ? embeddings : added),
    offsetOf: (item) => (item < ownRows ? item : item - ownRows) * D,
  };
}

/** Cached values: 4 MB, or the 16 thousand most recent rows of 64 values. */
const cachedValuesMax = 1 << 20;

/** Writes the projected rows of the items `first` .. `first + n − 1` of `itemOf` to target [n, width]. */
export type ProjectItems = (itemOf: Int32Array, first: number, n: number, target: Float32Array) => void;

/**
 * Creates a projection of item embeddings by a matrix [width, D], a third of the work of the user tower. Caches recent items, since
 * users share popular items.
 *
 * @param rowsMax Most items per call.
 */
export function createItemProjection(matrix: Float32Array, D: number, items: ItemTable, rowsMax: number): ProjectItems {
  const width = matrix.length / D;
  const cached = Math.max(1, Math.min(Math.floor(cachedValuesMax / width), items.rowCount));
  const rows = new Float32Array(cached * width);
  const cachedItems = new Int32Array(cached).fill(-1);
  // Items outside the cache, multiplied together.
  const missing = new Int32Array(rowsMax);
  const sources = new Float32Array(rowsMax * D);
  const products = new Float32Array(rowsMax * width);
  return (itemOf, first, n, target) => {
    let count = 0;
    for (let row = 0; row < n; row++) {
      const item = itemOf[first + row]!;
      const place = item % cached;
      if (cachedItems[place] === item) {
        for (let cell = 0; cell < width; cell++) target[row * width + cell] = rows[place * width + cell]!;
        continue;
      }
      const table = items.arrayOf(item);
      const source = items.offsetOf(item);
      for (let d = 0; d < D; d++) sources[count * D + d] = table[source + d]!;
      missing[count++] = row;
    }
    multiplyByRows(products, 0, sources, 0, count, matrix, 0, width, D);
    for (let each = 0; each < count; each++) {
      const row = missing[each]!;
      const item = itemOf[first + row]!;
      const place = item % cached;
      cachedItems[place] = item;
      for (let cell = 0; cell < width; cell++) {
        const value = products[each * width + cell]!;
        target[row * width + cell] = value;
        rows[place * width + cell] = value;
      }
    }
  };
}
