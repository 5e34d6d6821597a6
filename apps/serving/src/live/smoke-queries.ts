import type { Bundle } from '@facet/bundles';
import { AppError } from '@facet/platform';
import type { SearchResult } from '@facet/retrieval';

/** Golden users whose interests are searched. */
const usersMax = 4;
const depthMax = 50;
/**
 * Share of the exact nearest items below which an index is not what it was built as. Far below what an index is tuned to: of few
 * queries the share varies, and this is about graphs and clusters that are damaged or belong to other vectors.
 */
const recallMin = 0.5;
/** Of scores, relative: an index may hold its vectors in fewer bits. */
const scoreTolerance = 0.02;

/**
 * Asks a bundle that has been loaded for the interests of its golden users: what it answers must make sense, and be about what
 * an exact scan answers.
 *
 * @throws AppError `BUNDLE_ANSWERS_WRONG` that says what does not make sense.
 */
export async function checkAnswers(bundle: Bundle): Promise<void> {
  const { golden, index, info, id } = bundle;
  const queries = golden
    .slice(0, usersMax)
    .flatMap(({ interests }) => interests)
    .filter((interest) => interest.some((value) => value !== 0));
  if (queries.length === 0 || index.size === 0) return;
  const k = Math.min(depthMax, index.size);
  const { efSearch, nprobe } = info.index;
  const parameters = { ...(efSearch === undefined ? {} : { efSearch }), ...(nprobe === undefined ? {} : { nprobe }) };
  const flat = Float32Array.from(queries.flat());
  const found = await index.search(flat, k, parameters);
  const problem = problemOf(bundle, flat, found) ?? (await recallProblem(bundle, flat, found));
  if (problem === undefined) return;
  throw new AppError(`Bundle ${id} does not answer as it should: ${problem}.`, {
    code: 'BUNDLE_ANSWERS_WRONG',
    category: 'artifact',
    remedy: 'Rebuild it with facet index.',
    context: { bundleId: id },
  });
}

function problemOf({ index, vectors }: Bundle, queries: Float32Array, found: SearchResult): string | undefined {
  const { k, ids, scores } = found;
  const { dim } = index;
  for (let query = 0; query < ids.length / k; query++) {
    if (ids[query * k] === -1) return `the golden interest ${query} finds no item`;
    for (let place = query * k; place < (query + 1) * k && ids[place] !== -1; place++) {
      const [item, score] = [ids[place]!, scores[place]!];
      if (!(item >= 1 && item <= index.size)) return `item ${item} is found, of ${index.size}`;
      const exact = product(queries, query * dim, vectors, item * dim, dim);
      if (!(Math.abs(score - exact) <= scoreTolerance * Math.max(1, Math.abs(exact)))) {
        return `item ${item} scores ${score} in the index, ${exact} by its vector`;
      }
    }
  }
  return undefined;
}

async function recallProblem(
  { index }: Bundle,
  queries: Float32Array,
  found: SearchResult,
): Promise<string | undefined> {
  const { k } = found;
  const everything = Int32Array.from({ length: index.size }, (_, position) => position + 1);
  const exact = await index.scan(queries, k, everything);
  let hits = 0;
  for (let start = 0; start < exact.ids.length; start += k) {
    const nearest = new Set(exact.ids.subarray(start, start + k));
    for (const item of found.ids.subarray(start, start + k)) if (nearest.has(item)) hits++;
  }
  const recall = hits / exact.ids.length;
  return recall >= recallMin ? undefined : `the index finds ${(100 * recall).toFixed(0)} % of the nearest ${k} items`;
}

function product(a: Float32Array, atA: number, b: Float32Array, atB: number, dim: number): number {
  let sum = 0;
  for (let d = 0; d < dim; d++) sum += a[atA + d]! * b[atB + d]!;
  return sum;
}
