import { useSyncExternalStore } from 'react';
import { interestColor, namedColors, resolveColor, watchTheme } from '../../parts/colors.ts';
import { Select } from '../../parts/fields.tsx';
import { formatCount, formatNumber } from '../../parts/format.tsx';
import { Card } from '../../parts/page.tsx';
import type { Column, Points } from './point-layer.ts';
import type { ItemMap } from './queries.ts';

const rampSteps = 8;

let cached: { readonly key: string; readonly colors: MapColors } | undefined;

/** Returns the colors of the current theme, and renders again when the theme changes. */
export function useMapColors(): MapColors {
  return useSyncExternalStore(watchTheme, readColors);
}

/** Colors of the map as `#rrggbb`, which its pixels need. */
export type MapColors = ReturnType<typeof resolveColors>;

function readColors(): MapColors {
  const { theme = 'system' } = document.documentElement.dataset;
  const key = `${theme} ${matchMedia('(prefers-color-scheme: dark)').matches}`;
  if (cached?.key !== key) cached = { key, colors: resolveColors() };
  return cached.colors;
}

function resolveColors() {
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  // Painted on a canvas, because browsers write computed colors in several notations.
  const resolve = (css: string): string => {
    context.fillStyle = resolveColor(css);
    context.fillRect(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data;
    return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
  };
  return {
    background: resolve('var(--surface)'),
    text: resolve('var(--text)'),
    /** Points of other or missing values. */
    other: resolve('var(--border-strong)'),
    fresh: resolve('var(--bad)'),
    series: Array.from({ length: namedColors }, (_, index) => resolve(interestColor(index))),
    /** From few to many. */
    ramp: Array.from({ length: rampSteps }, (_, step) =>
      resolve(`color-mix(in oklab, var(--accent) ${15 + (85 * step) / (rampSteps - 1)}%, var(--border))`),
    ),
  };
}

/** Colors of points by class, and what the classes mean. */
export interface Coloring {
  /** [points] class of each point. */
  readonly classes: Float32Array;
  readonly palette: readonly string[];
  /** How many times larger than others the points of each class are; absent if all are equal. */
  readonly sizes?: readonly number[];
  readonly legend: readonly { readonly color: string; readonly text: string; readonly detail?: string }[];
}

interface ColoringInput {
  readonly map: ItemMap;
  readonly points: Points;
  /** `popularity`, `firstSeen` or `attribute:<name>`. */
  readonly color: string;
  readonly column: Column;
  readonly colors: MapColors;
}

/** Assigns a class to each point. Added items have a separate class, whichever column chooses the colors. */
export function colorPoints(input: ColoringInput): Coloring {
  const { map, points, colors } = input;
  const base = input.color.startsWith('attribute:') ? colorByAttribute(input) : colorByScale(input);
  const own = map.items - map.addedItems;
  if (map.addedItems === 0) return base;
  const fresh = base.palette.length;
  points.items.forEach((item, point) => {
    if (item > own) base.classes[point] = fresh;
  });
  return {
    classes: base.classes,
    palette: [...base.palette, colors.fresh],
    // Larger points keep a few added items visible.
    sizes: [...base.palette.map(() => 1), 2],
    legend: [
      ...base.legend,
      { color: colors.fresh, text: 'Added since the bundle', detail: formatCount(map.addedItems) },
    ],
  };
}

const booleans = [
  { code: 2, value: 'yes' },
  { code: 1, value: 'no' },
];

function colorByAttribute(input: ColoringInput): Coloring {
  const { map, points, color, column, colors } = input;
  const attribute = map.attributes.find(({ name }) => `attribute:${name}` === color);
  if (attribute === undefined || attribute.type === 'number') return colorByScale(input);
  const values: readonly { readonly code: number; readonly value: string; readonly items?: number }[] =
    attribute.type === 'boolean' ? booleans : (attribute.values ?? []).slice(0, colors.series.length);
  const classOf = new Map(values.map(({ code }, position) => [code, position]));
  const rest = values.length;
  const others = (attribute.distinct ?? 0) - values.length;
  return {
    classes: Float32Array.from(points.items, (item) => classOf.get(column[item - 1]!) ?? rest),
    palette: [...colors.series.slice(0, values.length), colors.other],
    legend: [
      ...values.map(({ value, items }, position) => ({
        color: colors.series[position]!,
        text: value,
        ...(items === undefined ? {} : { detail: formatCount(items) }),
      })),
      { color: colors.other, text: others > 0 ? `${formatCount(others)} others, or none` : 'None' },
    ],
  };
}

/** Colors numbers by equal shares of the items, so that every step of the scale is used. */
function colorByScale({ points, color, column, colors }: ColoringInput): Coloring {
  const isKnown = (value: number): boolean => !Number.isNaN(value) && !(color === 'firstSeen' && value < 0);
  // The part below one user only orders equal items.
  const valueOf = (item: number): number =>
    color === 'popularity' ? Math.floor(column[item - 1]!) : column[item - 1]!;
  const sorted = Float64Array.from(points.items, valueOf).filter(isKnown).sort();
  const steps = colors.ramp.length;
  const bounds = [
    ...new Set(
      Array.from({ length: steps - 1 }, (_, step) => sorted[Math.floor(((step + 1) * sorted.length) / steps)]!),
    ),
  ].filter((bound) => bound > sorted[0]!);
  const palette = [...bounds.map((_, step) => colors.ramp[step]!), colors.ramp.at(-1)!, colors.other];
  const classOf = (value: number): number => {
    if (!isKnown(value)) return palette.length - 1;
    let step = 0;
    while (step < bounds.length && value >= bounds[step]!) step++;
    return step;
  };
  const write = (value: number): string =>
    color === 'firstSeen'
      ? new Date(value * 86_400_000).toISOString().slice(0, 10)
      : formatNumber(Math.round(value * 100) / 100);
  const from = (step: number): string => write(step === 0 ? (sorted[0] ?? 0) : bounds[step - 1]!);
  const isSomeUnknown = sorted.length < points.items.length;
  return {
    classes: Float32Array.from(points.items, (item) => classOf(valueOf(item))),
    palette,
    legend: [
      ...palette.slice(0, -1).map((shade, step) => ({
        color: shade,
        text: step === bounds.length ? `${from(step)} and more` : `from ${from(step)}`,
      })),
      ...(isSomeUnknown ? [{ color: colors.other, text: 'Unknown' }] : []),
    ],
  };
}

interface LegendProps {
  readonly map: ItemMap;
  readonly color: string;
  readonly coloring: Coloring;
  readonly onChange: (color: string) => void;
}

/** An attribute with too many texts, such as a description, has no listed values. */
const hasColors = ({ values }: ItemMap['attributes'][number]): boolean => values?.length !== 0;

/** Chooses what the colors mean, and explains them. */
export function Legend({ map, color, coloring, onChange }: LegendProps) {
  const attributes = map.attributes.filter(hasColors).map(({ name }) => [`attribute:${name}`, name] as const);
  const options = [['popularity', 'Popularity, last 30 days'] as const, ['firstSeen', 'First seen'] as const];
  return (
    <Card>
      <label className="field">
        <span>Color by</span>
        <Select value={color} options={[...options, ...attributes]} onChange={onChange} />
      </label>
      <ul className="legend small">
        {coloring.legend.map(({ color: shade, text, detail }) => (
          <li key={text} className="row">
            <svg className="swatch" viewBox="0 0 10 10" aria-hidden>
              <rect width="10" height="10" fill={shade} />
            </svg>
            <span className="truncate">{text}</span>
            {detail === undefined ? null : <span className="muted numeric">{detail}</span>}
          </li>
        ))}
      </ul>
    </Card>
  );
}
