import { formatCount, formatNumber } from '../../parts/format.ts';
import type { Points } from './point-layer.ts';
import type { ItemMap } from './queries.ts';
import type { Column } from './safetensors.ts';
import type { MapColors } from './theme-colors.ts';

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

/** Assigns a class to each point. New items have a separate class, whatever the color. */
export function colorPoints(input: ColoringInput): Coloring {
  const { map, points, colors } = input;
  const base = input.color.startsWith('attribute:') ? colorByAttribute(input) : colorByScale(input);
  const own = map.items - map.newItems;
  if (map.newItems === 0) return base;
  const fresh = base.palette.length;
  points.items.forEach((item, point) => {
    if (item > own) base.classes[point] = fresh;
  });
  return {
    classes: base.classes,
    palette: [...base.palette, colors.fresh],
    // A few new items would be invisible among many.
    sizes: [...base.palette.map(() => 1), 2],
    legend: [...base.legend, { color: colors.fresh, text: 'New since the bundle', detail: formatCount(map.newItems) }],
  };
}

function colorByAttribute(input: ColoringInput): Coloring {
  const { map, points, color, column, colors } = input;
  const attribute = map.attributes.find(({ name }) => `attribute:${name}` === color);
  if (attribute === undefined || attribute.type === 'number') return colorByScale(input);
  const values =
    attribute.type === 'boolean'
      ? [
          { code: 2, value: 'yes', items: undefined },
          { code: 1, value: 'no', items: undefined },
        ]
      : (attribute.values ?? []).slice(0, colors.series.length);
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
