import { useEffect, useMemo, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { resolveColor, watchTheme } from './colors.ts';
import './line-chart.css';

export interface LineSeries {
  readonly name: string;
  /** A color of the theme, such as `var(--series-1)`. */
  readonly color: string;
  /** One value for each x; null for a gap. */
  readonly values: readonly (number | null)[];
  /** An interval around each value. */
  readonly band?: { readonly low: readonly (number | null)[]; readonly high: readonly (number | null)[] };
}

interface LineChartProps {
  /** What the chart shows. */
  readonly title: string;
  /** Epoch seconds for times and UTC days, otherwise numbers. Ascending. */
  readonly x: readonly number[];
  readonly kind?: 'time' | 'day' | 'number';
  readonly series: readonly LineSeries[];
  readonly format: (value: number) => string;
  /** The largest value of the y axis that is always visible. */
  readonly yMax?: number;
}

/** Lines over time or numbers, with intervals. The legend shows the newest values, and those under the pointer. */
export function LineChart({ title, x, kind = 'number', series, format, yMax }: LineChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLUListElement>(null);
  // Queries return equal data as new arrays.
  const key = JSON.stringify([x, kind, series, yMax]);
  const drawing = useMemo(() => ({ x, kind, series, format, yMax }), [key]);

  useEffect(() => {
    const element = holder.current!;
    let plot: uPlot | undefined;
    const draw = (): void => {
      plot?.destroy();
      plot = new uPlot(optionsOf(drawing, element, legend.current!), dataOf(drawing), element);
    };
    draw();
    const resizing = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height }));
    resizing.observe(element);
    const unwatch = watchTheme(draw);
    return () => {
      resizing.disconnect();
      unwatch();
      plot?.destroy();
    };
  }, [drawing]);

  return (
    <figure className="line-chart">
      <figcaption className="small muted">{title}</figcaption>
      <div ref={holder} className="line-chart-plot" role="img" aria-label={`${title}. ${summarize(drawing)}`} />
      <ul ref={legend} className="line-chart-legend small">
        {series.map(({ name, color, values }) => (
          <li key={name}>
            <span className="swatch" style={{ background: color }} aria-hidden />
            <span className="muted">{name}</span>
            <span data-value>{formatLast(values, format)}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

type Drawing = Omit<LineChartProps, 'title'>;

const height = 170;
const axisFont = '12px system-ui, sans-serif';
const pointsMax = 40;
/** Distances of two labels, in epochs or days. */
const steps = [1, 2, 5, 10, 20, 50, 100];
const daySeconds = 86_400;
const minuteClock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short', hourCycle: 'h23' });
const secondClock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' });
const clockOf = (stepSeconds: number): Intl.DateTimeFormat => (stepSeconds < 60 ? secondClock : minuteClock);

function optionsOf(drawing: Drawing, element: HTMLElement, legend: HTMLElement): uPlot.Options {
  const { kind, series, format, yMax, x } = drawing;
  const muted = resolveColor('var(--text-muted)');
  const axis: uPlot.Axis = { stroke: muted, font: axisFont, grid: { stroke: resolveColor('var(--border)'), width: 1 } };
  const lines = series.flatMap((line): uPlot.Series[] => {
    const stroke = resolveColor(line.color);
    const invisible = { stroke: 'transparent', points: { show: false } };
    const points = { show: x.length <= pointsMax, size: 5, fill: stroke };
    return [{ stroke, width: 2, points, spanGaps: true }, ...(line.band === undefined ? [] : [invisible, invisible])];
  });
  const showValues = (at: number): void =>
    legend.querySelectorAll('[data-value]').forEach((element, line) => {
      const { values = [] } = series[line] ?? {};
      const value = values[at] ?? null;
      element.textContent = value === null ? formatLast(values, format) : format(value);
    });
  return {
    width: Math.max(1, element.clientWidth),
    height,
    padding: [8, 24, 0, 0],
    ...(kind === 'day' ? { tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') } : {}),
    legend: { show: false },
    cursor: { y: false, drag: { x: false } },
    scales: {
      x: { time: kind !== 'number' },
      y: { range: (_plot, low, high) => niceRange(low, Math.max(high, yMax ?? -Infinity)) },
    },
    axes: [
      {
        ...axis,
        size: kind === 'day' ? 44 : 28,
        ...(kind === 'time'
          ? {
              space: 60,
              values: (_plot, ticks, _axis, _space, step) =>
                ticks.map((seconds) => clockOf(step).format(1000 * seconds)),
            }
          : { incrs: steps.map((step) => step * (kind === 'day' ? daySeconds : 1)) }),
      },
      { ...axis, size: 68, values: (_plot, ticks) => ticks.map(format) },
    ],
    series: [{}, ...lines],
    bands: bandsOf(series),
    hooks: { setCursor: [({ cursor }) => showValues(cursor.idx ?? -1)] },
  };
}

function bandsOf(series: readonly LineSeries[]): uPlot.Band[] {
  let index = 1;
  return series.flatMap((line) => {
    const first = index;
    index += line.band === undefined ? 1 : 3;
    if (line.band === undefined) return [];
    return [
      { series: [first + 2, first + 1], fill: resolveColor(`color-mix(in srgb, ${line.color} 18%, transparent)`) },
    ];
  });
}

function dataOf({ x, series }: Drawing): uPlot.AlignedData {
  return [
    [...x],
    ...series.flatMap(({ values, band }) => [
      [...values],
      ...(band === undefined ? [] : [[...band.low], [...band.high]]),
    ]),
  ] as uPlot.AlignedData;
}

/** Leaves a little space around the lines, and none below 0. */
function niceRange(low: number, high: number): [number, number] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const space = (high - low || Math.abs(high) || 1) * 0.08;
  return [low >= 0 ? Math.max(0, low - space) : low - space, high + space];
}

function formatLast(values: readonly (number | null)[], format: (value: number) => string): string {
  const last = values.findLast((value) => value !== null);
  return last === undefined || last === null ? '–' : format(last);
}

function summarize({ series, format }: Drawing): string {
  return series.map(({ name, values }) => `${name}: ${formatLast(values, format)}`).join(', ');
}
