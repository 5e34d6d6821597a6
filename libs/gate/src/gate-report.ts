import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfExists, writeFileAtomically } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** A difference of means with its interval. */
const Difference = Type.Object({
  mean: Type.Number(),
  low: Type.Number(),
  high: Type.Number(),
  /** The share of resamples in which the difference is above 0. */
  shareAboveZero: Type.Number(),
});

/** One check of a candidate. */
const GateCheck = Type.Object(
  {
    /** A stable name such as `ndcg@50 new` or `latency`. */
    name: Type.String(),
    value: Type.Number(),
    /** The value of the incumbent; `null` without an incumbent, or if the check does not use it. */
    incumbent: Type.Union([Type.Number(), Type.Null()]),
    threshold: Type.Number({ description: 'The limit of the value.' }),
    passed: Type.Boolean(),
    /** The result for people. The sentence of a failed check is the reason of the rejection. */
    sentence: Type.String(),
    /** The difference to the compared value on the same users, if the check compares. */
    difference: Type.Optional(Difference),
  },
  { title: 'GateCheck' },
);
export type GateCheck = Static<typeof GateCheck>;

/** The verdict whether a bundle may replace the current one, with its reasons. */
export const GateReport = Type.Object(
  {
    formatVersion: Type.Literal(1),
    bundleId: Type.String(),
    /** The current bundle at the time of the check; `null` if there was none. */
    incumbentId: Type.Union([Type.String(), Type.Null()]),
    /** Why the incumbent could not be loaded. The gate then works as without an incumbent. */
    incumbentProblem: Type.Union([Type.String(), Type.Null()]),
    datasetId: Type.String(),
    /** The evaluated window (epoch milliseconds, half-open) and the number of evaluated users. */
    window: Type.Object({ from: Type.Integer(), before: Type.Integer(), users: Type.Integer() }),
    verdict: Type.Union([Type.Literal('pass'), Type.Literal('reject')]),
    /** The sentences of the failed checks. */
    reasons: Type.Immutable(Type.Array(Type.String())),
    /** Facts that help to interpret the checks. */
    notes: Type.Immutable(Type.Array(Type.String())),
    checks: Type.Immutable(Type.Array(GateCheck)),
  },
  { title: 'GateReport', description: 'The verdict about a bundle, with its reasons.' },
);

export type GateReport = Static<typeof GateReport>;

/** Stores the newest report about a bundle. */
export async function saveGateReport(folder: string, report: GateReport): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileAtomically(pathOf(folder, report.bundleId), [`${JSON.stringify(report)}\n`]);
}

/** Returns the newest report about a bundle; undefined if the gate has not checked it. */
export async function readGateReport(folder: string, bundleId: string): Promise<GateReport | undefined> {
  const text = await readTextIfExists(pathOf(folder, bundleId));
  return text === undefined ? undefined : (JSON.parse(text) as GateReport);
}

function pathOf(folder: string, bundleId: string): string {
  return join(folder, `${bundleId}.json`);
}

/** Returns a check, whose sentence ends with `failed` unless it passed. */
export function judge({
  incumbent = null,
  found,
  failed,
  ...check
}: Omit<GateCheck, 'incumbent' | 'sentence'> & {
  readonly incumbent?: number | null | undefined;
  readonly found: string;
  readonly failed: string;
}): GateCheck {
  return { ...check, incumbent, sentence: `${found}${check.passed ? '' : failed}.` };
}

/** Formats a metric for the sentences of the gate. */
export function formatMetric(value: number): string {
  return value.toFixed(4);
}

/** Formats a difference of metrics with its sign. */
export function formatDifference(value: number): string {
  return `${value < 0 ? '−' : '+'}${formatMetric(Math.abs(value))}`;
}

export function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}
