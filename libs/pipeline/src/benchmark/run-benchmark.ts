import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CutoffMetrics } from '@facet/evaluation';
import { AppError } from '@facet/platform';
import type { InterestReport } from '../evaluation/interest-report.ts';
import { heldOutCold } from '../evaluation/tasks.ts';
import type { Task } from '../evaluation/tasks.ts';
import { hashJson, runCachedStage } from '../context/stage-cache.ts';
import type { StageContext } from '../context/stage-context.ts';
import type { BenchmarkData } from './benchmark-data.ts';
import { evaluateAndDispose } from './protocol.ts';
import type { evaluateHeldOut } from './protocol.ts';
import type { FitContext, FittedSystem, System } from './system.ts';

/** Raised when a row means something else for the same inputs. */
const rowVersion = 4;

/** One system with one seed, measured. */
export interface BenchmarkRow extends Omit<FittedSystem, 'rankers' | 'rankersOver' | 'interests' | 'dispose'> {
  readonly system: string;
  readonly kind: System['kind'];
  readonly seed: number;
  readonly evaluationSeconds: number;
  readonly tasks: Readonly<Partial<Record<Task, RowTask>>>;
  readonly interests?: InterestReport;
  /** Items that nobody chose before the cut, among all of the catalog; absent where a system knows nothing of them. */
  readonly cold?: { readonly users: number; readonly cutoffs: readonly CutoffMetrics[] };
}

/** A training that no lower rate could save: there is no row of it. */
export interface DivergedRun {
  readonly system: string;
  readonly seed: number;
  readonly error: AppError;
}

export interface BenchmarkRun {
  readonly rows: readonly BenchmarkRow[];
  readonly diverged: readonly DivergedRun[];
}

export interface RowTask {
  readonly users: number;
  readonly cutoffs: readonly CutoffMetrics[];
  /** Float32, base64: recall and NDCG of each user at the protocol's main cutoff. */
  readonly perUser: { readonly recall: string; readonly ndcg: string };
}

export interface RunOptions {
  readonly context: StageContext;
  readonly benchmark: BenchmarkData;
  readonly systems: readonly System[];
  /** Runs of each system that depends on chance. */
  readonly seeds: number;
  /** A clock in milliseconds. */
  readonly now: () => number;
  readonly signal?: AbortSignal;
  /** What is told of a row that begins; the answer is told how far it is and when it is done. */
  readonly onRow?: (row: {
    readonly name: string;
    readonly seed: number;
    readonly place: number;
    readonly total: number;
  }) => {
    update(share: number, detail: string): void;
    diverged(description: string): void;
    done(row: BenchmarkRow, reused: boolean): void;
    failed(): void;
  };
}

/**
 * Fits and measures every system with every seed, in turn. A row is kept as soon as it is done and not run again for the same
 * data, settings and seed; an interrupted training goes on from its last epoch. One that diverges for good does not keep the others
 * from being measured.
 *
 * @throws AppError of what a system throws; the signal's reason when aborted.
 */
export async function runBenchmark(options: RunOptions): Promise<BenchmarkRun> {
  const runs = options.systems.flatMap((system) =>
    Array.from({ length: system.isSeeded ? options.seeds : 1 }, (_, run) => ({ system, seed: run + 1 })),
  );
  const rows: BenchmarkRow[] = [];
  const diverged: DivergedRun[] = [];
  for (const [place, { system, seed }] of runs.entries()) {
    const told = options.onRow?.({ name: system.name, seed, place, total: runs.length });
    try {
      const { output, reused } = await runRow(system, seed, options, {
        onProgress: (share, detail) => told?.update(share, detail),
        onDivergence: (description) => told?.diverged(description),
      });
      told?.done(output, reused);
      rows.push(output);
    } catch (error) {
      const lost = isLost(error, system);
      if (lost) told?.diverged(error.message);
      told?.failed();
      if (!lost) throw error;
      diverged.push({ system: system.name, seed, error });
    }
  }
  return { rows, diverged };
}

/** Whether an error says that a tower went astray, be it only in what is trained to be tested, which nothing validates. */
function isLost(error: unknown, { kind }: System): error is AppError {
  if (!(error instanceof AppError)) return false;
  return error.code === 'MODEL_DIVERGED' || (kind === 'tower' && error.code === 'EVALUATION_SCORE_NAN');
}

async function runRow(
  system: System,
  seed: number,
  { context, benchmark, now, signal }: RunOptions,
  told: Required<Pick<FitContext, 'onProgress' | 'onDivergence'>>,
): Promise<{ output: BenchmarkRow; reused: boolean }> {
  const { data, protocol } = benchmark;
  const { cutoffs, tieSeed } = context.config.evaluation;
  const { name, kind, settings } = system;
  const { benchmarksFolder, checkpointsFolder } = context.home;
  // The settings of a tower say all of it: a value of a sweep that is the default's is not trained again.
  const method = kind === 'tower' ? kind : name;
  const inputs = {
    version: rowVersion,
    data: benchmark.id,
    protocol: protocol.name,
    method,
    settings,
    seed,
    cutoffs,
    tieSeed,
  };
  const checkpoints = join(checkpointsFolder, `benchmark-${hashJson(inputs)}`);
  const result = await runCachedStage<BenchmarkRow>({
    folder: join(benchmarksFolder, 'rows'),
    name: method,
    inputs,
    run: async () => {
      signal?.throwIfAborted();
      const fitContext = { benchmark, seed, tieSeed, checkpoints, now, ...told };
      const { rankers, rankersOver, interests, dispose, ...fitted } = await system.fit(
        signal === undefined ? fitContext : { ...fitContext, signal },
      );
      told.onProgress(1, 'the test');
      await new Promise((resolve) => setImmediate(resolve));
      const startedAt = now();
      const asked = { cutoffs: withMain(cutoffs, protocol.mainCutoff), catalogSize: data.items.length - 1, tieSeed };
      const evaluated = evaluateAndDispose(protocol, { rankers, dispose }, protocol.test.users, asked);
      const cold = rankersOver === undefined ? undefined : evaluateCold(benchmark, rankersOver, asked);
      const tasks = Object.entries(evaluated).map(([task, { users, metrics, perUser }]) => {
        const main = perUser.find(({ cutoff }) => cutoff === protocol.mainCutoff)!;
        return [
          task,
          { users, cutoffs: metrics, perUser: { recall: encode(main.recall), ndcg: encode(main.ndcg) } },
        ] as const;
      });
      return {
        system: name,
        kind,
        seed,
        ...fitted,
        evaluationSeconds: (now() - startedAt) / 1000,
        tasks: Object.fromEntries(tasks),
        ...(interests === undefined ? {} : { interests }),
        ...(cold === undefined ? {} : { cold }),
      };
    },
  });
  await rm(checkpoints, { recursive: true, force: true });
  return { ...result, output: { ...result.output, system: name } };
}

/** The users who went on to choose an item that was new to all, asked for those items among the whole catalog. */
function evaluateCold(
  { data, protocol }: BenchmarkData,
  rankersOver: NonNullable<FittedSystem['rankersOver']>,
  options: Parameters<typeof evaluateHeldOut>[3],
): BenchmarkRow['cold'] {
  const { candidates, users } = heldOutCold(data, protocol.test);
  if (users.length === 0) return undefined;
  const evaluated = evaluateAndDispose({ tasks: ['new'] }, rankersOver(candidates), users, options).new!;
  return { users: evaluated.users, cutoffs: evaluated.metrics };
}

function withMain(cutoffs: readonly number[], main: number): number[] {
  return [...new Set([...cutoffs, main])].sort((a, b) => a - b);
}

function encode(values: Float64Array): string {
  return Buffer.from(Float32Array.from(values).buffer).toString('base64');
}

/** The opposite of how a row keeps values of users. */
export function decodeUsers(text: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer);
}
