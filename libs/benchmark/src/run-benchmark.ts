import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { byMetric, metricsOf } from '@facet/evaluation';
import type { CutoffMetrics, MetricOf } from '@facet/evaluation';
import { AppError, isAppError } from '@facet/platform';
import type { InterestReport, Evaluations, Task, TaskOptions, StageContext } from '@facet/stages';
import type { StageResult } from '@facet/runs';
import { evaluateAndDispose, heldOutCold, hashJson, runCachedStage } from '@facet/stages';
import type { BenchmarkData } from './benchmark-data.ts';
import type { FitContext, FittedSystem, System } from './system.ts';

/** Increase this when the same inputs give another row. */
const rowVersion = 14;

/** The result of one system with one seed. */
export interface BenchmarkRow extends Omit<FittedSystem, 'rankers' | 'rankersOver' | 'interests' | 'dispose'> {
  readonly system: string;
  readonly seed: number;
  /** The version of Facet that measured the row; several for several periods. Absent in rows of versions that did not store it. */
  readonly versions?: readonly string[];
  readonly evaluationSeconds: number;
  readonly tasks: Readonly<Partial<Record<Task, RowTask>>>;
  readonly interests?: InterestReport | undefined;
  /** Metrics on cold items among the whole catalog, and among each other; absent for systems without side features. */
  readonly cold?:
    | {
        readonly users: number;
        readonly cutoffs: readonly CutoffMetrics[];
        readonly amongCold: readonly CutoffMetrics[];
      }
    | undefined;
}

/** A run of a system that failed, and has no row. */
interface FailedRun {
  readonly system: string;
  readonly seed: number;
  readonly error: AppError;
}

export interface BenchmarkRun {
  readonly rows: readonly BenchmarkRow[];
  readonly failed: readonly FailedRun[];
}

interface RowTask {
  readonly users: number;
  readonly cutoffs: readonly CutoffMetrics[];
  /** Recall and NDCG of each user at the protocol's main cutoff, as float32 in base64. */
  readonly perUser: Readonly<Record<MetricOf<'selection'>, string>>;
}

export interface RunOptions {
  readonly context: StageContext;
  readonly benchmark: BenchmarkData;
  readonly systems: readonly System[];
  /** The number of runs of each seeded system. */
  readonly seeds: number;
  /** The version of Facet, which every new row stores. */
  readonly version: string;
  /** A clock in milliseconds. */
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
  /** Called when a row starts. Returns the callbacks of the row. */
  readonly onRow?: (row: {
    readonly name: string;
    readonly seed: number;
    readonly index: number;
    readonly total: number;
    /** The number of runs of towers, from this row on. */
    readonly towerRunsLeft: number;
  }) => {
    update(share: number, detail: string): void;
    epoch(description: string): void;
    diverged(description: string): void;
    done(row: BenchmarkRow, isReused: boolean): void;
    failed(error: unknown): void;
  };
}

/**
 * Fits and measures every system with every seed. Stores each finished row and never runs it again for the same data, settings and
 * seed. An interrupted training resumes after its last epoch. If a system fails because of its settings or the data, the benchmark
 * continues with the others.
 *
 * @throws the reason of the signal, or AppError `MODEL_ABORTED`, when aborted; any other error at once, such as a full disk.
 */
export async function runBenchmark(options: RunOptions): Promise<BenchmarkRun> {
  const runs = options.systems.flatMap((system) =>
    Array.from({ length: system.isSeeded ? options.seeds : 1 }, (_, run) => ({ system, seed: run + 1 })),
  );
  const rows: BenchmarkRow[] = [];
  const failed: FailedRun[] = [];
  for (const [index, { system, seed }] of runs.entries()) {
    const towerRunsLeft = runs.slice(index).filter(({ system }) => system.kind === 'tower').length;
    const callbacks = options.onRow?.({ name: system.name, seed, index, total: runs.length, towerRunsLeft });
    try {
      const { output, isReused } = await runRow(system, seed, options, {
        onProgress: (share, detail) => callbacks?.update(share, detail),
        onEpoch: (description) => callbacks?.epoch(description),
        onDivergence: (description) => callbacks?.diverged(description),
      });
      callbacks?.done(output, isReused);
      rows.push(output);
    } catch (reason) {
      const error = asDivergence(reason, system);
      callbacks?.failed(error);
      // Other errors, such as a full disk, would also end the next runs, possibly after hours of training.
      const isOfSystem = isAppError(error) && (error.category === 'usage' || error.category === 'input');
      if (options.signal?.aborted === true || !isOfSystem) throw error;
      failed.push({ system: system.name, seed, error });
    }
  }
  // A rolling benchmark keeps the data of all periods.
  const { validation, test } = options.benchmark.protocol;
  validation.catalog.release();
  test.catalog.release();
  return { rows, failed };
}

/**
 * Returns `MODEL_DIVERGED` if scores of a tower are not numbers, and other errors unchanged. A refit has no validation that would find its
 * divergence. In a simple method, such scores are a bug.
 */
function asDivergence(error: unknown, system: System): unknown {
  if (system.kind !== 'tower' || !isAppError(error, 'EVALUATION_SCORE_NAN')) return error;
  const { learningRate } = system.settings.training;
  return new AppError(
    `The training at the learning rate ${learningRate} diverged: scores of the model are not numbers.`,
    {
      code: 'MODEL_DIVERGED',
      category: 'usage',
      remedy: `Set training.learningRate to ${learningRate / 4} or less. model.normalize: true or a higher model.temperature also keeps scores small.`,
      context: { learningRate },
      cause: error,
    },
  );
}

async function runRow(
  system: System,
  seed: number,
  { context, benchmark, version, now, signal }: RunOptions,
  callbacks: Required<Pick<FitContext, 'onProgress' | 'onEpoch' | 'onDivergence'>>,
): Promise<StageResult<BenchmarkRow>> {
  const { data, protocol } = benchmark;
  const { cutoffs } = context.config.evaluation;
  const { name, kind, settings } = system;
  const { benchmarksFolder, checkpointsFolder } = context.home;
  // The settings determine a tower, so a sweep value that equals the default reuses the row of the default.
  const method = kind === 'tower' ? kind : name;
  const inputs = {
    version: rowVersion,
    data: benchmark.id,
    protocol: protocol.name,
    method,
    settings,
    seed,
    cutoffs,
  };
  const checkpoints = join(checkpointsFolder, `benchmark-${hashJson(inputs)}`);
  const result = await runCachedStage<BenchmarkRow>({
    folder: join(benchmarksFolder, 'rows'),
    name: method,
    inputs,
    run: async () => {
      signal?.throwIfAborted();
      const { memoryCheck } = context.config.trainer;
      const fitContext = { benchmark, seed, memoryCheck, checkpoints, now, signal, ...callbacks };
      const { rankers, rankersOver, interests, dispose, ...fitted } = await system.fit(fitContext);
      callbacks.onProgress(1, 'the test');
      await setImmediate();
      const startedAt = now();
      const options = { cutoffs: ascending(cutoffs, protocol.cutoffs), catalogSize: data.items.length - 1 };
      const evaluated = evaluateAndDispose(protocol, { rankers, dispose }, protocol.test.users, options);
      const cold = rankersOver === undefined ? undefined : evaluateCold(benchmark, rankersOver, options);
      return {
        system: name,
        seed,
        versions: [version],
        ...fitted,
        evaluationSeconds: (now() - startedAt) / 1000,
        tasks: rowTasks(evaluated, protocol.mainCutoff),
        interests,
        cold,
      };
    },
  });
  await rm(checkpoints, { recursive: true, force: true });
  return { ...result, output: { ...result.output, system: name } };
}

function rowTasks(evaluated: Evaluations, mainCutoff: number): BenchmarkRow['tasks'] {
  return Object.fromEntries(
    Object.entries(evaluated).map(([task, { users, metrics, perUser }]) => {
      const main = perUser.find(({ cutoff }) => cutoff === mainCutoff)!;
      return [
        task,
        { users, cutoffs: metrics, perUser: byMetric(metricsOf('selection'), (metric) => encode(main[metric])) },
      ];
    }),
  );
}

/** Evaluates a system on cold items. */
function evaluateCold(
  { protocol }: BenchmarkData,
  rankersOver: NonNullable<FittedSystem['rankersOver']>,
  options: TaskOptions,
): BenchmarkRow['cold'] {
  const [all, only] = (['all', 'cold'] as const).map((among) => {
    const { candidates, users } = heldOutCold(protocol.test, among);
    if (users.length === 0) return undefined;
    return evaluateAndDispose({ tasks: ['new'] }, rankersOver(candidates), users, options).new!;
  });
  return all && { users: all.users, cutoffs: all.metrics, amongCold: only!.metrics };
}

function ascending(...cutoffs: readonly (readonly number[])[]): number[] {
  return [...new Set(cutoffs.flat())].sort((a, b) => a - b);
}

function encode(values: Float64Array): string {
  return Buffer.from(Float32Array.from(values).buffer).toString('base64');
}

/** Returns the versions of Facet that measured a row. */
export function versionsOf({ versions = ['unknown'] }: BenchmarkRow): readonly string[] {
  return versions;
}

/** Decodes the values per user of a row. */
export function decodeUsers(text: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer);
}

/**
 * Returns the data that the table of several periods names: those of the last period, with the test users of all periods, under an id of
 * all periods.
 */
export function joinPeriods(periods: readonly BenchmarkData[]): BenchmarkData {
  const last = periods.at(-1)!;
  if (periods.length === 1) return last;
  const { protocol } = last;
  const users = periods.flatMap((period) => period.protocol.test.users);
  return {
    ...last,
    id: hashJson(periods.map(({ id }) => id)),
    protocol: { ...protocol, test: { ...protocol.test, users } },
  };
}

/**
 * Joins the runs of several periods: metrics are means over the users of all periods, seconds are sums, and settings and interests are
 * those of the last period. A system and seed that failed in one period has no row.
 */
export function joinRuns(runs: readonly BenchmarkRun[]): BenchmarkRun {
  const [first] = runs;
  if (first === undefined || runs.length === 1) return first ?? { rows: [], failed: [] };
  const rows = first.rows.flatMap(({ system, seed }) => {
    const ofPeriods = runs.flatMap(({ rows }) => rows.filter((row) => row.system === system && row.seed === seed));
    return ofPeriods.length < runs.length ? [] : [joinRows(ofPeriods)];
  });
  return { rows, failed: runs.flatMap(({ failed }) => failed) };
}

function joinRows(rows: readonly BenchmarkRow[]): BenchmarkRow {
  const last = rows.at(-1)!;
  const sum = (of: (row: BenchmarkRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const cold = rows.flatMap(({ cold }) => cold ?? []);
  return {
    ...last,
    versions: rows.flatMap(versionsOf),
    validationScore:
      last.validationScore === undefined ? undefined : sum((row) => row.validationScore ?? 0) / rows.length,
    tuningSeconds: sum((row) => row.tuningSeconds),
    trainingSeconds: sum((row) => row.trainingSeconds),
    evaluationSeconds: sum((row) => row.evaluationSeconds),
    tasks: Object.fromEntries(
      Object.keys(last.tasks).map((task) => [task, joinTasks(rows.map(({ tasks }) => tasks[task as 'new']!))]),
    ),
    cold:
      cold.length === 0
        ? undefined
        : {
            ...joinMetrics(cold),
            amongCold: joinMetrics(cold.map(({ users, amongCold }) => ({ users, cutoffs: amongCold }))).cutoffs,
          },
  };
}

function joinTasks(tasks: readonly RowTask[]): RowTask {
  const join = (metric: MetricOf<'selection'>): string =>
    Buffer.concat(tasks.map(({ perUser }) => Buffer.from(perUser[metric], 'base64'))).toString('base64');
  return { ...joinMetrics(tasks), perUser: byMetric(metricsOf('selection'), join) };
}

interface Measured {
  readonly users: number;
  readonly cutoffs: readonly CutoffMetrics[];
}

/** Returns the means over all users. */
function joinMetrics(parts: readonly Measured[]): Measured {
  const users = parts.reduce((sum, part) => sum + part.users, 0);
  const cutoffs = parts[0]!.cutoffs.map((metrics, index) => {
    const names = Object.keys(metrics) as (keyof CutoffMetrics)[];
    const mean = (name: keyof CutoffMetrics): number =>
      parts.reduce((sum, part) => sum + (part.users / users) * part.cutoffs[index]![name], 0);
    return Object.fromEntries(names.map((name) => [name, name === 'cutoff' ? metrics.cutoff : mean(name)]));
  });
  return { users, cutoffs: cutoffs as unknown as CutoffMetrics[] };
}
