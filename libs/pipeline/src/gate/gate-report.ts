import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PairedDifference } from '@facet/evaluation';
import { readTextIfExists, writeFileAtomically } from '@facet/platform';

/** One check of a candidate. */
export interface GateCheck {
  /** A stable name such as `ndcg@50 new` or `latency`. */
  readonly name: string;
  /** The value of the candidate. */
  readonly value: number;
  /** The value of the incumbent; `null` without an incumbent, or if the check does not use it. */
  readonly incumbent: number | null;
  /** The limit of `value`. */
  readonly threshold: number;
  readonly passed: boolean;
  /** The result for people. The sentence of a failed check is the reason of the rejection. */
  readonly sentence: string;
  /** The difference to the compared value on the same users, if the check compares. */
  readonly difference?: PairedDifference;
}

/** The verdict whether a bundle may replace the current one, with its reasons. */
export interface GateReport {
  readonly formatVersion: 1;
  readonly bundleId: string;
  /** The current bundle at the time of the check; `null` if there was none. */
  readonly incumbentId: string | null;
  /** Why the incumbent could not be loaded. The gate then works as without an incumbent. */
  readonly incumbentProblem: string | null;
  readonly datasetId: string;
  /** The evaluated window (epoch milliseconds, half-open) and the number of evaluated users. */
  readonly window: { readonly from: number; readonly before: number; readonly users: number };
  readonly verdict: 'pass' | 'reject';
  /** The sentences of the failed checks. */
  readonly reasons: readonly string[];
  /** Facts that help to interpret the checks. */
  readonly notes: readonly string[];
  readonly checks: readonly GateCheck[];
}

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
