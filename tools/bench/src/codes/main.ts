import { json, logProgress, option, readCommandLine } from '@facet/local-services';
import { alignColumns } from '@facet/platform';
import { buildExactIndex, syntheticVectors } from '@facet/retrieval';
import { memoryMb } from '../figures.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- codes',
  summary: 'Measure the recall of a search over codes of 8 bits or 1 bit per dimension',
  options: {
    items: option.count('Number of items', 1_000_000),
    queries: option.count('Number of queries', 200),
    json,
  },
  notes: `A code stores each dimension of an item vector in 8 bits or 1 bit. The benchmark sorts all items by the scores of their codes. It
prints the share of the 200 nearest items that are among the first R items. That share is the recall of a search that rescores R
items with the full vectors. The query vector is not encoded. The seeded vectors vary in 24 dimensions, plus noise.

Exit code: 0 when the measurement is complete, 2 for invalid options.`,
});
const { items, queries: queryCount } = values;
const dim = 64;
const nearest = 200;
if (items <= nearest) {
  console.error(`Set --items above ${nearest}.`);
  process.exit(2);
}
const rescored = [1, 2, 4, 8, 16, 32, 64, 128].map((times) => times * nearest);

logProgress(`${items.toLocaleString('en')} vectors`);
const vectors = syntheticVectors(items, dim, 1);
const queries = syntheticVectors(queryCount, dim, 2);
const exact = buildExactIndex(vectors, dim);
logProgress('codes');
const { bytes, minimum, step } = encodeBytes();
const bits = encodeBits();
const scores = new Float32Array(items);
const found = { 8: rescored.map(() => 0), 1: rescored.map(() => 0) };
for (let query = 0; query < queryCount; query++) {
  const vector = queries.subarray(query * dim, (query + 1) * dim);
  const { ids } = await exact.search(vector, nearest);
  const truth = ids.map((id) => id - 1);
  scoreBytes(vector);
  addFound(truth, found[8]);
  scoreBits(vector);
  addFound(truth, found[1]);
  logProgress(`query ${query + 1} of ${queryCount}`);
}
const recall = (counts: readonly number[]): number[] => counts.map((count) => count / (queryCount * nearest));
const result = {
  items,
  dim,
  queries: queryCount,
  peakMemoryMb: Math.round(memoryMb('VmHWM')),
  rescored,
  recall: { 8: recall(found[8]), 1: recall(found[1]) },
};
if (values.json) console.log(JSON.stringify(result));
else {
  console.log(`${items.toLocaleString('en')} items, ${dim} dimensions, ${queryCount} queries: recall@${nearest}`);
  const rows = rescored.map((count, position) => [
    String(count),
    ...[result.recall[8], result.recall[1]].map((recalls) => recalls[position]!.toFixed(4)),
  ]);
  console.log(alignColumns([['rescored', '8 bits', '1 bit'], ...rows], { right: [0, 1, 2] }).join('\n'));
}

/** Codes of 8 bits: equal steps between the least and the greatest value of each dimension. */
function encodeBytes(): { bytes: Uint8Array; minimum: Float32Array; step: Float32Array } {
  const least = vectors.slice(0, dim);
  const greatest = vectors.slice(0, dim);
  for (let cell = 0; cell < vectors.length; cell++) {
    const d = cell % dim;
    if (vectors[cell]! < least[d]!) least[d] = vectors[cell]!;
    if (vectors[cell]! > greatest[d]!) greatest[d] = vectors[cell]!;
  }
  const width = greatest.map((value, d) => (value - least[d]!) / 255);
  const codes = new Uint8Array(vectors.length);
  for (let cell = 0; cell < vectors.length; cell++) {
    const d = cell % dim;
    codes[cell] = Math.round((vectors[cell]! - least[d]!) / width[d]!);
  }
  return { bytes: codes, minimum: least, step: width };
}

/** Codes of 1 bit: the signs, eight per byte. */
function encodeBits(): Uint8Array {
  const codes = new Uint8Array(vectors.length / 8);
  for (let cell = 0; cell < vectors.length; cell++) {
    if (vectors[cell]! > 0) codes[Math.floor(cell / 8)]! |= 1 << (cell % 8);
  }
  return codes;
}

function scoreBytes(query: Float32Array): void {
  const scaled = query.map((value, d) => value * step[d]!);
  const constant = query.reduce((sum, value, d) => sum + value * minimum[d]!, 0);
  for (let item = 0, cell = 0; item < items; item++) {
    let sum = constant;
    for (let d = 0; d < dim; d++) sum += scaled[d]! * bytes[cell++]!;
    scores[item] = sum;
  }
}

/** Adds the query's coordinates with the signs of the item. A table has the sums of eight coordinates for each byte. */
function scoreBits(query: Float32Array): void {
  const byteCount = dim / 8;
  const sums = new Float32Array(byteCount * 256);
  for (let byte = 0; byte < byteCount; byte++) {
    for (let code = 0; code < 256; code++) {
      let sum = 0;
      for (let bit = 0; bit < 8; bit++) sum += (code & (1 << bit) ? 1 : -1) * query[byte * 8 + bit]!;
      sums[byte * 256 + code] = sum;
    }
  }
  for (let item = 0, cell = 0; item < items; item++) {
    let sum = 0;
    for (let byte = 0; byte < byteCount; byte++) sum += sums[byte * 256 + bits[cell++]!]!;
    scores[item] = sum;
  }
}

/** Adds the number of the nearest items whose place by the codes is at most R, for each R. Equal scores share the last place. */
function addFound(truth: Int32Array, counts: number[]): void {
  const sorted = Float32Array.from(truth, (item) => scores[item]!).sort();
  const atLeast = new Int32Array(nearest);
  for (let item = 0; item < items; item++) {
    const score = scores[item]!;
    if (score < sorted[0]!) continue;
    let [low, high] = [0, nearest];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]! <= score) low = middle + 1;
      else high = middle;
    }
    // The item is before or equal to the first `low` of the nearest items.
    atLeast[low - 1]!++;
  }
  let place = 0;
  for (let position = nearest - 1; position >= 0; position--) {
    place += atLeast[position]!;
    rescored.forEach((count, index) => {
      if (place <= count) counts[index]!++;
    });
  }
}
