import { openLakeSnapshot, streamOutcomes } from '@facet/lake';
import { dayMs, utcDay } from '@facet/platform';
import { periodOf } from '../experiments/experiment.ts';
import type { Experiment } from '../experiments/experiment.ts';
import { readExposures } from '../log/read-exposures.ts';
import { joinOutcomes } from './join-outcomes.ts';
import type { JoinedExperiment, JoinedUnits } from './join-outcomes.ts';
import type { ArmFigure, ArmOutcome, ExperimentDay, ExperimentReport } from './report-schema.ts';
import { compareRatios, estimateRatio, testSampleRatio } from './statistics.ts';

interface ReadReportOptions {
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
  const bounds = periodOf(experiment);
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

/** Computes the metrics of an experiment. Users seen in several arms appear only in the counts. */
export function reportExperiment(
  { name, arms }: Pick<Experiment, 'name' | 'arms'>,
  { units, counts, shadow }: JoinedExperiment,
  outcomes: readonly string[],
): ExperimentReport {
  const members = arms.map((_, arm) => Int32Array.from(unitsOf(units.arms, arm)));
  const derived = deriveColumns(units);
  const sampleRatio = testSampleRatio(
    members.map(({ length }) => length),
    arms.map(({ weight }) => weight),
  );
  const figure = (arm: number, numerators: Float64Array, denominators: Float64Array): ArmFigure => {
    const [estimate, control] = [arm, 0].map((index) => estimateRatio(numerators, denominators, members[index]!));
    const difference = arm === 0 ? undefined : compareRatios(estimate, control);
    return { estimate, difference };
  };
  const outcomeOf = (arm: number, outcome: number): ArmOutcome => ({
    outcome: outcomes[outcome]!,
    ofExposures: figure(arm, units.exposuresWith[outcome]!, units.exposures),
    perUser: figure(arm, derived.shares[outcome]!, derived.ones),
    ofUsers: figure(arm, derived.has[outcome]!, derived.ones),
    interests: interestsOf(arm, outcome),
  });
  const interestsOf = (arm: number, outcome: number): ArmOutcome['interests'] => {
    const chosen = units.chosen[outcome]!;
    const all = chosen.reduce((sum, column) => sum + total(column, members[arm]!), 0);
    return units.shown.flatMap((shown, slot) => {
      const itemsShown = total(shown, members[arm]!);
      if (itemsShown === 0) return [];
      const itemsChosen = total(chosen[slot]!, members[arm]!);
      return {
        interest: slot === 0 ? null : slot,
        itemsShown,
        itemsChosen,
        ofItems: figure(arm, chosen[slot]!, shown),
        shareOfChosen: all === 0 ? undefined : itemsChosen / all,
      };
    });
  };
  return {
    experiment: name,
    sampleRatio,
    arms: arms.map(({ name: armName }, arm) => ({
      arm: armName,
      users: members[arm]!.length,
      exposures: total(units.exposures, members[arm]!),
      items: total(units.items, members[arm]!),
      fallbacks: figure(arm, units.fallbacks, units.exposures),
      outcomes: outcomes.map((_, outcome) => outcomeOf(arm, outcome)),
    })),
    shadow,
    counts,
  };
}

/**
 * Returns the columns of per-user metrics: a 1 per user, and by outcome the share of the user's exposures and whether
 * there is one.
 */
function deriveColumns({ exposures, exposuresWith }: JoinedUnits) {
  return {
    ones: new Float64Array(exposures.length).fill(1),
    shares: exposuresWith.map((column) => column.map((count, unit) => count / exposures[unit]!)),
    has: exposuresWith.map((column) => column.map((count) => Math.min(1, count))),
  };
}

function unitsOf(arms: Int32Array, arm: number): number[] {
  return Array.from(arms.keys()).filter((unit) => arms[unit] === arm);
}

function total(column: Float64Array, units: Int32Array): number {
  return units.reduce((sum, unit) => sum + column[unit]!, 0);
}
