import { formatCount } from '@facet/platform';
import { flatItemsMaxDefault } from '../tuning/build-tuned-index.ts';
import type { BuiltIndexKind } from '../tuning/build-tuned-index.ts';
import { clusteringWork } from '../indexes/faiss.ts';
import { createSampler, depth, syntheticVectors } from './sample-indexes.ts';
import type { ApproximateSample, ScanSample } from './sample-indexes.ts';
import type { Latency } from '../tuning/tune-breadth.ts';

/**
 * Fits a power law y = a·x^b to measured points by least squares of the logarithms, to extrapolate a cost. The curve
 * passes through the last point, so nearby predictions match the measurement. A single point gives a constant.
 *
 * @param points Positive x and y.
 * @param bounds Known limits of the exponent, which protect against noise in few points.
 */
export function fitPowerLaw(
  points: readonly (readonly [x: number, y: number])[],
  bounds: { readonly min: number; readonly max: number } = { min: -Infinity, max: Infinity },
): {
  readonly exponent: number;
  at(x: number): number;
} {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(logs.map(([x]) => x)), mean(logs.map(([, y]) => y))];
  const covariance = mean(logs.map(([x, y]) => (x - meanX) * (y - meanY)));
  const variance = mean(logs.map(([x]) => (x - meanX) ** 2));
  const exponent = variance === 0 ? 0 : Math.min(bounds.max, Math.max(bounds.min, covariance / variance));
  const [lastX, lastY] = points.at(-1)!;
  return { exponent, at: (x) => lastY * (x / lastX) ** exponent };
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

export interface EstimateOptions {
  readonly items: number;
  readonly dim: number;
  /** Interests per user, searched in one request. */
  readonly interests: number;
  readonly recallMin: number;
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
  const sampler = createSampler(options, syntheticVectors(most, dim, 1));
  const samples: ApproximateSample[] = [];
  for (const [done, size] of sizes.entries()) {
    onProgress(done / 4, `a graph and clusters of ${formatCount(size)} items`);
    samples.push(await sampler.measureApproximate(size));
  }
  const scanned = Math.min(scanItemsMax, Math.max(calibrationItemsMin, items));
  onProgress(3 / 4, `a scan of ${formatCount(scanned)} items`);
  const scan = await sampler.measureScan(scanned);
  onProgress(1, 'done');

  const kinds = [
    extrapolateScan(scan, items, dim),
    extrapolateGraphs(samples, items, options),
    extrapolateClusters(samples, items, dim),
  ] as const;
  const seconds = Math.round(now() - startedAt) / 1000;
  return { kinds, ...predictKind(kinds, options), calibration: { sizes, scanned, seconds } };
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
  samples: readonly ApproximateSample[],
  items: number,
  { dim, recallMin }: Pick<EstimateOptions, 'dim' | 'recallMin'>,
): KindEstimate {
  const { narrow, wide } = samples.at(-1)!.graph;
  const buildMs = fitPowerLaw(
    samples.map(({ size, graph }) => [size, graph.buildMs]),
    growth.graphBuild,
  );
  const p50Ms = fitPowerLaw(
    samples.map(({ size, graph }) => [size, graph.narrow.latency.p50Ms]),
    growth.graphSearch,
  );
  const misses = fitPowerLaw(samples.map(({ size, graph }) => [size, graph.narrow.misses]));
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

function extrapolateClusters(samples: readonly ApproximateSample[], items: number, dim: number): KindEstimate {
  const { size: largest, cluster } = samples.at(-1)!;
  const { buildMs, latency } = cluster;
  const p50Ms = fitPowerLaw(
    samples.map(({ size, cluster: { latency: measured } }) => [size, measured.p50Ms]),
    growth.clusterSearch,
  );
  return {
    kind: 'ivf',
    buildSeconds: ((buildMs / 1000) * clusteringWork(items)) / clusteringWork(largest),
    ...indexMemory('ivf', items, dim),
    breadth: Math.max(
      1,
      Math.round(fitPowerLaw(samples.map(({ size, cluster: { breadth } }) => [size, breadth])).at(items)),
    ),
    latency: scaled(latency, p50Ms.at(items) / latency.p50Ms),
  };
}

/** Returns the first approximate kind that is faster than the scan, like `buildTunedIndex`. */
function predictKind(
  [flat, ...approximate]: readonly [KindEstimate, ...KindEstimate[]],
  { items }: Pick<EstimateOptions, 'items'>,
): Pick<IndexesEstimate, 'chosen' | 'certainty'> {
  if (items <= flatItemsMaxDefault) return { chosen: 'flat', certainty: 'certain' };
  const margins = approximate.map(({ kind, latency }) => ({ kind, margin: flat.latency.p50Ms / latency.p50Ms }));
  const faster = margins.find(({ margin }) => margin > 1);
  const comparedKinds = margins.slice(0, faster === undefined ? margins.length : margins.indexOf(faster) + 1);
  const isDecisive = comparedKinds.every(({ margin }) => Math.max(margin, 1 / margin) >= marginMin);
  return { chosen: faster?.kind ?? 'flat', certainty: isDecisive ? 'likely' : 'open' };
}

function scaled({ p50Ms, p99Ms }: Latency, factor: number): Latency {
  return { p50Ms: p50Ms * factor, p99Ms: p99Ms * factor };
}
