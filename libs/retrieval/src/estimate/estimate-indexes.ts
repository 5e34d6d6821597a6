import { clusteringWork } from '../indexes/faiss.ts';
import type { SearchParameters, SearchResult, VectorIndex } from '../indexes/vector-index.ts';
import { buildChosenIndex } from '../tuning/build-tuned-index.ts';
import type { BuiltIndexKind } from '../tuning/build-tuned-index.ts';
import { resultRecall } from '../tuning/index-recall.ts';
import { latencyOf, timeRequests } from '../tuning/time-requests.ts';
import type { Latency } from '../tuning/time-requests.ts';
import { tuneBreadth } from '../tuning/tune-breadth.ts';
import type { QueriesWithResults } from '../tuning/tune-breadth.ts';
import { fitPowerLaw } from './power-law.ts';
import { syntheticVectors } from './synthetic-vectors.ts';

export interface EstimateOptions {
  readonly items: number;
  readonly dim: number;
  /** Interests per user, searched in one request. */
  readonly interests: number;
  readonly recallMin: number;
  readonly flatItemsMax: number;
  /** Maximum size of the measured indexes; 50,000 by default, which takes some seconds. */
  readonly calibrationItemsMax?: number;
  /** Maximum size of the measured scan; 400,000 by default, because a scan slows down when it exceeds the caches. */
  readonly scanItemsMax?: number;
  /** Clock in milliseconds. */
  readonly now?: () => number;
  /** @param share Completed share of the calibration, 0 to 1. */
  readonly onProgress?: (share: number, step: string) => void;
}

/** Estimate for one kind of index. */
export interface KindEstimate {
  readonly kind: BuiltIndexKind;
  /** On one core, without measuring and tuning. */
  readonly buildSeconds: number;
  /** Peak memory of the build, in addition to the vectors. */
  readonly buildBytes: number;
  /** Size of the file, and of the index in memory. */
  readonly bytes: number;
  /** efSearch or nprobe that reaches `recallMin`. */
  readonly breadth?: number;
  /** Per request: the interests of one user, 200 items each, on one dedicated core. */
  readonly latency: Latency;
}

export interface IndexesEstimate {
  readonly kinds: readonly KindEstimate[];
  /** The kind that `index.kind: auto` would probably choose. */
  readonly chosen: BuiltIndexKind;
  /**
   * `certain`: decided by the number of items. `likely`: latencies differ by a factor of 2 or more. `open`: they differ
   * by less.
   */
  readonly certainty: 'certain' | 'likely' | 'open';
  readonly calibration: {
    /** Sizes of the measured indexes. */
    readonly sizes: readonly number[];
    /** Size of the measured scan. */
    readonly scanned: number;
    readonly seconds: number;
  };
}

/** Smaller indexes do not predict larger ones. */
const calibrationItemsMin = 4_000;
const queryCount = 400;
const depth = 200;
const runsPerSearch = 3;
/**
 * Bounds of the growth exponents by number of items. A graph search visits about log N items, and slows down with cache
 * misses: from 30,000 to 1,000,000 items it grew as N^0.35, and building as N^1.3. Clusters are scanned in part.
 */
const growth = {
  graphBuild: { min: 1, max: 1.4 },
  graphSearch: { min: 0.1, max: 0.4 },
  graphBreadth: { min: 0.3, max: 1 },
  clusterSearch: { min: 0.5, max: 1 },
} as const;
/** Minimum ratio of two latencies to predict the faster kind. */
const marginMin = 2;

/**
 * Estimates the cost and latency of each index kind on this machine.
 *
 * Builds indexes of seeded vectors with a quarter, half and all of at most 50,000 items. Power laws extrapolate the
 * measurements of graphs and clusters; the build time of clusters grows with the number of distances. A scan is
 * measured on at most 400,000 items and grows linearly. Times are CPU times of one core; memory is computed.
 *
 * The vectors have 24 dimensions plus noise, like trained embeddings. Harder vectors need a wider search.
 */
export async function estimateIndexes(options: EstimateOptions): Promise<IndexesEstimate> {
  const { items, dim, now = () => performance.now(), onProgress = () => undefined } = options;
  const startedAt = now();
  const { calibrationItemsMax = 50_000, scanItemsMax = 400_000 } = options;
  const most = Math.min(calibrationItemsMax, Math.max(calibrationItemsMin, items));
  const sizes = [most / 4, most / 2, most].map(Math.floor);
  const vectors = syntheticVectors(most, dim, 1);
  const sampler = createSampler(options, vectors, syntheticVectors(queryCount, dim, 2));
  const graphs: GraphSample[] = [];
  const clusters: ClusterSample[] = [];
  for (const [done, size] of sizes.entries()) {
    onProgress(done / 4, `a graph and clusters of ${size.toLocaleString('en-US')} items`);
    const { graph, cluster } = await sampler.measureApproximate(size);
    graphs.push(graph);
    clusters.push(cluster);
  }
  const scanned = Math.min(scanItemsMax, Math.max(calibrationItemsMin, items));
  onProgress(3 / 4, `a scan of ${scanned.toLocaleString('en-US')} items`);
  const scan = await sampler.measureScan(scanned);
  onProgress(1, 'done');

  const kinds = [
    extrapolateScan(scan, items, dim),
    extrapolateGraphs(graphs, items, options),
    extrapolateClusters(clusters, items, dim),
  ] as const;
  const seconds = Math.round(now() - startedAt) / 1000;
  return { kinds, ...choose(kinds, options), calibration: { sizes, scanned, seconds } };
}

/** A graph search with one breadth. */
interface GraphSearch {
  readonly breadth: number;
  /** 1 - index recall. */
  readonly misses: number;
  readonly latency: Latency;
}

interface GraphSample {
  readonly size: number;
  readonly buildMs: number;
  readonly narrow: GraphSearch;
  readonly wide: GraphSearch;
}

interface ClusterSample {
  readonly size: number;
  readonly buildMs: number;
  /** nprobe that reaches `recallMin`. */
  readonly breadth: number;
  readonly latency: Latency;
}

interface ScanSample {
  readonly size: number;
  readonly buildMs: number;
  readonly latency: Latency;
}

function createSampler(options: EstimateOptions, vectors: Float32Array, queries: Float32Array) {
  const { dim, interests, recallMin } = options;
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

  async function searchGraph(index: VectorIndex, breadth: number, exact: QueriesWithResults): Promise<GraphSearch> {
    const { results, latency } = await search(index, { efSearch: breadth });
    // Counts half a miss if there is none, because a power law has no zero.
    const misses = Math.max(0.5 / results.ids.length, 1 - resultRecall(exact.results, results));
    return { breadth, misses, latency };
  }

  return {
    async measureApproximate(size: number): Promise<{ graph: GraphSample; cluster: ClusterSample }> {
      const rows = vectors.subarray(0, size * dim);
      const exact = await withIndex('flat', rows, async (index) => ({
        queries,
        results: (await search(index)).results,
      }));
      const graph = await withIndex('hnsw', rows, async (index, buildMs) => ({
        size,
        buildMs,
        narrow: await searchGraph(index, depth, exact),
        wide: await searchGraph(index, 2 * depth, exact),
      }));
      const cluster = await withIndex('ivf', rows, async (index, buildMs) => {
        const tuning = { recallMin, latencyMsMax: Infinity, now: usedProcessorMs };
        const { chosen, curve } = await tuneBreadth(index, { tuning: exact, heldOut: exact }, tuning);
        const breadth = (chosen ?? curve.at(-1)!).breadth;
        const { latency } = await search(index, { nprobe: breadth });
        return { size, buildMs, breadth, latency };
      });
      return { graph, cluster };
    },

    /** Repeats the vectors, since the cost of a scan does not depend on their values. */
    async measureScan(size: number): Promise<ScanSample> {
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

function extrapolateScan({ size, buildMs, latency }: ScanSample, items: number, dim: number): KindEstimate {
  const factor = items / size;
  return {
    kind: 'flat',
    buildSeconds: (buildMs * factor) / 1000,
    ...indexMemory('flat', items, dim),
    latency: scaled(latency, factor),
  };
}

function extrapolateGraphs(
  samples: readonly GraphSample[],
  items: number,
  { dim, recallMin }: Pick<EstimateOptions, 'dim' | 'recallMin'>,
): KindEstimate {
  const { narrow, wide } = samples.at(-1)!;
  const buildMs = fitPowerLaw(
    samples.map((sample) => [sample.size, sample.buildMs]),
    growth.graphBuild,
  );
  const p50Ms = fitPowerLaw(
    samples.map((sample) => [sample.size, sample.narrow.latency.p50Ms]),
    growth.graphSearch,
  );
  const misses = fitPowerLaw(samples.map((sample) => [sample.size, sample.narrow.misses]));
  const missesByBreadth = fitPowerLaw([wide, narrow].map(({ breadth, misses: missed }) => [breadth, missed]));
  const p50MsByBreadth = fitPowerLaw(
    [wide, narrow].map(({ breadth, latency }) => [breadth, latency.p50Ms]),
    growth.graphBreadth,
  );
  // Misses grow with the number of items and fall with the breadth. The widening reduces them to the allowed number.
  const excess = misses.at(items) / Math.max(1 - recallMin, Number.EPSILON);
  const widening = Math.max(1, excess ** (1 / Math.max(0.5, -missesByBreadth.exponent)));
  return {
    kind: 'hnsw',
    buildSeconds: buildMs.at(items) / 1000,
    ...indexMemory('hnsw', items, dim),
    breadth: Math.min(items, Math.round(depth * widening)),
    latency: scaled(narrow.latency, (p50Ms.at(items) / narrow.latency.p50Ms) * widening ** p50MsByBreadth.exponent),
  };
}

function extrapolateClusters(samples: readonly ClusterSample[], items: number, dim: number): KindEstimate {
  const { size: largest, buildMs, latency } = samples.at(-1)!;
  const p50Ms = fitPowerLaw(
    samples.map((sample) => [sample.size, sample.latency.p50Ms]),
    growth.clusterSearch,
  );
  return {
    kind: 'ivf',
    buildSeconds: ((buildMs / 1000) * clusteringWork(items)) / clusteringWork(largest),
    ...indexMemory('ivf', items, dim),
    breadth: Math.max(1, Math.round(fitPowerLaw(samples.map(({ size, breadth }) => [size, breadth])).at(items))),
    latency: scaled(latency, p50Ms.at(items) / latency.p50Ms),
  };
}

/** Returns the first approximate kind that is faster than the scan, like `buildTunedIndex`. */
function choose(
  [flat, ...approximate]: readonly [KindEstimate, ...KindEstimate[]],
  { items, flatItemsMax }: Pick<EstimateOptions, 'items' | 'flatItemsMax'>,
): Pick<IndexesEstimate, 'chosen' | 'certainty'> {
  if (items <= flatItemsMax) return { chosen: 'flat', certainty: 'certain' };
  const margins = approximate.map(({ kind, latency }) => ({ kind, margin: flat.latency.p50Ms / latency.p50Ms }));
  const faster = margins.find(({ margin }) => margin > 1);
  const comparedKinds = margins.slice(0, faster === undefined ? margins.length : margins.indexOf(faster) + 1);
  const isDecisive = comparedKinds.every(({ margin }) => Math.max(margin, 1 / margin) >= marginMin);
  return { chosen: faster?.kind ?? 'flat', certainty: isDecisive ? 'likely' : 'open' };
}

function scaled({ p50Ms, p99Ms }: Latency, factor: number): Latency {
  return { p50Ms: p50Ms * factor, p99Ms: p99Ms * factor };
}

/** Returns the CPU time of this process in milliseconds, which excludes other work on the machine. */
function usedProcessorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const bytesPerFloat = 4;
/** HNSW32: 64 links in the lowest layer, the item's share of upper layers, and its level, label and offsets. */
const graphBytesPerItem = 64 * 4 + (32 * 4) / 31 + 13;
/** A graph pads vectors to a multiple of this width, and adds a code of one byte per value. */
const graphWidthMultiple = 16;
/** Id of an item in its list. */
const clusterBytesPerItem = 8;

/**
 * Ratio of peak build memory to index size, because arrays grow by doubling and both copies exist for a moment.
 * Measured at 1,000,000 x 64 (docs/benchmarks.md).
 */
const buildGrowth = { flat: 1.3, hnsw: 1.45, ivf: 2.1 } as const;

/** Returns the size of an index of `items` vectors of `dim` values, and the peak memory of its build, in bytes. */
export function indexMemory(kind: BuiltIndexKind, items: number, dim: number): { bytes: number; buildBytes: number } {
  const perItem = {
    flat: dim * bytesPerFloat,
    hnsw: Math.ceil(dim / graphWidthMultiple) * graphWidthMultiple * (bytesPerFloat + 1) + graphBytesPerItem,
    ivf: (dim + 1) * bytesPerFloat + clusterBytesPerItem,
  }[kind];
  return { bytes: Math.round(items * perItem), buildBytes: Math.round(items * perItem * buildGrowth[kind]) };
}
