import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PairedDifference } from '@facet/evaluation';
import { writeFileAtomically } from '@facet/platform';

/** One question that the gate asked about a candidate. */
export interface GateCheck {
  /** Stable: `ndcg@50 new`, `latency`. */
  readonly name: string;
  /** The candidate's figure. */
  readonly value: number;
  /** The incumbent's; `null` where there is none, or it plays no part. */
  readonly incumbent: number | null;
  /** What `value` must not exceed, or fall below. */
  readonly threshold: number;
  readonly passed: boolean;
  /** What was found, for people; of a failed check it is the reason. */
  readonly sentence: string;
  /** Candidate minus what it was compared with on the same users, where the check is about that. */
  readonly difference?: PairedDifference;
}

/** Whether a bundle may replace the current one, and why. */
export interface GateReport {
  readonly formatVersion: 1;
  readonly bundleId: string;
  /** What was current when it was asked; `null`: nothing. */
  readonly incumbentId: string | null;
  /** Why the incumbent could not be compared with; it was treated as none. */
  readonly incumbentProblem: string | null;
  readonly datasetId: string;
  /** Epoch milliseconds of the window that both were evaluated on, half-open, and the users of it who were asked. */
  readonly window: { readonly from: number; readonly before: number; readonly users: number };
  readonly verdict: 'pass' | 'reject';
  /** Sentences of the failed checks. */
  readonly reasons: readonly string[];
  /** What should be known when the figures are read. */
  readonly notes: readonly string[];
  readonly checks: readonly GateCheck[];
}

/** Keeps the newest report about a bundle, whatever the verdict. */
export async function saveGateReport(folder: string, report: GateReport): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileAtomically(pathOf(folder, report.bundleId), [`${JSON.stringify(report)}\n`]);
}

/** The newest report about a bundle, or undefined for one that never came to the gate. */
export async function readGateReport(folder: string, bundleId: string): Promise<GateReport | undefined> {
  try {
    return JSON.parse(await readFile(pathOf(folder, bundleId), 'utf8')) as GateReport;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function pathOf(folder: string, bundleId: string): string {
  return join(folder, `${bundleId}.json`);
}

/** A metric as the gate's sentences say it. */
export function figure(value: number): string {
  return value.toFixed(4);
}

export function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${figure(Math.abs(value))}`;
}

export function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}
