import { inverseFrequency, titleFeatureName } from './feature-schema.ts';
import { hashText } from './random.ts';
import { transpose } from './sparse-rows.ts';
import type { SparseRows } from './sparse-rows.ts';
import type { EncodedFeature } from './vocabulary.ts';

/** What describes items: side features, rows [items, slots], and titles by the same positions. */
export interface ItemContent {
  readonly features: readonly EncodedFeature[];
  readonly titleOf: (item: number) => string | undefined;
}

/** The most similar items, most similar first. */
export interface Neighbors {
  readonly items: Int32Array;
  /** In (0, 1]: the mean over the features of the cosine of TF-IDF vectors. */
  readonly similarities: Float32Array;
}

/** Finds items with similar content. */
export interface ContentIndex {
  nearest(content: ItemContent, item: number, count: number): Neighbors;
}

/** Title grams share this many numbers; two grams with one number count as one term. */
const gramHashCount = 1 << 18;
const gramLengths = [3, 4];

/** The terms of one feature of an item. */
type Terms = readonly number[];

/**
 * Indexes items by their content. A title counts with its character n-grams, which also match plurals and compounds; another feature
 * counts with its values. Every feature of an item has the same weight, whatever its number of terms.
 *
 * @param references Positions of the items to index.
 */
export function buildContentIndex(content: ItemContent, references: Int32Array): ContentIndex {
  const offsets = firstTermNumbers(content.features);
  const fieldsOf = Array.from(references, (item) => readTerms(content, item, offsets));
  const counts = new Float64Array(offsets.at(-1)!);
  for (const fields of fieldsOf) for (const terms of fields) for (const term of terms) counts[term]!++;
  const idf = counts.map((count) => inverseFrequency(count, references.length));
  const inverseLength = (terms: Terms): number => 1 / Math.sqrt(terms.reduce((sum, term) => sum + idf[term]! ** 2, 0));
  const { start, columns: rows, values: weights } = transpose(tfIdfTerms(fieldsOf, idf, inverseLength), idf.length);

  const scores = new Float64Array(references.length);
  return {
    nearest(other, item, count) {
      const fields = readTerms(other, item, offsets).filter((terms) => terms.length > 0);
      scores.fill(0);
      for (const terms of fields) {
        const scale = inverseLength(terms) / fields.length;
        for (const term of terms) {
          const weight = idf[term]! * scale;
          for (let entry = start[term]!; entry < start[term + 1]!; entry++) {
            scores[rows[entry]!]! += weight * weights[entry]!;
          }
        }
      }
      const found = highest(scores, count);
      return {
        items: found.map((index) => references[index]!),
        similarities: Float32Array.from(found, (index) => scores[index]!),
      };
    },
  };
}

/** Returns the terms of each item with their weights. Every feature is a unit vector. */
function tfIdfTerms(
  fieldsOf: readonly (readonly Terms[])[],
  idf: Float64Array,
  inverseLength: (terms: Terms) => number,
): SparseRows {
  const start = new Int32Array(fieldsOf.length + 1);
  const columns: number[] = [];
  const values: number[] = [];
  fieldsOf.forEach((fields, index) => {
    for (const terms of fields) {
      const scale = inverseLength(terms);
      for (const term of terms) {
        columns.push(term);
        values.push(Math.fround(idf[term]! * scale));
      }
    }
    start[index + 1] = columns.length;
  });
  return { start, columns: Int32Array.from(columns), values: Float64Array.from(values) };
}

/** Returns the first term number of each feature, and the number of all terms. The grams of titles come first. */
function firstTermNumbers(features: readonly EncodedFeature[]): number[] {
  const numbers = [gramHashCount];
  for (const { schema } of features) numbers.push(numbers.at(-1)! + schema.values.length + 1);
  return numbers;
}

/** Returns the distinct terms of each feature of an item. */
function readTerms({ features, titleOf }: ItemContent, item: number, offsets: readonly number[]): Terms[] {
  return features.map(({ schema, rows }, feature) => {
    if (schema.name === titleFeatureName) return gramsOf(titleOf(item) ?? '');
    const values = rows.subarray(item * schema.slots, (item + 1) * schema.slots).filter((row) => row > 0);
    return Array.from(values, (row) => offsets[feature]! + row);
  });
}

function gramsOf(title: string): number[] {
  const words = title.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  if (words.length === 0) return [];
  const text = ` ${words.join(' ')} `;
  const grams = new Set<number>();
  for (const length of gramLengths) {
    for (let from = 0; from + length <= text.length; from++) {
      grams.add(hashText(text.slice(from, from + length)) % gramHashCount);
    }
  }
  return [...grams];
}

/** Returns the indices of the `count` highest positive scores, equal scores by index. */
function highest(scores: Float64Array, count: number): Int32Array {
  const indices: number[] = [];
  let floor = 0;
  for (let index = 0; index < scores.length; index++) {
    const score = scores[index]!;
    // Negated, so that NaN is skipped too.
    if (!(score > floor)) continue;
    let rank = indices.length;
    while (rank > 0 && scores[indices[rank - 1]!]! < score) rank--;
    indices.splice(rank, 0, index);
    if (indices.length > count) indices.pop();
    if (indices.length === count) floor = scores[indices[count - 1]!]!;
  }
  return Int32Array.from(indices);
}
