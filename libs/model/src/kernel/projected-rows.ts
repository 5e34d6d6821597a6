import { multiplyByRows } from './rows.ts';

/** Rows that are kept: of a popular part of any catalog, in 4 MB with 64 values. */
const keptMax = 1 << 14;

/** Writes the D values of `source` from `start` on times the transpose of S [D, D] to `target` at `offset`. */
export type ProjectRow = (
  source: Float32Array,
  start: number,
  key: number,
  target: Float32Array,
  offset: number,
) => void;

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
  return (source, start, key, target, offset) => {
    const place = key % kept;
    const kept0 = place * D;
    if (keys[place] !== key) {
      keys[place] = key;
      multiplyByRows(rows.subarray(kept0, kept0 + D), source.subarray(start, start + D), 1, S, D, D);
    }
    for (let d = 0; d < D; d++) target[offset + d] = rows[kept0 + d]!;
  };
}
