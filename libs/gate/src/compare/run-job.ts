import { getPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { GateSettings } from '@facet/config';
import { metricsOf } from '@facet/evaluation';
import { AppError, runChild } from '@facet/platform';
import type { ArmOverrides } from '@facet/recommendations';
import type { ServingSettings } from '@facet/recommendations/settings';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { GateReport } from '../gate-report.ts';

/** A bundle and the settings of its requests. */
export interface ComparedSide {
  readonly bundleId: string;
  readonly overrides: ArmOverrides;
}

export interface CompareOptions {
  readonly artifactsFolder: string;
  readonly before: ComparedSide;
  readonly after: ComparedSide;
  readonly settings: ServingSettings;
  /** Length of the compared lists. */
  readonly limit: number;
  readonly usersMax: number;
  readonly onProgress?: ((share: number) => void) | undefined;
}

const Interval = Type.Object(
  { mean: Type.Number(), low: Type.Number(), high: Type.Number() },
  {
    title: 'Interval',
    description: 'A mean over users with its 95 % bootstrap interval. A difference is after minus before.',
  },
);
const Pair = Type.Object({ before: Type.Integer(), after: Type.Integer() });
const MovedItems = Type.Array(
  Type.Object(
    { itemId: Type.String(), title: Type.Optional(Type.String()), users: Type.Integer() },
    { title: 'MovedItem' },
  ),
);

/** The comparison of two sides for a sample of users. */
export const SampleComparison = Type.Object(
  {
    window: Type.Object(
      { from: Type.Integer(), before: Type.Integer() },
      { description: 'The held-out window, epoch milliseconds. Lists are made at its start.' },
    ),
    users: Type.Array(
      Type.Object({
        userId: Type.String(),
        overlap: Type.Number({ description: 'The share of the longer list that is in both lists.' }),
        ndcgBefore: Type.Number(),
        ndcgAfter: Type.Number(),
      }),
    ),
    overlap: Interval,
    metrics: Type.Array(
      Type.Object({
        name: Type.Enum([...metricsOf('comparison')]),
        before: Interval,
        after: Interval,
        difference: Interval,
      }),
    ),
    distinctItems: { ...Pair, description: 'Distinct items in all lists.' },
    fallbacks: { ...Pair, description: 'Lists of popular items, for users without interests.' },
    gained: { ...MovedItems, description: 'Items that more lists contain after, by number of users.' },
    lost: { ...MovedItems, description: 'Items that lists contain only before, by number of users.' },
  },
  { title: 'SampleComparison' },
);

export type SampleComparison = Static<typeof SampleComparison>;

/** What a job computes: a comparison over a sample of users, or the verdict of the gate about a bundle. */
export type JobTask =
  | ({ readonly kind: 'compare' } & Omit<CompareOptions, 'onProgress'>)
  | {
      readonly kind: 'gate';
      readonly artifactsFolder: string;
      readonly gatesFolder: string;
      readonly bundleId: string;
      readonly incumbentId: string | undefined;
      readonly settings: GateSettings;
    };

export type JobResult<Kind extends JobTask['kind']> = Kind extends 'compare' ? SampleComparison : GateReport;

/**
 * Runs a task in a low-priority process with dedicated memory. A task that needs too much memory or crashes in native code does not end the
 * caller. The process ends with the caller.
 *
 * @param signal ends the process.
 * @throws AppError of the task; `JOB_CRASHED`; the signal's reason when aborted.
 */
export async function runJob<Task extends JobTask>(
  task: Task,
  { onProgress, signal }: { readonly onProgress: (share: number) => void; readonly signal: AbortSignal },
): Promise<JobResult<Task['kind']>> {
  return runChild(fileURLToPath(import.meta.resolve('@facet/gate/job-process')), task, {
    signal,
    onProgress,
    // Requests go first.
    niceness: Math.max(10, getPriority()),
    describeDeath: ({ cause, lastLine, stderr }) =>
      new AppError(`The process of the job ended with ${cause}${lastLine === '' ? '.' : `: ${lastLine}`}`, {
        code: 'JOB_CRASHED',
        category: 'crashed',
        context: { stderr },
      }),
  });
}
