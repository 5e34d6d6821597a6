import { nameOf } from '../../parts/format.tsx';
import type { MapColors } from './coloring.tsx';
import type { Position, Projection } from './point-layer.ts';
import type { MapItem, Neighbors, UserOnMap } from './queries.ts';

/** A mark above the points, such as an interest. */
export interface Mark extends Position {
  readonly key: string;
  readonly kind: 'interest' | 'behavior' | 'selected' | 'neighbor';
  readonly color: string;
  readonly title: string;
  readonly text?: string;
}

interface MarksInput {
  readonly userOnMap: UserOnMap | undefined;
  readonly neighbors: Neighbors | undefined;
  readonly colors: MapColors;
}

/** Returns the marks of a user and of the selected item. Interests come last, so that they cover the others. */
export function marksOf({ userOnMap, neighbors, colors }: MarksInput): readonly Mark[] {
  return [
    ...(neighbors?.neighbors ?? []).flatMap((item) => markOf(item, 'neighbor', colors.text)),
    ...(neighbors?.item ? markOf(neighbors.item, 'selected', colors.text) : []),
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
  return [{ key: `${kind} ${itemId} ${at}`, x, y, kind, color, title: nameOf({ title, itemId }) }];
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

export function MarkShape({ x, y, kind, color, title, text }: Mark) {
  return (
    <g data-x={x} data-y={y} className={`mark ${kind}`}>
      <title>{title}</title>
      {kind === 'interest' ? (
        <rect x="-9" y="-9" width="18" height="18" rx="3" transform="rotate(45)" fill={color} />
      ) : (
        <circle
          r={kind === 'selected' ? 10 : kind === 'neighbor' ? 7 : 5}
          fill={kind === 'behavior' ? color : 'none'}
          stroke={color}
        />
      )}
      {text === undefined ? null : (
        <text y="4" textAnchor="middle">
          {text}
        </text>
      )}
    </g>
  );
}

/** Moves the marks to their positions in the view. */
export function placeMarks(overlay: SVGSVGElement, { scale, left, top }: Projection): void {
  for (const mark of overlay.querySelectorAll<SVGGElement>(':scope > g')) {
    const [x, y] = [Number(mark.dataset['x']), Number(mark.dataset['y'])];
    mark.setAttribute('transform', `translate(${left + scale * x} ${top - scale * y})`);
  }
}
