/** A matrix in compressed sparse row format: row r has the entries `start[r]` to `start[r + 1] - 1`. */
export interface SparseRows {
  readonly start: Int32Array;
  readonly columns: Int32Array;
  readonly values: Float64Array;
}

/** Returns the distinct (item, user) pairs as rows by item, each with its count, or 1 for `distinct`. */
export function countPairs(
  { users, items }: { readonly users: Int32Array; readonly items: Int32Array },
  catalogSize: number,
  counts: 'distinct' | 'repeated',
): SparseRows {
  const userCount = users.reduce((highest, user) => Math.max(highest, user + 1), 0);
  // Two counting sorts, by user and then by item, make equal pairs adjacent without a hash table of pairs.
  const byUser = countingSort(users, userCount, Int32Array.from(users.keys()));
  const byItemThenUser = countingSort(items, catalogSize + 1, byUser);
  const start = new Int32Array(catalogSize + 2);
  const columns = new Int32Array(items.length);
  const values = new Float64Array(items.length);
  let size = 0;
  let previousRow = -1;
  for (const row of byItemThenUser) {
    const isRepeat = previousRow >= 0 && items[previousRow] === items[row] && users[previousRow] === users[row];
    if (!isRepeat) {
      columns[size] = users[row]!;
      values[size++] = 1;
      start[items[row]! + 1]!++;
    } else if (counts === 'repeated') values[size - 1]!++;
    previousRow = row;
  }
  for (let item = 0; item <= catalogSize; item++) start[item + 1]! += start[item]!;
  return { start, columns: columns.slice(0, size), values: values.slice(0, size) };
}

export function transpose({ start, columns, values }: SparseRows, columnCount: number): SparseRows {
  const transposed = {
    start: new Int32Array(columnCount + 1),
    columns: new Int32Array(columns.length),
    values: new Float64Array(values.length),
  };
  for (const column of columns) transposed.start[column + 1]!++;
  for (let column = 0; column < columnCount; column++) transposed.start[column + 1]! += transposed.start[column]!;
  const next = transposed.start.slice();
  for (let row = 0; row + 1 < start.length; row++) {
    for (let entry = start[row]!; entry < start[row + 1]!; entry++) {
      const index = next[columns[entry]!]!++;
      transposed.columns[index] = row;
      transposed.values[index] = values[entry]!;
    }
  }
  return transposed;
}

/** Returns `rows` in the order of `keys[row]` (0 .. keyCount - 1). Stable. */
function countingSort(keys: Int32Array, keyCount: number, rows: Int32Array): Int32Array {
  const next = new Int32Array(keyCount + 1);
  for (const row of rows) next[keys[row]! + 1]!++;
  for (let key = 0; key < keyCount; key++) next[key + 1]! += next[key]!;
  const sorted = new Int32Array(rows.length);
  for (const row of rows) sorted[next[keys[row]!]!++] = row;
  return sorted;
}
