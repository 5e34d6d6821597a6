import { AppError } from '@facet/platform';
import { buildFaissIndex, ivfItemsMin, setFaissThreads } from '../indexes/faiss.ts';
import type { BuiltVectorIndex, SearchParameters } from '../indexes/vector-index.ts';
import { latencyOf, timeRequests } from './time-requests.ts';
import type { Latency } from './time-requests.ts';
import { parametersOf, tuneBreadth } from './tune-breadth.ts';
import type { AnsweredQueries, BreadthPoint, TunedBreadth } from './tune-breadth.ts';

export type BuiltIndexKind = 'flat' | 'hnsw' | 'ivf';

/** What is wanted of an index. */
export interface IndexDemand {
  /** `auto`: whichever proves best. Another: this one, or an error. */
  readonly kind: 'auto' | BuiltIndexKind;
  /** With `auto`, a catalog of at most so many items is scanned, and nothing is measured. */
  readonly flatItemsMax: number;
  /** Share of the exact k nearest items that an approximate index must find. */
  readonly recallMin: number;
}

/** Interests of users, `[Q, D]` each; zero vectors, which are never searched, are not among them. */
export interface InterestQueries {
  /** The breadth of the search is chosen with these. */
  readonly tuning: Float32Array;
  /** The recall that is reported is measured with these: interests of other users. */
  readonly heldOut: Float32Array;
}

/** Which index was chosen, and what was measured on the way. JSON. */
export interface IndexChoice extends SearchParameters {
  readonly kind: BuiltIndexKind;
  /** Why this kind, with what was measured of the others. */
  readonly reason: string;
  /** Index recall@`recallAt` against an exact scan; null where there was no interest to measure it with. */
  readonly recall: number | null;
  readonly recallAt: number;
  /** Absent where nothing had to be measured. */
  readonly measured?: IndexMeasurement;
}

/** Latencies are those of four queries a request, on one thread. */
interface IndexMeasurement {
  /** Interests that the breadth was chosen with, and others that the recall was measured with. */
  readonly queries: { readonly tuning: number; readonly heldOut: number };
  /** What an exact scan of the same items takes for the same queries. */
  readonly exact: Latency;
  /** Recall and latency by breadth of the search; empty where every item is scanned. */
  readonly curve: BreadthPoint[];
  readonly buildSeconds: number;
}

/** @param share of the work that is done, 0 to 1: of the first kind that is tried, when others have to follow. */
export type IndexProgress = (share: number, step: string) => void;

export interface BuildTunedOptions extends IndexDemand {
  /** k of the recall: what a request retrieves; 200 by default. */
  readonly depth?: number;
  /** A clock in milliseconds. */
  readonly now?: () => number;
  readonly onProgress?: IndexProgress;
}

const depthDefault = 200;

/** Where the building of the kind that is tried begins and ends in the progress: before it the scan, after it the tuning. */
const buildShare = { from: 0.1, to: 0.9 };

/** In the order in which they are tried: a graph is searched faster. */
const approximateKinds = ['hnsw', 'ivf'] as const;

/**
 * Builds the index that serves these vectors best, and tunes its search. A small catalog is scanned. For others a graph,
 * then clusters, are built and tuned with interests of users until they find `recallMin` of what a scan finds. The first
 * that does, and is faster than the scan, is taken; else the scan.
 *
 * @param vectors `[N, D]` row by row, in the order of item indices; not kept.
 * @throws AppError `RETRIEVAL_VECTORS_INVALID`, `RETRIEVAL_QUERY_INVALID`; `INDEX_RECALL_TOO_LOW` when the kind that was
 *   asked for reaches `recallMin` at no breadth.
 */
export async function buildTunedIndex(
  vectors: Float32Array,
  dim: number,
  queries: InterestQueries,
  options: BuildTunedOptions,
): Promise<{ index: BuiltVectorIndex; choice: IndexChoice }> {
  const size = vectors.length / dim;
  const recallAt = Math.min(options.depth ?? depthDefault, size);
  const decided = decideUnmeasured(options, size, queries.tuning.length > 0);
  const { now = () => performance.now(), onProgress = () => undefined } = options;
  if (decided !== undefined) {
    return { index: await buildChosenIndex(vectors, dim, decided.kind, onProgress), choice: { ...decided, recallAt } };
  }
  const build = (kind: BuiltIndexKind) =>
    buildChosenIndex(vectors, dim, kind, (share, step) => {
      const { from, to } = kind === 'flat' ? { from: 0, to: buildShare.from } : buildShare;
      onProgress(from + (to - from) * share, step);
    });
  const { exact, ...answered } = await answerExactly(await build('flat'), queries, recallAt, now);
  const counts = { tuning: queries.tuning.length / dim, heldOut: queries.heldOut.length / dim };
  const isAuto = options.kind === 'auto';
  const findings = [`${count(size)} items (more than ${count(options.flatItemsMax)})`];
  for (const kind of options.kind === 'auto' ? approximateKinds : [options.kind]) {
    const startedAt = now();
    const index = await build(kind);
    const buildSeconds = Math.round(now() - startedAt) / 1000;
    const tuned = await tuneBreadth(index, answered, {
      recallMin: options.recallMin,
      giveUpAtMs: isAuto ? exact.p50Ms : Infinity,
      now,
      onPoint: (point) => onProgress(buildShare.to, describePoint(kind, point, recallAt)),
    });
    const { chosen, curve } = tuned;
    findings.push(describeTuned(kind, tuned, recallAt));
    if (chosen !== undefined && (!isAuto || chosen.p50Ms < exact.p50Ms)) {
      const reason = isAuto ? [...findings, describeScan(exact)].join('; ') : 'set by index.kind';
      const parameters = parametersOf(index, chosen.breadth);
      const measured = { queries: counts, exact, curve, buildSeconds };
      return { index, choice: { kind, reason, ...parameters, recall: chosen.heldOutRecall, recallAt, measured } };
    }
    index.close();
    if (!isAuto) throw recallTooLow(kind, tuned, recallAt, options.recallMin);
  }
  const startedAt = now();
  const index = await build('flat');
  const measured = { queries: counts, exact, curve: [], buildSeconds: Math.round(now() - startedAt) / 1000 };
  const reason = [...findings, `${describeScan(exact)} and finds all`].join('; ');
  return { index, choice: { kind: 'flat', reason, recall: 1, recallAt, measured } };
}

/**
 * Builds an index of a kind that was chosen before. The same vectors give the same bytes: the process is left with one
 * thread a call of Faiss, because with more a graph comes out differently each time.
 *
 * @throws AppError `RETRIEVAL_VECTORS_INVALID`.
 */
export async function buildChosenIndex(
  vectors: Float32Array,
  dim: number,
  kind: BuiltIndexKind,
  onProgress: IndexProgress = () => undefined,
): Promise<BuiltVectorIndex> {
  setFaissThreads(1);
  const size = vectors.length / dim;
  return buildFaissIndex(vectors, dim, { kind }, (rowsDone) => onProgress(rowsDone / size, `building ${kind}`));
}

/** The choice where there is nothing to measure: a kind and why, or undefined. */
function decideUnmeasured(
  { kind, flatItemsMax }: IndexDemand,
  size: number,
  hasQueries: boolean,
): Pick<IndexChoice, 'kind' | 'reason' | 'recall'> | undefined {
  if (kind === 'flat') return { kind, reason: 'set by index.kind', recall: 1 };
  if (kind === 'ivf' && size < ivfItemsMin) {
    return { kind: 'flat', reason: `${count(size)} items are too few for ivf: an exact scan`, recall: 1 };
  }
  if (kind === 'auto' && size <= flatItemsMax) {
    const reason = `${count(size)} items (at most ${count(flatItemsMax)}): an exact scan is fast enough`;
    return { kind: 'flat', reason, recall: 1 };
  }
  if (hasQueries) return undefined;
  return kind === 'auto'
    ? { kind: 'flat', reason: `${count(size)} items, but no interest of a user to tune another kind with`, recall: 1 }
    : { kind, reason: 'set by index.kind; not measured, as there is no interest of a user', recall: null };
}

/** The exact answers to both sets of queries, and how long they took. The index is closed. */
async function answerExactly(
  index: BuiltVectorIndex,
  { tuning, heldOut }: InterestQueries,
  k: number,
  now: () => number,
): Promise<{ tuning: AnsweredQueries; heldOut: AnsweredQueries; exact: Latency }> {
  try {
    const { answers, times } = await timeRequests(index, tuning, { k, now });
    const others = await timeRequests(index, heldOut, { k, now });
    return {
      tuning: { queries: tuning, answers },
      heldOut: { queries: heldOut, answers: others.answers },
      exact: latencyOf(times),
    };
  } finally {
    index.close();
  }
}

function recallTooLow(kind: BuiltIndexKind, { curve }: TunedBreadth, recallAt: number, recallMin: number): AppError {
  const { recall, breadth } = curve.at(-1)!;
  return new AppError(
    `The ${kind} index reaches an index recall@${recallAt} of ${recall.toFixed(4)} at its widest search ` +
      `(${breadth}), not ${recallMin}.`,
    {
      code: 'INDEX_RECALL_TOO_LOW',
      category: 'usage',
      remedy: 'Set index.kind to auto or flat, or lower index.recallMin.',
      context: { kind, recall, breadth },
    },
  );
}

/** `hnsw finds 0.981 of the nearest 200 at efSearch 260 in 3.4 ms`. */
function describePoint(kind: BuiltIndexKind, { breadth, recall, p50Ms }: BreadthPoint, recallAt: number): string {
  const parameter = kind === 'ivf' ? 'nprobe' : 'efSearch';
  return `${kind} finds ${recall.toFixed(3)} of the nearest ${recallAt} at ${parameter} ${breadth} in ${p50Ms} ms`;
}

function describeTuned(kind: BuiltIndexKind, { chosen, curve }: TunedBreadth, recallAt: number): string {
  const point = describePoint(kind, chosen ?? curve.at(-1)!, recallAt);
  return chosen === undefined ? `${point}, and no more at a worthwhile breadth` : point;
}

function describeScan({ p50Ms }: Latency): string {
  return `an exact scan takes ${p50Ms} ms`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
