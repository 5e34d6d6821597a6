/** Labels found for the queries `from` to `to`, k each, with candidates of that breadth. */
export type Search = (from: number, to: number, efSearch: number) => Promise<Int32Array>;

/** What a search finds of what a scan finds, and the processor time of a request, by breadth. */
export type Curve = readonly { readonly ef: number; readonly recall: number; readonly cpuMs: number }[];

export interface CurveOptions {
  readonly efs: readonly number[];
  /** `[Q, k]` labels of a scan. */
  readonly truth: Int32Array;
  readonly k: number;
  readonly queriesPerRequest: number;
}

const passes = 3;

/** The least of a few passes: on a machine that does other work as well, the others wait for the memory longer. */
export async function measureCurve(search: Search, { efs, truth, k, queriesPerRequest }: CurveOptions): Promise<Curve> {
  const queryCount = truth.length / k;
  const curve: { ef: number; recall: number; cpuMs: number }[] = [];
  for (const ef of efs) {
    let cpuMs = Infinity;
    let hits = 0;
    for (let pass = 0; pass < passes; pass++) {
      const answers: Int32Array[] = [];
      const startedAt = process.cpuUsage();
      for (let query = 0; query < queryCount; query += queriesPerRequest) {
        answers.push(await search(query, query + queriesPerRequest, ef));
      }
      const { user, system } = process.cpuUsage(startedAt);
      cpuMs = Math.min(cpuMs, (user + system) / 1000 / answers.length);
      hits = pass > 0 ? hits : hitsOf(answers, truth, k, queriesPerRequest);
    }
    curve.push({ ef, recall: hits / truth.length, cpuMs });
  }
  return curve;
}

function hitsOf(answers: readonly Int32Array[], truth: Int32Array, k: number, queriesPerRequest: number): number {
  let hits = 0;
  answers.forEach((labels, request) => {
    for (let query = 0; query < queriesPerRequest; query++) {
      const start = (request * queriesPerRequest + query) * k;
      const expected = new Set(truth.subarray(start, start + k));
      for (const label of labels.subarray(query * k, (query + 1) * k)) if (expected.has(label)) hits++;
    }
  });
  return hits;
}

/** Between the two breadths around that recall, in proportion; undefined where none reaches it. */
export function cpuAtRecall(curve: Curve, recall: number): number | undefined {
  const above = curve.findIndex((point) => point.recall >= recall);
  if (above < 0) return undefined;
  const [before, after] = [curve[above - 1], curve[above]!];
  if (before === undefined) return after.cpuMs;
  return before.cpuMs + ((recall - before.recall) / (after.recall - before.recall)) * (after.cpuMs - before.cpuMs);
}
