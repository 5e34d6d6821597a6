import { isRunning } from '@facet/exposures';
import type { Experiment } from '@facet/exposures';
import { readExperimentDays, readExperimentReport } from '@facet/exposures/report';
import type { ExperimentDay, ReadReport } from '@facet/exposures/report';
import { createReportQueue } from '@facet/http';
import type { ReportQueue } from '@facet/http';
import { dayMs, hourMs } from '@facet/platform';

export interface ReportQuery {
  /** Window of the responses, half-open, epoch milliseconds; default: the window of the experiment. */
  readonly from?: number | undefined;
  readonly before?: number | undefined;
  readonly outcomes: readonly string[];
  readonly windowHours: number;
}

export interface ComputedReport extends ReadReport {
  readonly days: readonly ExperimentDay[];
  /** When the computation started, epoch milliseconds. */
  readonly computedAt: number;
}

/** The reports of experiments by name. */
export type ExperimentReports = ReportQueue<ExperimentQuery, ComputedReport>;

export interface ExperimentQuery extends ReportQuery {
  readonly experiment: Experiment;
}

export interface ReportDeps {
  readonly exposuresFolder: string;
  readonly lakeFolder: string;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

/** A day costs one query of the lake. */
const daysMax = 60;
const freshMs = 60_000;
const keptMax = 20;

/** Creates the queue of reports. Its reports throw as `readExperimentReport`. */
export function createExperimentReports({ now, ...folders }: ReportDeps): ExperimentReports {
  return createReportQueue(
    async ({ experiment, windowHours, ...window }: ExperimentQuery, signal: AbortSignal): Promise<ComputedReport> => {
      const computedAt = now();
      const options = { ...folders, ...window, windowMs: windowHours * hourMs, now: computedAt, signal };
      const read = await readExperimentReport(experiment, options);
      const before = Math.min(read.before ?? Infinity, computedAt);
      const from = Math.max(read.from ?? -Infinity, before - daysMax * dayMs);
      const days = await readExperimentDays(experiment, { ...options, from, before });
      return { ...read, days: withoutEmptyStart(days), computedAt };
    },
    { now, freshMs, keptMax },
  );
}

/** Returns `scheduled`, `running` or `ended`. */
export function stateOf(experiment: Experiment, now: number): 'scheduled' | 'running' | 'ended' {
  if (isRunning(experiment, now)) return 'running';
  return experiment.before <= now ? 'ended' : 'scheduled';
}

/** An experiment without a start has no responses before the first one that was recorded. */
function withoutEmptyStart(days: readonly ExperimentDay[]): readonly ExperimentDay[] {
  const first = days.findIndex(({ arms }) => arms.some(({ exposures }) => exposures > 0));
  return first === -1 ? [] : days.slice(first);
}
