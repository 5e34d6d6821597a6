import { inverseFrequency, transpose } from '@facet/features';
import type { SparseRows } from '@facet/features';
import type { Scorer } from './scorers.ts';

export interface TfIdfOptions {
  /** Scores by the mean of this many of the user's newest behaviors. */
  readonly lastBehaviors: number;
}

/**
 * Returns a content-based scorer: the cosine of each item's terms with the mean of the user's newest behaviors. It knows items without
 * interactions as well as all others. Items without terms have the score 0.
 *
 * Term t of an item counts ln((1 + N) / (1 + n_t)) + 1, with n_t the items that contain t among N, and items have unit length
 * (`TfidfVectorizer` of scikit-learn with `sublinear_tf`, for terms that an item contains once).
 *
 * @param terms [N + 1] the distinct terms of each item, such as the words of its title; position 0 is padding.
 */
export function tfIdf(terms: readonly (readonly string[])[], { lastBehaviors }: TfIdfOptions): Scorer {
  const { byItem, termCount } = weighTerms(terms);
  const byTerm = transpose(byItem, termCount);
  const query = new Float64Array(termCount);
  return ({ history }) => {
    query.fill(0);
    for (const item of history.subarray(Math.max(0, history.length - lastBehaviors))) {
      for (let entry = byItem.start[item]!; entry < byItem.start[item + 1]!; entry++) {
        query[byItem.columns[entry]!]! += byItem.values[entry]!;
      }
    }
    const scores = new Float32Array(terms.length);
    query.forEach((weight, term) => {
      if (weight === 0) return;
      for (let entry = byTerm.start[term]!; entry < byTerm.start[term + 1]!; entry++) {
        scores[byTerm.columns[entry]!]! += weight * byTerm.values[entry]!;
      }
    });
    return scores;
  };
}

/** Returns the items as unit vectors of weighted terms. */
function weighTerms(terms: readonly (readonly string[])[]): { byItem: SparseRows; termCount: number } {
  const numbers = new Map<string, number>();
  const holders: number[] = [];
  const columns: number[] = [];
  const start = new Int32Array(terms.length + 1);
  terms.forEach((ofItem, item) => {
    for (const term of ofItem) {
      const number = numbers.get(term) ?? numbers.size;
      numbers.set(term, number);
      holders[number] = (holders[number] ?? 0) + 1;
      columns.push(number);
    }
    start[item + 1] = columns.length;
  });
  const itemCount = terms.length - 1;
  const values = Float64Array.from(columns, (term) => inverseFrequency(holders[term]!, itemCount));
  for (let item = 0; item < terms.length; item++) {
    const own = values.subarray(start[item], start[item + 1]);
    const norm = Math.hypot(...own);
    own.forEach((value, index) => (own[index] = value / norm));
  }
  return { byItem: { start, columns: Int32Array.from(columns), values }, termCount: numbers.size };
}
