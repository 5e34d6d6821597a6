import { clusteringWork } from '../indexes/faiss.ts';
import type { SearchParameters, SearchResult, VectorIndex } from '../indexes/vector-index.ts';
import { buildChosenIndex } from '../tuning/build-tuned-index.ts';
import type { BuiltIndexKind } from '../tuning/build-tuned-index.ts';
import { answeredRecall } from '../tuning/index-recall.ts';
import { latencyOf, timeRequests } from '../tuning/time-requests.ts';
import type { Latency } from '../tuning/time-requests.ts';
import { tuneBreadth } from '../tuning/tune-breadth.ts';
import type { AnsweredQueries } from '../tuning/tune-breadth.ts';
import { fitPowerLaw } from './power-law.ts';
import { syntheticVectors } from './synthetic-vectors.ts';

export interface EstimateOptions {
  readonly items: number;
  readonly dim: number;
  /** Interests of a user, searched in one request. */
  readonly interests: number;
  readonly recallMin: number;
  readonly flatItemsMax: number;
  /** Items of the largest index that is built to measure with; 50,000 by default, some seconds of work. */
  readonly calibrationItemsMax?: number;
  /** Items of the largest scan that is measured; 400,000 by default, as a scan slows down when it leaves the caches. */
  readonly scanItemsMax?: number;
  /** A clock in milliseconds. */
  readonly now?: () => number;
  /** Milliseconds of processor time that this process has used: other work on the machine does not count. */
  readonly processorTime?: () => number;
  /** @param share of the calibration that is done, 0 to 1. */
  readonly onProgress?: (share: number, step: string) => void;
}

/** What one kind of index would need. */
export interface KindEstimate {
  readonly kind: BuiltIndexKind;
  /** On one core, without measuring and tuning. */
  readonly buildSeconds: number;
  /** Most memory while it is built, beside the vectors. */
  readonly buildBytes: number;
  /** Of the file, and of the index in memory while it serves. */
  readonly bytes: number;
  /** efSearch or nprobe that finds enough. */
  readonly breadth?: number;
  /** Of a request: the interests of one user, 200 items each, on one thread that has a core to itself. */
  readonly latency: Latency;
}

export interface IndexesEstimate {
  readonly kinds: readonly KindEstimate[];
  /** What `index.kind: auto` would take. */
  readonly chosen: BuiltIndexKind;
  /** `certain`: by the number of items alone. `likely`: faster than the others by a factor of 2 or more. `open`: by less. */
  readonly certainty: 'certain' | 'likely' | 'open';
  readonly calibration: {
    /** Items of the indexes that were built for it. */
    readonly sizes: readonly number[];
    /** Items of the largest scan. */
    readonly scanned: number;
    readonly seconds: number;
  };
}

/** Of fewer, little can be told. */
const calibrationItemsMin = 4_000;
const queryCount = 400;
const depth = 200;
const runsPerSearch = 3;
/**
 * Bounds of how a cost grows with the number of items. A graph search looks at about log N items, which take longer as
 * caches miss: from 30,000 to 1,000,000 it grew as N ** .35, building as N ** 1.3. Clusters are scanned in part.
 */
const growth = {
  graphBuild: { min: 1, max: 1.4 },
  graphSearch: { min: 0.1, max: 0.4 },
  graphBreadth: { min: 0.3, max: 1 },
  clusterSearch: { min: 0.5, max: 1 },
} as const;
/** By so much the times of two kinds must differ to be told apart beforehand. */
const marginMin = 2;

/**
 * What indexes over so many items would need and how fast they would be, on this machine. Small ones of seeded vectors are
 * built, with a quarter, half and all of at most 50,000 items; what is measured of graphs and clusters is followed to the
 * wanted number along power laws, but for the build time of clusters, which grows as the distances that it computes. A scan
 * is measured on at most 400,000 items and grows as their number. Times are those of a core, memory is computed.
 *
 * The vectors are of 24 dimensions plus noise, as trained embeddings are: harder ones need a wider search.
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
    const { graph, cluster } = await sampler.approximate(size);
    graphs.push(graph);
    clusters.push(cluster);
  }
  const scanned = Math.min(scanItemsMax, Math.max(calibrationItemsMin, items));
  onProgress(3 / 4, `a scan of ${scanned.toLocaleString('en-US')} items`);
  const scan = await sampler.scan(scanned);
  onProgress(1, 'done');

  const kinds = [
    followScan(scan, items, dim),
    followGraphs(graphs, items, options),
    followClusters(clusters, items, dim),
  ] as const;
  const seconds = Math.round(now() - startedAt) / 1000;
  return { kinds, ...choose(kinds, options), calibration: { sizes, scanned, seconds } };
}

/** A search of a graph of some breadth. */
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
  /** nprobe that finds enough. */
  readonly breadth: number;
  readonly latency: Latency;
}

interface ScanSample {
  readonly size: number;
  readonly buildMs: number;
  readonly latency: Latency;
}

function createSampler(options: EstimateOptions, vectors: Float32Array, queries: Float32Array) {
  const { dim, interests, recallMin, processorTime = usedProcessorMs } = options;
  const timed = { k: depth, now: processorTime, queriesPerRequest: interests };

  /** Builds an index, hands it to `use`, and frees it. */
  async function withIndex<Result>(
    kind: BuiltIndexKind,
    rows: Float32Array,
    use: (index: VectorIndex, buildMs: number) => Promise<Result>,
  ): Promise<Result> {
    const startedAt = processorTime();
    const index = await buildChosenIndex(rows, dim, kind);
    try {
      return await use(index, processorTime() - startedAt);
    } finally {
      index.close();
    }
  }

  /** The quickest of some runs: other work empties the caches, and a power law makes much of a little. */
  async function search(
    index: VectorIndex,
    parameters: SearchParameters = {},
  ): Promise<{ answers: SearchResult; latency: Latency }> {
    let quickest: { answers: SearchResult; latency: Latency } | undefined;
    for (let run = 0; run < runsPerSearch; run++) {
      const { answers, times } = await timeRequests(index, queries, { ...timed, parameters });
      const latency = latencyOf(times);
      if (quickest === undefined || latency.p50Ms < quickest.latency.p50Ms) quickest = { answers, latency };
    }
    return quickest!;
  }

  async function searchGraph(index: VectorIndex, breadth: number, exact: AnsweredQueries): Promise<GraphSearch> {
    const { answers, latency } = await search(index, { efSearch: breadth });
    // Where nothing is missed, half a miss: a power law has no zero.
    const misses = Math.max(0.5 / answers.ids.length, 1 - answeredRecall(exact.answers, answers));
    return { breadth, misses, latency };
  }

  return {
    async approximate(size: number): Promise<{ graph: GraphSample; cluster: ClusterSample }> {
      const rows = vectors.subarray(0, size * dim);
      const exact = await withIndex('flat', rows, async (index) => ({
        queries,
        answers: (await search(index)).answers,
      }));
      const graph = await withIndex('hnsw', rows, async (index, buildMs) => ({
        size,
        buildMs,
        narrow: await searchGraph(index, depth, exact),
        wide: await searchGraph(index, 2 * depth, exact),
      }));
      const cluster = await withIndex('ivf', rows, async (index, buildMs) => {
        const tuning = { recallMin, giveUpAtMs: Infinity, now: processorTime };
        const { chosen, curve } = await tuneBreadth(index, { tuning: exact, heldOut: exact }, tuning);
        const breadth = (chosen ?? curve.at(-1)!).breadth;
        const { latency } = await search(index, { nprobe: breadth });
        return { size, buildMs, breadth, latency };
      });
      return { graph, cluster };
    },

    /** The vectors over and over: a scan takes no notice of what they are. */
    async scan(size: number): Promise<ScanSample> {
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

function followScan({ size, buildMs, latency }: ScanSample, items: number, dim: number): KindEstimate {
  const factor = items / size;
  return {
    kind: 'flat',
    buildSeconds: (buildMs * factor) / 1000,
    ...indexMemory('flat', items, dim),
    latency: scaled(latency, factor),
  };
}

function followGraphs(
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
  // More items, more misses; a wider search, fewer. The widening that takes the misses down to those that are allowed:
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

function followClusters(samples: readonly ClusterSample[], items: number, dim: number): KindEstimate {
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

/** The first approximate kind that is faster than the scan, as `buildTunedIndex` chooses. */
function choose(
  [flat, ...approximate]: readonly [KindEstimate, ...KindEstimate[]],
  { items, flatItemsMax }: Pick<EstimateOptions, 'items' | 'flatItemsMax'>,
): Pick<IndexesEstimate, 'chosen' | 'certainty'> {
  if (items <= flatItemsMax) return { chosen: 'flat', certainty: 'certain' };
  const margins = approximate.map(({ kind, latency }) => ({ kind, margin: flat.latency.p50Ms / latency.p50Ms }));
  const faster = margins.find(({ margin }) => margin > 1);
  const doubtful = margins.slice(0, faster === undefined ? margins.length : margins.indexOf(faster) + 1);
  const isClear = doubtful.every(({ margin }) => Math.max(margin, 1 / margin) >= marginMin);
  return { chosen: faster?.kind ?? 'flat', certainty: isClear ? 'likely' : 'open' };
}

function scaled({ p50Ms, p99Ms }: Latency, factor: number): Latency {
  return { p50Ms: p50Ms * factor, p99Ms: p99Ms * factor };
}

function usedProcessorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const bytesPerFloat = 4;
/** Of HNSW32: 64 links in the lowest layer, an item's share in those above, and its level, label and places. */
const graphBytesPerItem = 64 * 4 + (32 * 4) / 31 + 13;
/** A graph holds its vectors padded to so many values, and a code of one byte for each. */
const graphWidthMultiple = 16;
/** The id of an item in its list. */
const clusterBytesPerItem = 8;

/**
 * Most memory while an index is built, by that of the index: arrays grow by doubling, and for a moment there are an old
 * and a new one. Measured at 1,000,000 x 64 (docs/benchmarks.md).
 */
const buildGrowth = { flat: 1.3, hnsw: 1.45, ivf: 2.1 } as const;

/** Bytes of an index over `items` vectors of `dim` values: of its file and in memory, and at most while it is built. */
export function indexMemory(kind: BuiltIndexKind, items: number, dim: number): { bytes: number; buildBytes: number } {
  const perItem = {
    flat: dim * bytesPerFloat,
    hnsw: Math.ceil(dim / graphWidthMultiple) * graphWidthMultiple * (bytesPerFloat + 1) + graphBytesPerItem,
    ivf: (dim + 1) * bytesPerFloat + clusterBytesPerItem,
  }[kind];
  return { bytes: Math.round(items * perItem), buildBytes: Math.round(items * perItem * buildGrowth[kind]) };
}
