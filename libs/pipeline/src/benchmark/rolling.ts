import type { CutoffMetrics } from '@facet/evaluation';
import { hashJson } from '../stage.ts';
import type { BenchmarkData } from './benchmark-data.ts';
import { versionsOf } from './run-benchmark.ts';
import type { BenchmarkRow, BenchmarkRun, RowTask } from './run-benchmark.ts';

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
  const join = (metric: 'recall' | 'ndcg'): string =>
    Buffer.concat(tasks.map(({ perUser }) => Buffer.from(perUser[metric], 'base64'))).toString('base64');
  return { ...joinMetrics(tasks), perUser: { recall: join('recall'), ndcg: join('ndcg') } };
}

interface Measured {
  readonly users: number;
  readonly cutoffs: readonly CutoffMetrics[];
}

/** Returns the means over all users. */
function joinMetrics(parts: readonly Measured[]): Measured {
  const users = parts.reduce((sum, part) => sum + part.users, 0);
  const cutoffs = parts[0]!.cutoffs.map((metrics, place) => {
    const names = Object.keys(metrics) as (keyof CutoffMetrics)[];
    const mean = (name: keyof CutoffMetrics): number =>
      parts.reduce((sum, part) => sum + (part.users / users) * part.cutoffs[place]![name], 0);
    return Object.fromEntries(names.map((name) => [name, name === 'cutoff' ? metrics.cutoff : mean(name)]));
  });
  return { users, cutoffs: cutoffs as unknown as CutoffMetrics[] };
}
