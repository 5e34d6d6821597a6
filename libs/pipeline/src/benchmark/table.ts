import { bootstrapInterval, seedInterval } from '@facet/evaluation';
import type { BootstrapInterval, SeedInterval } from '@facet/evaluation';
import type { ExcludedEvents } from '../dataset/excluded-events.ts';
import type { InterestReport } from '../evaluation/interest-report.ts';
import type { Task } from '../evaluation/tasks.ts';
import { hashJson } from '../stage.ts';
import type { BenchmarkData } from './benchmark-data.ts';
import { describeData } from './describe-data.ts';
import { decodeUsers, versionsOf } from './run-benchmark.ts';
import type { BenchmarkRow, BenchmarkRun } from './run-benchmark.ts';
import type { ProtocolName } from './protocol.ts';
import type { System } from './system.ts';

const metricNames = ['recall', 'hitRate', 'ndcg', 'mrr', 'coverage'] as const;
export type MetricName = (typeof metricNames)[number];

export type CutoffSummary = { readonly cutoff: number } & Readonly<Record<MetricName, SeedInterval>>;

export interface TaskSummary {
  readonly users: number;
  /** Means over seeds with t intervals. */
  readonly cutoffs: readonly CutoffSummary[];
  /** 95 % bootstrap intervals over users of each user's mean over seeds, at the main cutoff. */
  readonly overUsers: Readonly<Record<'recall' | 'ndcg', BootstrapInterval>>;
}

export type InterestSummary = Omit<InterestReport, 'similarity'> & { readonly meanCosine: number };

/** Metrics on cold items, which have no interactions before the cut. */
export interface ColdSummary {
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
    choice: `${metric === 'ndcg' ? 'NDCG' : 'Recall'}@${cutoff}${protocol.tasks.length > 1 ? ', mean over the tasks' : ''}`,
    systems: systems.flatMap((system) => {
      const runs = rows.filter((row) => row.system === system.name);
      return runs.length === 0 ? [] : [summarizeSystem(system, runs, tasks)];
    }),
    failed: failed.map(({ system, seed, error }) => ({ system, seed, message: error.message })),
  };
}

function summarizeSystem(system: System, runs: readonly BenchmarkRow[], tasks: readonly Task[]): SystemSummary {
  const mean = (of: (row: BenchmarkRow) => number): number => seedInterval(runs.map(of)).mean;
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
    tasks: Object.fromEntries(tasks.map((task) => [task, summarizeTask(runs, task)])),
    cold: summarizeCold(runs),
    parameters: mean((row) => row.parameters),
    tuningSeconds: mean((row) => row.tuningSeconds),
    trainingSeconds: mean((row) => row.trainingSeconds),
    evaluationSeconds: mean((row) => row.evaluationSeconds),
    interests: reports.length === 0 ? undefined : summarizeInterests(reports),
  };
}

/** Returns the means over seeds. */
function summarizeInterests(reports: readonly InterestReport[]): InterestSummary {
  const mean = (of: (report: InterestReport) => number): number => seedInterval(reports.map(of)).mean;
  // Validation can choose another K for each seed.
  const interestsMax = Math.max(...reports.map(({ labelShares }) => labelShares.length));
  return {
    meanInterests: mean((report) => report.meanInterests),
    meanCosine: mean((report) => report.similarity.meanCosine),
    effectiveInterests: mean((report) => report.effectiveInterests),
    labelShares: Array.from({ length: interestsMax }, (_, k) => mean((report) => report.labelShares[k] ?? 0)),
  };
}

function summarizeCold(runs: readonly BenchmarkRow[]): ColdSummary | undefined {
  const measured = runs.flatMap(({ cold }) => cold ?? []);
  const [first] = measured;
  if (first === undefined) return undefined;
  const over = (place: number, metric: 'hitRate' | 'ndcg'): SeedInterval =>
    seedInterval(measured.map(({ cutoffs }) => cutoffs[place]![metric]));
  const cutoffs = first.cutoffs.map(({ cutoff }, place) => ({
    cutoff,
    hitRate: over(place, 'hitRate'),
    ndcg: over(place, 'ndcg'),
    hitRateAmongCold: seedInterval(measured.map(({ amongCold }) => amongCold[place]!.hitRate)),
  }));
  return { users: first.users, cutoffs };
}

const bootstrapSeed = 1;

function summarizeTask(runs: readonly BenchmarkRow[], task: Task): TaskSummary {
  const measured = runs.map((row) => row.tasks[task]!);
  const [first] = measured;
  const over = (metric: 'recall' | 'ndcg'): BootstrapInterval =>
    bootstrapInterval(meanOfUsers(measured.map(({ perUser }) => decodeUsers(perUser[metric]))), {
      seed: bootstrapSeed,
    });
  return {
    users: first!.users,
    cutoffs: first!.cutoffs.map(({ cutoff }, place) => ({
      cutoff,
      ...(Object.fromEntries(
        metricNames.map((name) => [name, seedInterval(measured.map(({ cutoffs }) => cutoffs[place]![name]))]),
      ) as Record<MetricName, SeedInterval>),
    })),
    overUsers: { recall: over('recall'), ndcg: over('ndcg') },
  };
}

function meanOfUsers(runs: readonly Float32Array[]): Float64Array {
  const means = new Float64Array(runs[0]!.length);
  for (const run of runs) for (let user = 0; user < means.length; user++) means[user]! += run[user]! / runs.length;
  return means;
}
