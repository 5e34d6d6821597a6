import {
  bootstrapInterval,
  byMetric,
  mean,
  metricNames,
  metricsOf,
  metricTitle,
  pairedBootstrap,
  seedInterval,
} from '@facet/evaluation';
import type { BootstrapInterval, MetricName, MetricOf, PairedDifference, SeedInterval } from '@facet/evaluation';
import { countOf, formatCount } from '@facet/platform';
import { describeExcluded, hashJson, canTrainPrior, noPriorNote } from '@facet/stages';
import type { ExcludedEvents, InterestReport, Task } from '@facet/stages';
import type { BenchmarkData } from './benchmark-data.ts';
import type { ProtocolName } from './protocol.ts';
import { decodeUsers, versionsOf } from './run-benchmark.ts';
import type { BenchmarkRow, BenchmarkRun } from './run-benchmark.ts';
import type { System } from './system.ts';

type SelectionMetric = MetricOf<'selection'>;

type CutoffSummary = { readonly cutoff: number } & Readonly<Record<MetricName, SeedInterval>>;

interface TaskSummary {
  readonly users: number;
  /** Means over seeds with t intervals. */
  readonly cutoffs: readonly CutoffSummary[];
  /** 95 % bootstrap intervals over users of each user's mean over seeds, at the main cutoff. */
  readonly overUsers: Readonly<Record<SelectionMetric, BootstrapInterval>>;
  /** The same of the first system minus this one, paired by user; absent for the first system. */
  readonly behindFirst?: Readonly<Record<SelectionMetric, PairedDifference>>;
}

type InterestSummary = Omit<InterestReport, 'similarity'> & { readonly meanCosine: number };

/** Metrics on cold items, which have no interactions before the cut. */
interface ColdSummary {
  readonly users: number;
  readonly cutoffs: readonly {
    readonly cutoff: number;
    /** Cold items compete with all items. */
    readonly hitRate: SeedInterval;
    readonly ndcg: SeedInterval;
    /** Cold items compete only with each other. */
    readonly hitRateAmongCold: SeedInterval;
  }[];
}

/** The summary of all runs of one system. */
export interface SystemSummary {
  readonly name: string;
  readonly kind: System['kind'];
  readonly seeds: number;
  /** The distinct versions of Facet that measured the runs. */
  readonly versions: readonly string[];
  readonly settings: unknown;
  /** The settings chosen on validation for each seed. */
  readonly chosen: readonly unknown[];
  readonly validationScore?: SeedInterval | undefined;
  readonly tasks: Readonly<Partial<Record<Task, TaskSummary>>>;
  /** Metrics on cold items; absent for systems without side features. */
  readonly cold?: ColdSummary | undefined;
  readonly parameters: number;
  readonly tuningSeconds: number;
  readonly trainingSeconds: number;
  readonly evaluationSeconds: number;
  readonly interests?: InterestSummary | undefined;
}

export interface BenchmarkTable {
  readonly id: string;
  readonly data: {
    readonly id: string;
    readonly users: number;
    readonly items: number;
    readonly interactions: number;
    readonly excluded: ExcludedEvents;
    /** Sentences that describe the data to readers of the table. */
    readonly notes: readonly string[];
  };
  readonly protocol: ProtocolName;
  readonly rules: readonly string[];
  /** The tasks with test users. */
  readonly tasks: readonly Task[];
  readonly mainCutoff: number;
  /** The selection metric on validation. */
  readonly choice: string;
  readonly systems: readonly SystemSummary[];
  /** Runs that failed, which the means leave out. */
  readonly failed: readonly { readonly system: string; readonly seed: number; readonly message: string }[];
}

/**
 * Summarizes a run as one table.
 *
 * @param systems in the order of the table; a system without a row is left out
 */
export function summarize(
  { rows, failed }: BenchmarkRun,
  systems: readonly System[],
  benchmark: BenchmarkData,
): BenchmarkTable {
  const { id, data, protocol, excluded } = benchmark;
  const { metric, cutoff } = protocol.choice;
  // Data can contain no item that is new to a test user.
  const tasks = protocol.tasks.filter((task) => rows.some((row) => row.tasks[task]!.users > 0));
  const measured = systems
    .map((system) => ({ system, runs: rows.filter((row) => row.system === system.name) }))
    .filter(({ runs }) => runs.length > 0);
  return {
    id: hashJson({
      data: id,
      protocol: protocol.name,
      systems: systems.map(({ name, settings }) => ({ name, settings })),
    }),
    data: {
      id,
      users: data.sequences.userIds.length,
      items: data.items.length - 1,
      interactions: data.sequences.items.length,
      excluded,
      notes: describeData(benchmark),
    },
    protocol: protocol.name,
    rules: protocol.rules,
    tasks,
    mainCutoff: protocol.mainCutoff,
    choice: `${metricTitle(metric, cutoff)}${protocol.tasks.length > 1 ? ', mean over the tasks' : ''}`,
    systems: measured.map(({ system, runs }) => summarizeSystem(system, runs, { tasks, first: measured[0]!.runs })),
    failed: failed.map(({ system, seed, error }) => ({ system, seed, message: error.message })),
  };
}

function summarizeSystem(
  system: System,
  runs: readonly BenchmarkRow[],
  { tasks, first }: { readonly tasks: readonly Task[]; readonly first: readonly BenchmarkRow[] },
): SystemSummary {
  const meanOf = (of: (row: BenchmarkRow) => number): number => mean(runs.map(of));
  const validation = runs.flatMap(({ validationScore }) => validationScore ?? []);
  const reports = runs.flatMap(({ interests }) => interests ?? []);
  return {
    name: system.name,
    kind: system.kind,
    seeds: runs.length,
    versions: [...new Set(runs.flatMap(versionsOf))],
    settings: system.settings,
    chosen: runs.map(({ chosen }) => chosen),
    validationScore: validation.length === 0 ? undefined : seedInterval(validation),
    tasks: Object.fromEntries(tasks.map((task) => [task, summarizeTask(runs, task, first)])),
    cold: summarizeCold(runs),
    parameters: meanOf((row) => row.parameters),
    tuningSeconds: meanOf((row) => row.tuningSeconds),
    trainingSeconds: meanOf((row) => row.trainingSeconds),
    evaluationSeconds: meanOf((row) => row.evaluationSeconds),
    interests: reports.length === 0 ? undefined : summarizeInterests(reports),
  };
}

/** Returns the means over seeds. */
function summarizeInterests(reports: readonly InterestReport[]): InterestSummary {
  const meanOf = (of: (report: InterestReport) => number): number => mean(reports.map(of));
  // Validation can choose another K for each seed.
  const interestsMax = Math.max(...reports.map(({ labelShares }) => labelShares.length));
  return {
    meanInterests: meanOf((report) => report.meanInterests),
    meanCosine: meanOf((report) => report.similarity.meanCosine),
    effectiveInterests: meanOf((report) => report.effectiveInterests),
    labelShares: Array.from({ length: interestsMax }, (_, k) => meanOf((report) => report.labelShares[k] ?? 0)),
  };
}

function summarizeCold(runs: readonly BenchmarkRow[]): ColdSummary | undefined {
  const measured = runs.flatMap(({ cold }) => cold ?? []);
  const [first] = measured;
  if (first === undefined) return undefined;
  const over = (index: number, metric: MetricName): SeedInterval =>
    seedInterval(measured.map(({ cutoffs }) => cutoffs[index]![metric]));
  const cutoffs = first.cutoffs.map(({ cutoff }, index) => ({
    cutoff,
    hitRate: over(index, 'hitRate'),
    ndcg: over(index, 'ndcg'),
    hitRateAmongCold: seedInterval(measured.map(({ amongCold }) => amongCold[index]!.hitRate)),
  }));
  return { users: first.users, cutoffs };
}

const bootstrapSeed = 1;

function summarizeTask(runs: readonly BenchmarkRow[], task: Task, first: readonly BenchmarkRow[]): TaskSummary {
  const { users, cutoffs } = runs[0]!.tasks[task]!;
  const summaryOf = (index: number, name: MetricName): SeedInterval =>
    seedInterval(runs.map(({ tasks }) => tasks[task]!.cutoffs[index]![name]));
  const options = { seed: bootstrapSeed };
  return {
    users,
    cutoffs: cutoffs.map(({ cutoff }, index) => ({
      cutoff,
      ...byMetric(metricNames, (name) => summaryOf(index, name)),
    })),
    overUsers: byMetric(metricsOf('selection'), (metric) =>
      bootstrapInterval(meanOfUsers(runs, task, metric), options),
    ),
    ...(runs === first
      ? {}
      : {
          behindFirst: byMetric(metricsOf('selection'), (metric) =>
            pairedBootstrap(meanOfUsers(first, task, metric), meanOfUsers(runs, task, metric), options),
          ),
        }),
  };
}

/** Returns the metric of each user, as the mean over the runs. */
function meanOfUsers(runs: readonly BenchmarkRow[], task: Task, metric: SelectionMetric): Float64Array {
  const values = runs.map(({ tasks }) => decodeUsers(tasks[task]!.perUser[metric]));
  return Float64Array.from(values[0]!, (_, user) => mean(values.map((run) => run[user]!)));
}

/** With fewer test users, the intervals over users are wider than most differences between systems. */
const testUsersMin = 50;

/** Returns sentences that describe the data to readers of the table, and warn about what makes the figures imprecise. */
export function describeData(benchmark: BenchmarkData): string[] {
  const { origin, positives, excluded, periodNotes = [] } = benchmark;
  return [
    origin,
    ...(positives === undefined ? [] : [`Positive events: ${positives} (interactions.positives).`]),
    ...describeExcluded(excluded),
    ...periodNotes,
    ...(benchmark.hasTimes && !canTrainPrior(benchmark.data, benchmark.protocol.validation) ? [noPriorNote] : []),
    ...warnOfFewUsers(benchmark),
    ...warnOfRandomOrder(benchmark),
  ];
}

function warnOfFewUsers({ protocol: { name, test } }: BenchmarkData): string[] {
  const { length } = test.users;
  if (length >= testUsersMin) return [];
  const remedy = name === 'leave-one-out' ? 'add data' : 'use --protocol leave-one-out, or add data';
  return [
    `Warning: the test has only ${countOf(length, 'user')}, so differences between systems can be chance. To test more users, ${remedy}.`,
  ];
}

function warnOfRandomOrder({ data: { sequences }, protocol, hasTimes }: BenchmarkData): string[] {
  const isByPosition = protocol.name === 'leave-one-out' || protocol.name === 'user-split';
  if (!hasTimes || !isByPosition) return [];
  const { offsets, times } = sequences;
  let longer = 0;
  let tied = 0;
  for (let user = 0; user + 1 < offsets.length; user++) {
    const end = offsets[user + 1]!;
    let position = offsets[user]! + 1;
    if (position < end) longer++;
    while (position < end && times[position] !== times[position - 1]) position++;
    if (position < end) tied++;
  }
  if (tied <= longer / 2) return [];
  return [
    `Warning: most users with several interactions (${formatCount(tied)} of ${formatCount(longer)}) have some at the same time. The order of these is random. Use --protocol time-split. If the times are only dates, a time of day also helps.`,
  ];
}
