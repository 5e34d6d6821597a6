import { multiplyByRows } from './rows.ts';

/** Values that are kept, 4 MB: with rows of 64 the 16 thousand that were asked for lately, a popular part of any catalog. */
const keptValuesMax = 1 << 20;

/** Writes the D values of `source` from `start` on times the transpose of the matrix to `target` at `offset`: `width` values. */
export type ProjectRow = (
  source: Float32Array,
  start: number,
  key: number,
  target: Float32Array,
  offset: number,
) => void;

/**
 * Rows through a matrix [width, D], a third of the work of the user tower. Those that were asked for lately are kept: users
 * choose the same items. What is kept changes nothing but the time.
 *
 * @param keyMax the highest key; a key stands for the same row as long as this lives
 */
export function createRowProjection(matrix: Float32Array, D: number, keyMax: number): ProjectRow {
  const width = matrix.length / D;
  const kept = Math.max(1, Math.min(Math.floor(keptValuesMax / width), keyMax + 1));
  const rows = new Float32Array(kept * width);
  const keys = new Int32Array(kept).fill(-1);
  return (source, start, key, target, offset) => {
    const place = key % kept;
    const row = place * width;
    if (keys[place] !== key) {
      keys[place] = key;
      multiplyByRows(rows, row, source, start, 1, matrix, 0, width, D);
    }
    for (let cell = 0; cell < width; cell++) target[offset + cell] = rows[row + cell]!;
  };
}
