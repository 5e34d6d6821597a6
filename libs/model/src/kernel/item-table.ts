/** E [N + M + 1, D] in two arrays: the items of a bundle, and those that came later, apart because the first is never copied. */
export interface ItemTable {
  readonly rowCount: number;
  /** The array that an item's row lies in, and where it begins. */
  arrayOf(item: number): Float32Array;
  offsetOf(item: number): number;
}

/** @param embeddings [N + 1, D] @param added [M, D] of items N + 1 .. N + M */
export function createItemTable(embeddings: Float32Array, added: Float32Array, D: number): ItemTable {
  const ownRows = embeddings.length / D;
  return {
    rowCount: ownRows + added.length / D,
    arrayOf: (item) => (item < ownRows ? embeddings : added),
    offsetOf: (item) => (item < ownRows ? item : item - ownRows) * D,
  };
}
