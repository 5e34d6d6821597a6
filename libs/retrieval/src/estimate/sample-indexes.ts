import { createRandom } from '@facet/features';
import { buildChosenIndex } from '../tuning/build-tuned-index.ts';
import type { BuiltIndexKind } from '../tuning/build-tuned-index.ts';
import { latencyOf, resultRecall, timeRequests, tuneBreadth } from '../tuning/tune-breadth.ts';
import type { Latency, QueriesWithResults } from '../tuning/tune-breadth.ts';
import type { SearchParameters, SearchResult, VectorIndex } from '../indexes/vector-index.ts';

/** Items per search. */
export const depth = 200;
const queryCount = 400;
const runsPerSearch = 3;

type Sampler = ReturnType<typeof createSampler>;
export type ApproximateSample = Awaited<ReturnType<Sampler['measureApproximate']>>;
export type ScanSample = Awaited<ReturnType<Sampler['measureScan']>>;

/** Returns functions that build, search and close indexes of `vectors`, and measure the CPU time. */
export function createSampler(
  { dim, interests, recallMin }: { readonly dim: number; readonly interests: number; readonly recallMin: number },
  vectors: Float32Array,
) {
  const queries = syntheticVectors(queryCount, dim, 2);
  const timed = { k: depth, now: usedProcessorMs, queriesPerRequest: interests };

  /** Builds an index, passes it to `use`, and closes it. */
  async function withIndex<Result>(
    kind: BuiltIndexKind,
    rows: Float32Array,
    use: (index: VectorIndex, buildMs: number) => Promise<Result>,
  ): Promise<Result> {
    const startedAt = usedProcessorMs();
    const index = await buildChosenIndex(rows, dim, kind);
    try {
      return await use(index, usedProcessorMs() - startedAt);
    } finally {
      index.close();
    }
  }

  /** Returns the fastest of several runs, because other processes evict the caches and power laws amplify errors. */
  async function search(
    index: VectorIndex,
    parameters: SearchParameters = {},
  ): Promise<{ results: SearchResult; latency: Latency }> {
    let fastest: { results: SearchResult; latency: Latency } | undefined;
    for (let run = 0; run < runsPerSearch; run++) {
      const { results, durationsMs } = await timeRequests(index, queries, { ...timed, parameters });
      const latency = latencyOf(durationsMs);
      if (fastest === undefined || latency.p50Ms < fastest.latency.p50Ms) fastest = { results, latency };
    }
    return fastest!;
  }

  /** Searches a graph with one breadth. `misses` is 1 - index recall. */
  async function searchGraph(index: VectorIndex, breadth: number, exact: QueriesWithResults) {
    const { results, latency } = await search(index, { efSearch: breadth });
    // Counts half a miss if there is none, because a power law has no zero.
    const misses = Math.max(0.5 / results.ids.length, 1 - resultRecall(exact.results, results));
    return { breadth, misses, latency };
  }

  return {
    /** Measures a graph, and clusters with the nprobe that reaches `recallMin`. */
    async measureApproximate(size: number) {
      const rows = vectors.subarray(0, size * dim);
      const exact = await withIndex('flat', rows, async (index) => ({
        queries,
        results: (await search(index)).results,
      }));
      const graph = await withIndex('hnsw', rows, async (index, buildMs) => ({
        buildMs,
        narrow: await searchGraph(index, depth, exact),
        wide: await searchGraph(index, 2 * depth, exact),
      }));
      const cluster = await withIndex('ivf', rows, async (index, buildMs) => {
        const tuning = { recallMin, latencyMsMax: Infinity, now: usedProcessorMs };
        const { chosen, curve } = await tuneBreadth(index, { tuning: exact, heldOut: exact }, tuning);
        const breadth = (chosen ?? curve.at(-1)!).breadth;
        const { latency } = await search(index, { nprobe: breadth });
        return { buildMs, breadth, latency };
      });
      return { size, graph, cluster };
    },

    /** Repeats the vectors, since the cost of a scan does not depend on their values. */
    async measureScan(size: number) {
      const rows = new Float32Array(size * dim);
      for (let offset = 0; offset < rows.length; offset += vectors.length) {
        rows.set(vectors.subarray(0, Math.min(vectors.length, rows.length - offset)), offset);
      }
      return withIndex('flat', rows, async (index, buildMs) => {
        const { latency } = await search(index);
        return { size, buildMs, latency };
      });
    },
  };
}

/** Returns the CPU time of this process in milliseconds, which excludes other work on the machine. */
function usedProcessorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Trained embeddings of 64 values have about this many effective dimensions. */
const latentDim = 24;
/** Standard deviation of the noise per value, relative to a signal of unit length. */
const noise = 0.02;

/**
 * Returns seeded vectors `[N, D]` that resemble trained embeddings, for measurements without a model: unit vectors of a
 * low-dimensional space, plus noise. Unlike random noise, they have a structure that an index can exploit. Different
 * seeds, as for items and interests, share the space.
 */
export function syntheticVectors(count: number, dim: number, seed: number): Float32Array {
  const spaceRandom = createRandom(24);
  const basis = Float32Array.from({ length: latentDim * dim }, () => spaceRandom.normal());
  const random = createRandom(seed);
  const vectors = new Float32Array(count * dim);
  const point = new Float64Array(dim);
  for (let row = 0; row < count; row++) {
    point.fill(0);
    for (let latent = 0; latent < latentDim; latent++) {
      const value = random.normal();
      for (let d = 0; d < dim; d++) point[d]! += value * basis[latent * dim + d]!;
    }
    let squares = 0;
    for (let d = 0; d < dim; d++) squares += point[d]! ** 2;
    const scale = 1 / Math.sqrt(squares);
    for (let d = 0; d < dim; d++) vectors[row * dim + d] = point[d]! * scale + noise * random.normal();
  }
  return vectors;
}
