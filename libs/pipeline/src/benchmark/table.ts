import { bootstrapInterval, seedInterval } from '@facet/evaluation';
import type { BootstrapInterval, CutoffMetrics, SeedInterval } from '@facet/evaluation';
import type { Task } from '../evaluation/tasks.ts';
import { hashJson } from '../context/stage-cache.ts';
import type { BenchmarkData } from './benchmark-data.ts';
import { decodeUsers } from './run-benchmark.ts';
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
  /** At the main cutoff: 95 % bootstrap intervals over users of each user's mean over seeds. */
  readonly overUsers: Readonly<Record<'recall' | 'ndcg', BootstrapInterval>>;
}

/** All runs of one system. */
export interface SystemSummary {
  readonly name: string;
  readonly kind: System['kind'];
  readonly seeds: number;
  readonly settings: unknown;
  /** What validation chose with each seed. */
  readonly chosen: readonly unknown[];
  readonly validationScore?: SeedInterval;
  readonly tasks: Readonly<Partial<Record<Task, TaskSummary>>>;
  /** Items that nobody chose before the cut, by side features; absent for systems that cannot know them. */
  readonly cold?: {
    readonly users: number;
    readonly cutoffs: readonly {
      readonly cutoff: number;
      readonly hitRate: SeedInterval;
      readonly ndcg: SeedInterval;
    }[];
  };
  readonly parameters: number;
  readonly tuningSeconds: number;
  readonly trainingSeconds: number;
  readonly evaluationSeconds: number;
  readonly interests?: {
    readonly meanInterests: number;
    readonly meanCosine: number;
    readonly effectiveInterests: number;
    readonly labelShares: readonly number[];
  };
}

export interface BenchmarkTable {
  readonly id: string;
  readonly data: { readonly id: string; readonly users: number; readonly items: number; readonly interactions: number };
  readonly protocol: ProtocolName;
  readonly rules: readonly string[];
  readonly tasks: readonly Task[];
  readonly mainCutoff: number;
  /** What was as high as possible on validation. */
  readonly choice: string;
  readonly systems: readonly SystemSummary[];
  /** Trainings that diverged for good, which are in none of the means. */
  readonly diverged: readonly { readonly system: string; readonly seed: number; readonly message: string }[];
}

/** A run as one table. @param systems those that were run, in the order of the table; one without a row is left out */
export function summarize(
  { rows, diverged }: BenchmarkRun,
  systems: readonly System[],
  { id, data, protocol }: BenchmarkData,
): BenchmarkTable {
  const { metric, cutoff } = protocol.choice;
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
    },
    protocol: protocol.name,
    rules: protocol.rules,
    tasks: protocol.tasks,
    mainCutoff: protocol.mainCutoff,
    choice: `${metric === 'ndcg' ? 'NDCG' : 'Recall'}@${cutoff}${protocol.tasks.length > 1 ? ', mean over the tasks' : ''}`,
    systems: systems.flatMap((system) => {
      const runs = rows.filter((row) => row.system === system.name);
      return runs.length === 0 ? [] : [summarizeSystem(system, runs, protocol.tasks)];
    }),
    diverged: diverged.map(({ system, seed, error }) => ({ system, seed, message: error.message })),
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
    settings: system.settings,
    chosen: runs.map(({ chosen }) => chosen),
    ...(validation.length === 0 ? {} : { validationScore: seedInterval(validation) }),
    tasks: Object.fromEntries(tasks.map((task) => [task, summarizeTask(runs, task)])),
    ...summarizeCold(runs),
    parameters: mean((row) => row.parameters),
    tuningSeconds: mean((row) => row.tuningSeconds),
    trainingSeconds: mean((row) => row.trainingSeconds),
    evaluationSeconds: mean((row) => row.evaluationSeconds),
    ...(reports.length === 0
      ? {}
      : {
          interests: {
            meanInterests: seedInterval(reports.map(({ meanInterests }) => meanInterests)).mean,
            meanCosine: seedInterval(reports.map(({ similarity }) => similarity.meanCosine)).mean,
            effectiveInterests: seedInterval(reports.map(({ effectiveInterests }) => effectiveInterests)).mean,
            labelShares: reports[0]!.labelShares.map(
              (_, k) => seedInterval(reports.map(({ labelShares }) => labelShares[k]!)).mean,
            ),
          },
        }),
  };
}

function summarizeCold(runs: readonly BenchmarkRow[]): Pick<SystemSummary, 'cold'> {
  const measured = runs.flatMap(({ cold }) => cold ?? []);
  const [first] = measured;
  if (first === undefined) return {};
  const over = (place: number, metric: 'hitRate' | 'ndcg'): SeedInterval =>
    seedInterval(measured.map(({ cutoffs }) => cutoffs[place]![metric]));
  const cutoffs = first.cutoffs.map(({ cutoff }, place) => ({
    cutoff,
    hitRate: over(place, 'hitRate'),
    ndcg: over(place, 'ndcg'),
  }));
  return { cold: { users: first.users, cutoffs } };
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
        metricNames.map((name) => [name, seedInterval(measured.map(({ cutoffs }) => figureOf(cutoffs[place]!, name)))]),
      ) as Record<MetricName, SeedInterval>),
    })),
    overUsers: { recall: over('recall'), ndcg: over('ndcg') },
  };
}

function figureOf(metrics: CutoffMetrics, name: MetricName): number {
  return metrics[name];
}

function meanOfUsers(runs: readonly Float32Array[]): Float64Array {
  const means = new Float64Array(runs[0]!.length);
  for (const run of runs) for (let user = 0; user < means.length; user++) means[user]! += run[user]! / runs.length;
  return means;
}
