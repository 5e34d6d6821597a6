import { isRunning } from '@facet/exposures';
import type { Experiment } from '@facet/exposures';
import { readExperimentDays, readExperimentReport } from '@facet/exposures/report';
import type { ExperimentDay, ReadReport } from '@facet/exposures/report';
import { problemError } from '@facet/http';
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

/** Computes reports while the process does other work: one at a time. */
export interface ExperimentReports {
  /** Returns the report, at most a minute old. @throws AppError `OVERLOADED`; as `readExperimentReport`. */
  read(experiment: Experiment, query: ReportQuery): Promise<ComputedReport>;
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
const reportsMax = 20;
/** Reports that are computed or wait. */
const unfinishedMax = 5;

export function createExperimentReports({ now, ...folders }: ReportDeps): ExperimentReports {
  const reports = new Map<string, { readonly startedAt: number; readonly report: Promise<ComputedReport> }>();
  let last: Promise<unknown> = Promise.resolve();
  let unfinished = 0;

  async function compute(experiment: Experiment, query: ReportQuery): Promise<ComputedReport> {
    const { windowHours, ...window } = query;
    const computedAt = now();
    const options = { ...folders, ...window, windowMs: windowHours * hourMs, now: computedAt };
    const read = await readExperimentReport(experiment, options);
    const before = Math.min(read.before ?? Infinity, computedAt);
    const from = Math.max(read.from ?? -Infinity, before - daysMax * dayMs);
    const days = await readExperimentDays(experiment, { ...options, from, before });
    return { ...read, days: withoutEmptyStart(days), computedAt };
  }

  return {
    read(experiment, query) {
      const key = JSON.stringify([experiment.name, query]);
      const known = reports.get(key);
      if (known !== undefined && now() - known.startedAt < freshMs) return known.report;
      if (unfinished >= unfinishedMax) throw problemError('OVERLOADED', 'Too many reports are waiting.');
      unfinished++;
      const report = last.then(async () => compute(experiment, query)).finally(() => unfinished--);
      last = report.catch(() => reports.delete(key));
      reports.delete(key);
      reports.set(key, { startedAt: now(), report });
      const [oldest] = reports.keys();
      if (reports.size > reportsMax && oldest !== undefined) reports.delete(oldest);
      return report;
    },
  };
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
