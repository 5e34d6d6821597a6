import type { SeedInterval } from '@facet/evaluation';
import { AppError } from '@facet/platform';
import { parseModelSettings } from '@facet/config';
import { drawChart } from './svg-chart.ts';
import type { Chart } from './svg-chart.ts';
import { towerSystem } from './choose-systems.ts';
import type { System } from './system.ts';
import type { BenchmarkTable, SystemSummary } from './table.ts';
import { checkSetting, withSetting } from './tower-settings.ts';

/** A hyperparameter and its values. All other settings stay unchanged. */
export interface Sweep {
  readonly name: string;
  readonly values: readonly unknown[];
}

/** The results of one tower for the values of a sweep. */
export interface SweepCurve {
  readonly system: string;
  readonly points: readonly {
    readonly value: unknown;
    readonly validationScore: SeedInterval;
    readonly summary: SystemSummary;
  }[];
  /** The value with the highest mean on validation. The test does not influence it. */
  readonly chosen: unknown;
}

export interface SweepResult extends Sweep {
  readonly curves: readonly SweepCurve[];
}

/**
 * Returns the towers of `systems` with each value of a sweep. Leaves out towers that do not have the hyperparameter, such as K of a
 * tower with a single vector.
 *
 * @throws AppError `BENCHMARK_SETTING_UNKNOWN`, `CONFIG_INVALID`; `BENCHMARK_SWEEP_EMPTY` if no tower is left.
 */
export function sweepSystems(sweep: Sweep, systems: readonly System[]): System[] {
  const towers = systems.filter((system) => system.kind === 'tower');
  const swept = towers.flatMap(({ name: tower, settings }) => {
    checkSetting({ name: sweep.name, value: undefined });
    const variants = sweep.values.map((value) => withSetting(settings, { name: sweep.name, value }));
    if (variants.every((variant) => variant === settings)) return [];
    return variants.map((variant, place) => {
      const name = sweptName(tower, sweep, sweep.values[place]);
      return towerSystem(name, parseModelSettings(variant, name));
    });
  });
  if (swept.length > 0) return swept;
  throw new AppError(`None of the chosen towers has the hyperparameter ${sweep.name}.`, {
    code: 'BENCHMARK_SWEEP_EMPTY',
    category: 'usage',
    remedy: 'Choose a tower that has it with --systems.',
  });
}

/** Collects the curves of a sweep from the summaries of its systems. */
export function readSweep(sweep: Sweep, towers: readonly string[], { systems }: BenchmarkTable): SweepResult {
  const byName = new Map(systems.map((summary) => [summary.name, summary]));
  const curves = towers.flatMap((system): SweepCurve[] => {
    const points = sweep.values.flatMap((value) => {
      const summary = byName.get(sweptName(system, sweep, value));
      return summary?.validationScore === undefined
        ? []
        : [{ value, validationScore: summary.validationScore, summary }];
    });
    if (points.length === 0) return [];
    const best = points.reduce((best, point) =>
      point.validationScore.mean > best.validationScore.mean ? point : best,
    );
    return [{ system, points, chosen: best.value }];
  });
  return { ...sweep, curves };
}

/** Draws NDCG of the first task at the main cutoff on the test, with t intervals over seeds. */
export function drawSweep(sweep: SweepResult, { tasks, mainCutoff, protocol }: BenchmarkTable): string {
  const [task = 'new'] = tasks;
  const chart: Chart = {
    title: `${sweep.name} (${protocol})`,
    xName: sweep.name,
    yName: `NDCG@${mainCutoff} on the test, with 95 % intervals over seeds`,
    xs: sweep.values.map(String),
    series: sweep.curves.map(({ system, points, chosen }) => ({
      name: `${system} (validation: ${String(chosen)})`,
      points: sweep.values.map((value) => {
        const summary = points.find((point) => point.value === value)?.summary;
        if (summary === undefined) return undefined;
        const { mean, halfWidth = 0 } = summary.tasks[task]!.cutoffs.find(({ cutoff }) => cutoff === mainCutoff)!.ndcg;
        return { y: mean, low: mean - halfWidth, high: mean + halfWidth };
      }),
    })),
  };
  return drawChart(chart);
}

function sweptName(system: string, { name }: Sweep, value: unknown): string {
  return `${system} ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
}
