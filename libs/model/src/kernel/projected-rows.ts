import { multiplyByRows } from './rows.ts';

/** Rows that are kept: of a popular part of any catalog, in 4 MB with 64 values. */
const keptMax = 1 << 14;

/** Writes the row of a table [N, D] times the transpose of S [D, D] to `target` at `offset`. */
export type ProjectRow = (table: Float32Array, row: number, key: number, target: Float32Array, offset: number) => void;

/**
 * Rows through S, a third of the work of the user tower. Those that were asked for lately are kept: users choose the same
 * items. What is kept changes nothing but the time.
 *
 * @param keyMax the highest key; a key stands for the same row as long as this lives
 */
export function createRowProjection(S: Float32Array, D: number, keyMax: number): ProjectRow {
  const kept = Math.min(keptMax, keyMax + 1);
  const rows = new Float32Array(kept * D);
  const keys = new Int32Array(kept).fill(-1);
  return (table, row, key, target, offset) => {
    const place = key % kept;
    const start = place * D;
    if (keys[place] !== key) {
      keys[place] = key;
      multiplyByRows(rows.subarray(start, start + D), table.subarray(row * D, (row + 1) * D), 1, S, D, D);
    }
    for (let d = 0; d < D; d++) target[offset + d] = rows[start + d]!;
  };
}
