import { cpuTimeMs } from '../figures.ts';
/** Returns k labels for each of the queries `from` to `to`. */
export type Search = (from: number, to: number, efSearch: number) => Promise<Int32Array>;

/** Recall against an exact scan, and processor time per request, by efSearch. */
export type Curve = readonly { readonly ef: number; readonly recall: number; readonly cpuMs: number }[];

export interface CurveOptions {
  readonly efs: readonly number[];
  /** `[Q, k]` labels of an exact scan. */
  readonly truth: Int32Array;
  readonly k: number;
  readonly queriesPerRequest: number;
}

const passes = 3;

/** Measures recall and the minimum processor time of several passes, which reduces the effect of other load. */
export async function measureCurve(search: Search, { efs, truth, k, queriesPerRequest }: CurveOptions): Promise<Curve> {
  const queryCount = truth.length / k;
  const curve: { ef: number; recall: number; cpuMs: number }[] = [];
  for (const ef of efs) {
    let cpuMs = Infinity;
    let hits = 0;
    for (let pass = 0; pass < passes; pass++) {
      const labelsOfRequests: Int32Array[] = [];
      const startedAt = cpuTimeMs();
      for (let query = 0; query < queryCount; query += queriesPerRequest) {
        labelsOfRequests.push(await search(query, query + queriesPerRequest, ef));
      }
      cpuMs = Math.min(cpuMs, (cpuTimeMs() - startedAt) / labelsOfRequests.length);
      hits = pass > 0 ? hits : hitsOf(labelsOfRequests, truth, k, queriesPerRequest);
    }
    curve.push({ ef, recall: hits / truth.length, cpuMs });
  }
  return curve;
}

function hitsOf(
  labelsOfRequests: readonly Int32Array[],
  truth: Int32Array,
  k: number,
  queriesPerRequest: number,
): number {
  let hits = 0;
  labelsOfRequests.forEach((labels, request) => {
    for (let query = 0; query < queriesPerRequest; query++) {
      const start = (request * queriesPerRequest + query) * k;
      const expected = new Set(truth.subarray(start, start + k));
      for (const label of labels.subarray(query * k, (query + 1) * k)) if (expected.has(label)) hits++;
    }
  });
  return hits;
}

/** Interpolates the processor time at a recall. Returns undefined if no efSearch reaches it. */
export function cpuAtRecall(curve: Curve, recall: number): number | undefined {
  const above = curve.findIndex((point) => point.recall >= recall);
  if (above < 0) return undefined;
  const [before, after] = [curve[above - 1], curve[above]!];
  if (before === undefined) return after.cpuMs;
  return before.cpuMs + ((recall - before.recall) / (after.recall - before.recall)) * (after.cpuMs - before.cpuMs);
}
