import { parseModelSettings } from '@facet/config';
import { metricTitle } from '@facet/evaluation';
import type { SeedInterval } from '@facet/evaluation';
import { AppError } from '@facet/platform';
import { towerSystem } from './choose-systems.ts';
import type { System } from './system.ts';
import type { BenchmarkTable, SystemSummary } from './table.ts';
import { checkSetting, withSetting } from './tower-settings.ts';
import type { Sweep } from './tower-settings.ts';

/** The results of one tower for the values of a sweep. */
interface SweepCurve {
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
    return variants.map((variant, index) => {
      const name = sweptName(tower, sweep, sweep.values[index]);
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
    yName: `${metricTitle('ndcg', mainCutoff)} on the test, with 95 % intervals over seeds`,
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

/** A point of a curve with the interval of its error bar. */
interface ChartPoint {
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

interface Chart {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  /** One label per point, evenly spaced. */
  readonly xs: readonly string[];
  /** A missing point interrupts its curve. */
  readonly series: readonly { readonly name: string; readonly points: readonly (ChartPoint | undefined)[] }[];
}

const [width, height] = [640, 360];
const margin = { left: 64, right: 20, top: 44, bottom: 64 };
/** The palette of Okabe and Ito for any color vision, without the colors that fade on white or black. */
const colors = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];
const cap = 4;

/** Draws curves with error bars as SVG that follows the light or dark color scheme of the viewer. */
export function drawChart({ title, xName, yName, xs, series }: Chart): string {
  const points = series.flatMap(({ points }) => points.filter((point) => point !== undefined));
  const ticks = niceTicks(Math.min(...points.map(({ low }) => low)), Math.max(...points.map(({ high }) => high)));
  const [bottom, top] = [ticks[0]!, ticks.at(-1)!];
  const plotWidth = width - margin.left - margin.right;
  const plotHeight = height - margin.top - margin.bottom;
  const x = (index: number): number => margin.left + (plotWidth * (index + 0.5)) / xs.length;
  const y = (value: number): number => margin.top + plotHeight * (1 - (value - bottom) / (top - bottom));
  const text = (at: readonly [number, number], content: string, extra = ''): string =>
    `<text x="${round(at[0])}" y="${round(at[1])}" ${extra}>${escapeXml(content)}</text>`;
  const line = (from: readonly [number, number], to: readonly [number, number], extra: string): string =>
    `<line x1="${round(from[0])}" y1="${round(from[1])}" x2="${round(to[0])}" y2="${round(to[1])}" ${extra}/>`;

  const axes = [
    ...ticks.flatMap((tick) => [
      line([margin.left, y(tick)], [width - margin.right, y(tick)], 'class="grid"'),
      text([margin.left - 8, y(tick) + 4], formatTick(tick, ticks), 'text-anchor="end"'),
    ]),
    ...xs.map((label, index) => text([x(index), height - margin.bottom + 18], label, 'text-anchor="middle"')),
    text([margin.left + plotWidth / 2, height - margin.bottom + 36], xName, 'text-anchor="middle"'),
    text([16, 20], title, 'class="title"'),
    text([16, 36], yName),
  ];
  const curves = series.flatMap(({ name, points }, position) => {
    const color = colors[position % colors.length]!;
    // Shifts the error bars of several curves apart.
    const shift = (position - (series.length - 1) / 2) * 6;
    const at = points.flatMap((point, index) =>
      point === undefined
        ? []
        : [{ ...point, x: x(index) + shift, command: points[index - 1] === undefined ? 'M' : 'L' }],
    );
    const path = at.map((point) => `${point.command}${round(point.x)} ${round(y(point.y))}`).join(' ');
    const stroke = `stroke="${color}" stroke-width="2"`;
    return [
      `<path d="${path}" fill="none" ${stroke}/>`,
      ...at.flatMap((point) => [
        line([point.x, y(point.low)], [point.x, y(point.high)], stroke),
        line([point.x - cap, y(point.low)], [point.x + cap, y(point.low)], stroke),
        line([point.x - cap, y(point.high)], [point.x + cap, y(point.high)], stroke),
        `<circle cx="${round(point.x)}" cy="${round(y(point.y))}" r="3.5" fill="${color}"/>`,
      ]),
      `<rect x="${margin.left + position * 150}" y="${height - 18}" width="10" height="10" fill="${color}"/>`,
      text([margin.left + position * 150 + 16, height - 9], name),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(title)}">`,
    '<style>text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-weight:600;font-size:14px}.grid{stroke:#d0d7de}',
    '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#3d444d}}</style>',
    ...axes,
    ...curves,
    '</svg>',
    '',
  ].join('\n');
}

/** Returns three to seven round values that enclose a range. */
export function niceTicks(low: number, high: number): number[] {
  const range = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(range / 4));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= range / 4)!;
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

function formatTick(tick: number, [first = 0, second = 1]: readonly number[]): string {
  return tick.toFixed(Math.max(0, Math.ceil(-Math.log10(second - first) - 1e-9)));
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Escapes text for the content and the attributes of XML elements. */
function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
