import { openLakeSnapshot, streamOutcomes } from '@facet/lake';
import { dayMs, utcDay } from '@facet/platform';
import { boundsOf } from '../experiments/experiment.ts';
import type { Experiment } from '../experiments/experiment.ts';
import { readExposures } from '../log/read-exposures.ts';
import { reportExperiment } from './experiment-report.ts';
import type { ArmFigure, ExperimentReport } from './experiment-report.ts';
import { joinOutcomes } from './join-outcomes.ts';

export interface ReadReportOptions {
  readonly exposuresFolder: string;
  readonly lakeFolder: string;
  /** Window of the responses, half-open, epoch milliseconds; default: the window of the experiment. */
  readonly from?: number | undefined;
  readonly before?: number | undefined;
  /** Event types that count as outcomes. */
  readonly outcomes: readonly string[];
  /** Time after a response in which its outcomes count. */
  readonly windowMs: number;
  /** The time in epoch milliseconds. */
  readonly now: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of responses read so far. */
  readonly onRead?: ((read: number) => void) | undefined;
}

export interface ReadReport {
  readonly report: ExperimentReport;
  /** The window that was read; undefined for no limit. */
  readonly from: number | undefined;
  readonly before: number | undefined;
  /** Responses read, and lines of the log that cannot be read. */
  readonly read: number;
  readonly damaged: number;
}

/**
 * Reads the exposure log and the outcomes in the lake, and compares the arms of an experiment.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`.
 */
export async function readExperimentReport(experiment: Experiment, options: ReadReportOptions): Promise<ReadReport> {
  const { exposuresFolder, lakeFolder, outcomes, windowMs, now, signal } = options;
  const bounds = boundsOf(experiment);
  const { from = bounds.from, before = bounds.before } = options;
  const erased = await openLakeSnapshot(lakeFolder);
  let damaged = 0;
  let read = 0;
  const readLog = () => {
    damaged = 0;
    read = 0;
    const range = { from, before: before ?? now };
    return readExposures(exposuresFolder, { ...range, erased, onDamaged: () => damaged++, signal });
  };
  const joined = await joinOutcomes(
    () => countChunks(readLog(), (count) => options.onRead?.((read += count))),
    streamOutcomes(lakeFolder, {
      types: outcomes,
      occurredFrom: from,
      occurredBefore: before === undefined ? undefined : before + windowMs,
    }),
    { experiment: experiment.name, arms: experiment.arms.map((arm) => arm.name), outcomes, windowMs, now },
  );
  return { report: reportExperiment(experiment, joined, outcomes), from, before, read, damaged };
}

/** The arms on one UTC day. */
export interface ExperimentDay {
  readonly day: string;
  /** The control first. */
  readonly arms: readonly {
    readonly arm: string;
    readonly users: number;
    readonly exposures: number;
    /** In the requested order. */
    readonly outcomes: readonly { readonly outcome: string; readonly ofExposures: ArmFigure }[];
  }[];
}

/**
 * Returns the report of each UTC day of the window, ascending. Reads one day at a time. A user counts as seen in several arms only
 * if that happened on one day.
 */
export async function readExperimentDays(
  experiment: Experiment,
  { from, before, ...options }: ReadReportOptions & { readonly from: number; readonly before: number },
): Promise<ExperimentDay[]> {
  const days: ExperimentDay[] = [];
  for (let start = from; start < before; start = startOfNextDay(start)) {
    options.signal?.throwIfAborted();
    const day = { from: start, before: Math.min(before, startOfNextDay(start)) };
    const { report } = await readExperimentReport(experiment, { ...options, ...day });
    const arms = report.arms.map(({ arm, users, exposures, outcomes }) => ({
      arm,
      users,
      exposures,
      outcomes: outcomes.map(({ outcome, ofExposures }) => ({ outcome, ofExposures })),
    }));
    days.push({ day: utcDay(start), arms });
  }
  return days;
}

function startOfNextDay(time: number): number {
  return (Math.floor(time / dayMs) + 1) * dayMs;
}

async function* countChunks<Value>(
  chunks: AsyncIterable<readonly Value[]>,
  onChunk: (count: number) => void,
): AsyncGenerator<readonly Value[]> {
  for await (const chunk of chunks) {
    onChunk(chunk.length);
    yield chunk;
  }
}
