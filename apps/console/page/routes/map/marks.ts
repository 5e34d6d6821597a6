import { formatShare } from '../../parts/format.ts';
import type { MapItem, UserOnMap } from './queries.ts';
import type { Mark } from './scatter.tsx';
import type { MapColors } from './theme-colors.ts';

interface MarksInput {
  readonly userOnMap: UserOnMap | undefined;
  readonly neighbors: { readonly item: MapItem | null; readonly neighbors: readonly MapItem[] } | undefined;
  readonly colors: MapColors;
}

/** Returns the marks of a user and of the selected item. Interests come last, so that they cover the others. */
export function marksOf({ userOnMap, neighbors, colors }: MarksInput): readonly Mark[] {
  return [
    ...(neighbors?.neighbors ?? []).flatMap((item) => markOf(item, 'neighbor', colors.text)),
    ...(neighbors?.item === undefined || neighbors.item === null
      ? []
      : markOf(neighbors.item, 'selected', colors.text)),
    ...(userOnMap?.behaviors ?? []).flatMap(({ item, interest }, position) =>
      markOf(item, 'behavior', colorOfInterest(interest, colors), String(position)),
    ),
    ...(userOnMap?.interests ?? []).flatMap((interest) => markInterest(interest, colors)),
  ];
}

function colorOfInterest(interest: number, { series }: MapColors): string {
  return series[(interest - 1) % series.length]!;
}

function markOf({ itemId, title, position }: MapItem, kind: Mark['kind'], color: string, at = ''): Mark[] {
  if (position === null) return [];
  const [x, y] = position as [number, number];
  return [{ key: `${kind} ${itemId} ${at}`, x, y, kind, color, title: title ?? itemId }];
}

/** An interest is a vector, not an item. It stands at the median position of its nearest items. */
function markInterest({ interest, label, nearest }: UserOnMap['interests'][number], colors: MapColors): Mark[] {
  const positions = nearest.flatMap(({ position }) => (position === null ? [] : [position as [number, number]]));
  if (positions.length === 0) return [];
  const median = (axis: 0 | 1): number =>
    positions.map((position) => position[axis]).sort((a, b) => a - b)[positions.length >> 1]!;
  return [
    {
      key: `interest ${interest}`,
      x: median(0),
      y: median(1),
      kind: 'interest',
      color: colorOfInterest(interest, colors),
      title: `Interest ${interest}${label === '' ? '' : `: ${label}`}, at the middle of its nearest items`,
      text: String(interest),
    },
  ];
}

/** Writes the share of the behaviors whose strongest interest is this one. */
export function shareOfInterest({ behaviors }: UserOnMap, interest: number): string {
  const own = behaviors.filter((behavior) => behavior.interest === interest).length;
  return formatShare(behaviors.length === 0 ? 0 : own / behaviors.length);
}
