import type { ItemTable } from './item-table.ts';
import { multiplyByRows } from './rows.ts';

/** Values that are kept, 4 MB: with rows of 64 the 16 thousand that were asked for lately, a popular part of any catalog. */
const keptValuesMax = 1 << 20;

/** Writes the projected rows of the items from `first` to the end of `itemOf` to target [n, width], beside each other. */
export type ProjectItems = (itemOf: Int32Array, first: number, n: number, target: Float32Array) => void;

/**
 * Item embeddings through a matrix [width, D], a third of the work of the user tower. Those that were asked for lately are kept:
 * users choose the same items. What is kept changes nothing but the time.
 *
 * @param rowsMax the most rows at a time
 */
export function createItemProjection(matrix: Float32Array, D: number, items: ItemTable, rowsMax: number): ProjectItems {
  const width = matrix.length / D;
  const kept = Math.max(1, Math.min(Math.floor(keptValuesMax / width), items.rowCount));
  const rows = new Float32Array(kept * width);
  const keptItems = new Int32Array(kept).fill(-1);
  // Those that are not kept, to be multiplied together.
  const missing = new Int32Array(rowsMax);
  const sources = new Float32Array(rowsMax * D);
  const products = new Float32Array(rowsMax * width);
  return (itemOf, first, n, target) => {
    let count = 0;
    for (let row = 0; row < n; row++) {
      const item = itemOf[first + row]!;
      const place = item % kept;
      if (keptItems[place] === item) {
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
      const place = item % kept;
      keptItems[place] = item;
      for (let cell = 0; cell < width; cell++) {
        const value = products[each * width + cell]!;
        target[row * width + cell] = value;
        rows[place * width + cell] = value;
      }
    }
  };
}
