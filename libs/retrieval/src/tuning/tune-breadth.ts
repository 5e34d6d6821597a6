import type { SearchParameters, SearchResult, VectorIndex } from '../indexes/vector-index.ts';
import { answeredRecall } from './index-recall.ts';
import { latencyOf, timeRequests } from './time-requests.ts';
import type { Latency } from './time-requests.ts';

/** Queries and their exact k nearest items. */
export interface AnsweredQueries {
  /** `[Q, D]`, at least one. */
  readonly queries: Float32Array;
  /** `[Q, k]` */
  readonly answers: SearchResult;
}

/** What a search of one breadth (efSearch of a graph, nprobe of clusters) finds, and how long it takes. */
export interface BreadthPoint extends Latency {
  readonly breadth: number;
  /** Index recall@k on the tuning queries. */
  readonly recall: number;
}

export interface TunedBreadth {
  /** Every breadth that was tried, the narrowest first. */
  readonly curve: BreadthPoint[];
  /** The narrowest breadth that suffices, with the recall on the queries that it was not chosen with; absent when none does. */
  readonly chosen?: BreadthPoint & { readonly heldOutRecall: number };
}

interface TuneOptions {
  readonly recallMin: number;
  /** A search that takes so long is not worth tuning any further. */
  readonly giveUpAtMs: number;
  /** A clock in milliseconds. */
  readonly now: () => number;
  readonly onPoint?: (point: BreadthPoint) => void;
}

/** A graph keeps at least k candidates, so breadths start there; ten times as many and more are as slow as a scan. */
const graphSteps = [1, 1.5, 2, 3, 4, 6, 8, 12, 16];

/** Two breadths that are closer than this are not worth telling apart. */
const refinement = 1.1;

/**
 * Finds the narrowest search that finds `recallMin` of what an exact scan finds: widens it step by step, then halves the
 * last step until it is fine enough. The breadth is chosen with the `tuning` queries. The recall that is reported is
 * that of the `heldOut` ones, and the search is widened further while they fall short.
 */
export async function tuneBreadth(
  index: VectorIndex,
  { tuning, heldOut }: { readonly tuning: AnsweredQueries; readonly heldOut: AnsweredQueries },
  { recallMin, giveUpAtMs, now, onPoint = () => undefined }: TuneOptions,
): Promise<TunedBreadth> {
  const { k } = tuning.answers;
  const points = new Map<number, BreadthPoint>();
  const measure = async (breadth: number): Promise<BreadthPoint> => {
    const parameters = parametersOf(index, breadth);
    const { answers, times } = await timeRequests(index, tuning.queries, { k, parameters, now });
    const point = { breadth, recall: answeredRecall(tuning.answers, answers), ...latencyOf(times) };
    points.set(breadth, point);
    onPoint(point);
    return point;
  };
  const heldOutRecall = async (breadth: number): Promise<number> => {
    const parameters = parametersOf(index, breadth);
    const { answers } = await timeRequests(index, heldOut.queries, { k, parameters, now });
    return answeredRecall(heldOut.answers, answers);
  };
  const curve = (): BreadthPoint[] => [...points.values()].sort((a, b) => a.breadth - b.breadth);

  const grid = gridOf(index, k);
  let tooNarrow = 0;
  let chosen: BreadthPoint | undefined;
  for (const breadth of grid) {
    const point = await measure(breadth);
    if (point.recall >= recallMin) chosen = point;
    if (chosen !== undefined || point.p50Ms >= giveUpAtMs) break;
    tooNarrow = breadth;
  }
  while (chosen !== undefined && tooNarrow > 0 && chosen.breadth > Math.max(tooNarrow + 1, tooNarrow * refinement)) {
    const point = await measure(Math.round((tooNarrow + chosen.breadth) / 2));
    if (point.recall >= recallMin) chosen = point;
    else tooNarrow = point.breadth;
  }
  while (chosen !== undefined) {
    const recall = await heldOutRecall(chosen.breadth);
    if (recall >= recallMin) return { curve: curve(), chosen: { ...chosen, heldOutRecall: recall } };
    const wider: number = Math.min(grid.at(-1)!, Math.ceil(chosen.breadth * refinement));
    chosen = wider > chosen.breadth ? await measure(wider) : undefined;
  }
  return { curve: curve() };
}

/** The parameter that widens the search of an index of this kind. */
export function parametersOf({ kind }: VectorIndex, breadth: number): SearchParameters {
  return kind === 'ivf' ? { nprobe: breadth } : { efSearch: breadth };
}

/** Breadths to try, up to all items. */
function gridOf({ kind, size }: VectorIndex, k: number): number[] {
  const steps =
    kind === 'ivf'
      ? Array.from({ length: Math.ceil(Math.log2(size)) + 1 }, (_, step) => 2 ** step)
      : graphSteps.map((step) => Math.round(step * k));
  return [...new Set(steps.map((step) => Math.min(step, size)))];
}
