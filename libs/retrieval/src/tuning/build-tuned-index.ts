import { AppError, formatCount } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { buildFaissIndex, ivfItemsMin, setFaissThreads } from '../indexes/faiss.ts';
import type { BuiltVectorIndex } from '../indexes/vector-index.ts';
import { breadthParameters, latencyOf, timeRequests, tuneBreadth } from './tune-breadth.ts';
import type { BreadthPoint, Latency, QueriesWithResults, TunedBreadth } from './tune-breadth.ts';

export type BuiltIndexKind = IndexChoice['kind'];

/** Requirements of an index. */
export interface IndexDemand {
  /** `auto` chooses the best kind. Any other kind is built, or the build fails. */
  readonly kind: 'auto' | BuiltIndexKind;
  /** Minimum index recall@k of an approximate index. */
  readonly recallMin: number;
}

/** Interests of users, `[Q, D]` each, without zero vectors. */
export interface InterestQueries {
  /** Used to select the breadth. */
  readonly tuning: Float32Array;
  /** Used to measure the reported recall: interests of other users. */
  readonly heldOut: Float32Array;
}

/** Latencies of requests with four queries, on one thread of the machine that built the index. */
const IndexMeasurement = Type.Object({
  /** Number of interests that selected the breadth, and of other interests that measured the recall. */
  queries: Type.Object({ tuning: Type.Integer(), heldOut: Type.Integer() }),
  /** Latency of an exact scan with the same queries. */
  exact: Type.Object({ p50Ms: Type.Number(), p99Ms: Type.Number() }),
  /** By breadth; empty for a scan. The recall is that of the tuning queries. */
  curve: Type.Array(
    Type.Object({ breadth: Type.Integer(), recall: Type.Number(), p50Ms: Type.Number(), p99Ms: Type.Number() }),
  ),
  buildSeconds: Type.Number(),
});

/** The chosen index and the measurements. */
export const IndexChoice = Type.Object({
  kind: Type.Union([Type.Literal('flat'), Type.Literal('hnsw'), Type.Literal('ivf')]),
  /** Why this kind was chosen, with the measurements of the others. */
  reason: Type.String(),
  efSearch: Type.Optional(Type.Integer({ minimum: 1 })),
  nprobe: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Index recall@`recallAt` against an exact scan; null without queries. */
  recall: Type.Union([Type.Number(), Type.Null()]),
  recallAt: Type.Integer(),
  /** Absent if nothing was measured. */
  measured: Type.Optional(IndexMeasurement),
});
export type IndexChoice = Static<typeof IndexChoice>;

/** @param share Completed share of the work, 0 to 1, if the first kind is accepted. */
export type IndexProgress = (share: number, step: string) => void;

export interface BuildTunedOptions extends IndexDemand {
  /** With `auto`, catalogs up to this size are scanned without measurements; 50,000 by default. */
  readonly flatItemsMax?: number;
  /** k of the recall, the number of items per request; 200 by default. */
  readonly depth?: number;
  /** Clock in milliseconds. */
  readonly now?: () => number;
  readonly onProgress?: IndexProgress;
}

const depthDefault = 200;

export const flatItemsMaxDefault = 50_000;

/** Progress at the start and end of the build. The scan comes before it, the tuning after it. */
const buildShare = { from: 0.1, to: 0.9 };

/** In the order of attempts: a graph is faster to search. */
const approximateKinds = ['hnsw', 'ivf'] as const;

/**
 * Builds the index that serves these vectors best, and tunes its search. A small catalog is scanned. For others a graph
 * and then clusters are built and tuned with interests of users until they reach `recallMin`. The first kind that
 * reaches it and is faster than the scan is chosen, else the scan.
 *
 * @param vectors `[N, D]` row by row, in the order of item indices; not retained.
 * @throws AppError `RETRIEVAL_VECTORS_INVALID`, `RETRIEVAL_QUERY_INVALID`; `INDEX_RECALL_TOO_LOW` if the requested kind
 *   does not reach `recallMin` at any breadth.
 */
export async function buildTunedIndex(
  vectors: Float32Array,
  dim: number,
  queries: InterestQueries,
  options: BuildTunedOptions,
): Promise<{ index: BuiltVectorIndex; choice: IndexChoice }> {
  const size = vectors.length / dim;
  const recallAt = Math.min(options.depth ?? depthDefault, size);
  const unmeasured = chooseWithoutMeasuring(options, size, queries.tuning.length > 0);
  const { now = () => performance.now(), onProgress = () => undefined, flatItemsMax = flatItemsMaxDefault } = options;
  if (unmeasured !== undefined) {
    return {
      index: await buildChosenIndex(vectors, dim, unmeasured.kind, onProgress),
      choice: { ...unmeasured, recallAt },
    };
  }
  const build = (kind: BuiltIndexKind) =>
    buildChosenIndex(vectors, dim, kind, (share, step) => {
      const { from, to } = kind === 'flat' ? { from: 0, to: buildShare.from } : buildShare;
      onProgress(from + (to - from) * share, step);
    });
  const { exact, ...expected } = await searchExactly(await build('flat'), queries, recallAt, now);
  const counts = { tuning: queries.tuning.length / dim, heldOut: queries.heldOut.length / dim };
  const isAuto = options.kind === 'auto';
  const findings = [`${formatCount(size)} items (more than ${formatCount(flatItemsMax)})`];
  for (const kind of options.kind === 'auto' ? approximateKinds : [options.kind]) {
    const startedAt = now();
    const index = await build(kind);
    const buildSeconds = Math.round(now() - startedAt) / 1000;
    const tuned = await tuneBreadth(index, expected, {
      recallMin: options.recallMin,
      latencyMsMax: isAuto ? exact.p50Ms : Infinity,
      now,
      onPoint: (point) => onProgress(buildShare.to, describePoint(kind, point, recallAt)),
    });
    const { chosen, curve } = tuned;
    findings.push(describeTuned(kind, tuned, recallAt));
    if (chosen !== undefined && (!isAuto || chosen.p50Ms < exact.p50Ms)) {
      const reason = isAuto ? [...findings, describeScan(exact)].join('; ') : 'set by index.kind';
      const parameters = breadthParameters(index, chosen.breadth);
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
 * Builds an index of a given kind. Equal vectors give equal bytes: sets Faiss to one thread per call for this process,
 * because graphs differ between builds with more.
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

/** Returns the choice if it needs no measurements, else undefined. */
function chooseWithoutMeasuring(
  { kind, flatItemsMax = flatItemsMaxDefault }: BuildTunedOptions,
  size: number,
  hasQueries: boolean,
): Pick<IndexChoice, 'kind' | 'reason' | 'recall'> | undefined {
  if (kind === 'flat') return { kind, reason: 'set by index.kind', recall: 1 };
  if (kind === 'ivf' && size < ivfItemsMin) {
    return {
      kind: 'flat',
      reason: `${formatCount(size)} items are too few for ivf, so it is an exact scan`,
      recall: 1,
    };
  }
  if (kind === 'auto' && size <= flatItemsMax) {
    const reason = `${formatCount(size)} items (at most ${formatCount(flatItemsMax)}): an exact scan is fast enough`;
    return { kind: 'flat', reason, recall: 1 };
  }
  if (hasQueries) return undefined;
  return kind === 'auto'
    ? { kind: 'flat', reason: `${formatCount(size)} items, but no user interests to tune another kind with`, recall: 1 }
    : { kind, reason: 'set by index.kind; not measured, because no user has interests', recall: null };
}

/** Returns the exact results and latencies for both sets of queries, and closes the index. */
async function searchExactly(
  index: BuiltVectorIndex,
  { tuning, heldOut }: InterestQueries,
  k: number,
  now: () => number,
): Promise<{ tuning: QueriesWithResults; heldOut: QueriesWithResults; exact: Latency }> {
  try {
    const { results, durationsMs } = await timeRequests(index, tuning, { k, now });
    const others = await timeRequests(index, heldOut, { k, now });
    return {
      tuning: { queries: tuning, results },
      heldOut: { queries: heldOut, results: others.results },
      exact: latencyOf(durationsMs),
    };
  } finally {
    index.close();
  }
}

function recallTooLow(kind: BuiltIndexKind, { curve }: TunedBreadth, recallAt: number, recallMin: number): AppError {
  const { recall, breadth } = curve.at(-1)!;
  return new AppError(
    `The ${kind} index reaches an index recall@${recallAt} of ${recall.toFixed(4)} at its widest search ` +
      `(${breadth}), but index.recallMin is ${recallMin}.`,
    {
      code: 'INDEX_RECALL_TOO_LOW',
      category: 'usage',
      remedy: 'Set index.kind to auto or flat, or lower index.recallMin.',
      context: { kind, recall, breadth },
    },
  );
}

/** Returns text such as `hnsw finds 0.981 of the nearest 200 at efSearch 260 in 3.4 ms`. */
function describePoint(kind: BuiltIndexKind, { breadth, recall, p50Ms }: BreadthPoint, recallAt: number): string {
  const parameter = kind === 'ivf' ? 'nprobe' : 'efSearch';
  return `${kind} finds ${recall.toFixed(3)} of the nearest ${recallAt} at ${parameter} ${breadth} in ${p50Ms} ms`;
}

function describeTuned(kind: BuiltIndexKind, { chosen, curve }: TunedBreadth, recallAt: number): string {
  const point = describePoint(kind, chosen ?? curve.at(-1)!, recallAt);
  return chosen === undefined ? `${point}, the most at any useful breadth` : point;
}

function describeScan({ p50Ms }: Latency): string {
  return `an exact scan takes ${p50Ms} ms`;
}
