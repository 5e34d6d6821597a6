import type { SearchParameters, SearchResult, VectorIndex } from '../indexes/vector-index.ts';
import { resultRecall } from './index-recall.ts';
import { latencyOf, timeRequests } from './time-requests.ts';
import type { Latency } from './time-requests.ts';

/** Queries with their exact k nearest items. */
export interface QueriesWithResults {
  /** `[Q, D]`, at least one. */
  readonly queries: Float32Array;
  /** `[Q, k]` */
  readonly results: SearchResult;
}

/** Recall and latency of a search with one breadth (efSearch of a graph, nprobe of clusters). */
export interface BreadthPoint extends Latency {
  readonly breadth: number;
  /** Index recall@k on the tuning queries. */
  readonly recall: number;
}

export interface TunedBreadth {
  /** All measured breadths, narrowest first. */
  readonly curve: BreadthPoint[];
  /** The narrowest sufficient breadth, with its recall on held-out queries; absent if no breadth suffices. */
  readonly chosen?: BreadthPoint & { readonly heldOutRecall: number };
}

interface TuneOptions {
  readonly recallMin: number;
  /** Median latency at which tuning stops, because a wider search would be useless. */
  readonly latencyMsMax: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
  readonly onPoint?: (point: BreadthPoint) => void;
}

/** Multiples of k. A graph keeps at least k candidates; beyond ten times as many it is as slow as a scan. */
const graphSteps = [1, 1.5, 2, 3, 4, 6, 8, 12, 16];

/** Ratio of two breadths at which the bisection stops. */
const bisectionRatio = 1.1;

/**
 * Finds the narrowest search that reaches `recallMin`: widens it step by step, then bisects the last step. The `tuning`
 * queries select the breadth. The reported recall is that of the `heldOut` queries; the search is widened further while
 * they fall short.
 */
export async function tuneBreadth(
  index: VectorIndex,
  { tuning, heldOut }: { readonly tuning: QueriesWithResults; readonly heldOut: QueriesWithResults },
  { recallMin, latencyMsMax, now, onPoint = () => undefined }: TuneOptions,
): Promise<TunedBreadth> {
  const { k } = tuning.results;
  const points = new Map<number, BreadthPoint>();
  const measure = async (breadth: number): Promise<BreadthPoint> => {
    const parameters = breadthParameters(index, breadth);
    const { results, durationsMs } = await timeRequests(index, tuning.queries, { k, parameters, now });
    const point = { breadth, recall: resultRecall(tuning.results, results), ...latencyOf(durationsMs) };
    points.set(breadth, point);
    onPoint(point);
    return point;
  };
  const heldOutRecall = async (breadth: number): Promise<number> => {
    const parameters = breadthParameters(index, breadth);
    const { results } = await timeRequests(index, heldOut.queries, { k, parameters, now });
    return resultRecall(heldOut.results, results);
  };
  const curve = (): BreadthPoint[] => [...points.values()].sort((a, b) => a.breadth - b.breadth);

  const grid = breadthsToTry(index, k);
  let tooNarrow = 0;
  let chosen: BreadthPoint | undefined;
  for (const breadth of grid) {
    const point = await measure(breadth);
    if (point.recall >= recallMin) chosen = point;
    if (chosen !== undefined || point.p50Ms >= latencyMsMax) break;
    tooNarrow = breadth;
  }
  while (
    chosen !== undefined &&
    tooNarrow > 0 &&
    chosen.breadth > Math.max(tooNarrow + 1, tooNarrow * bisectionRatio)
  ) {
    const point = await measure(Math.round((tooNarrow + chosen.breadth) / 2));
    if (point.recall >= recallMin) chosen = point;
    else tooNarrow = point.breadth;
  }
  while (chosen !== undefined) {
    const recall = await heldOutRecall(chosen.breadth);
    if (recall >= recallMin) return { curve: curve(), chosen: { ...chosen, heldOutRecall: recall } };
    const wider: number = Math.min(grid.at(-1)!, Math.ceil(chosen.breadth * bisectionRatio));
    chosen = wider > chosen.breadth ? await measure(wider) : undefined;
  }
  return { curve: curve() };
}

/** Returns the parameter that sets the breadth for this kind of index. */
export function breadthParameters({ kind }: VectorIndex, breadth: number): SearchParameters {
  return kind === 'ivf' ? { nprobe: breadth } : { efSearch: breadth };
}

/** Returns the breadths to try, up to all items. */
function breadthsToTry({ kind, size }: VectorIndex, k: number): number[] {
  const steps =
    kind === 'ivf'
      ? Array.from({ length: Math.ceil(Math.log2(size)) + 1 }, (_, step) => 2 ** step)
      : graphSteps.map((step) => Math.round(step * k));
  return [...new Set(steps.map((step) => Math.min(step, size)))];
}
