import { useEffect, useMemo, useRef } from 'react';
import { nameOf } from '../../parts/format.tsx';
import type { Coloring, MapColors } from './coloring.tsx';
import {
  createFinder,
  drawPoints,
  itemsInPolygon,
  marginPixels,
  projectionOf,
  toMap,
  wholeMap,
  zoomBy,
} from './point-layer.ts';
import type { Camera, Picture, PointDrawing, Points, Position, Projection } from './point-layer.ts';
import type { MapItem, Neighbors, UserOnMap } from './queries.ts';

interface ScatterProps {
  readonly points: Points;
  readonly coloring: Coloring;
  readonly colors: MapColors;
  readonly marks: readonly Mark[];
  /** The selected items. */
  readonly selection: Int32Array;
  readonly isLasso: boolean;
  /** Called with the items of a click or of a lasso. */
  readonly onSelect: (items: Int32Array) => void;
  /** Called with the item under the pointer. */
  readonly onHover: (item: number | undefined) => void;
}

/** Draws the points on a canvas that the pointer pans and zooms, and marks above them. */
export function Scatter(props: ScatterProps) {
  const { points, coloring, colors, marks, selection } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<SVGSVGElement>(null);
  const plot = useRef<ReturnType<typeof createPlot>>(undefined);
  const selected = useMemo(() => selectedPoints(points, selection), [points, selection]);
  const latest = useRef<PlotProps>({ ...props, selected });
  latest.current = { ...props, selected };

  useEffect(() => {
    plot.current = createPlot(canvas.current!, overlay.current!, () => latest.current);
    return plot.current.close;
  }, []);
  useEffect(() => plot.current?.redraw(), [points, coloring, colors, marks, selected]);

  return (
    <div className="scatter">
      <canvas ref={canvas} role="img" aria-label={`Map of ${points.items.length} items`} />
      <svg ref={overlay} className="scatter-marks" aria-hidden>
        {marks.map((mark) => (
          <MarkShape {...mark} key={mark.key} />
        ))}
        <polygon className="lasso" />
      </svg>
    </div>
  );
}

type PlotProps = ScatterProps & Pick<PointDrawing, 'selected'>;

/** A click may move the pointer by this distance, and picks a point within it. */
const clickPixels = 6;

/** Draws the properties on a canvas, and converts what the pointer does to a view, a hovered item or a selection. */
function createPlot(canvas: HTMLCanvasElement, overlay: SVGSVGElement, read: () => PlotProps) {
  const context = canvas.getContext('2d', { alpha: false })!;
  const lassoShape = overlay.querySelector('polygon.lasso')!;
  const pointers = new Map<number, Position>();
  let camera = wholeMap;
  let picture: (Picture & { readonly image: ImageData }) | undefined;
  let hovered: number | undefined;
  let lasso: Position[] = [];
  let movedPixels = 0;
  let frame = 0;
  let finder: { readonly points: Points; readonly find: ReturnType<typeof createFinder> } | undefined;

  const projection = (): Projection => projectionOf(camera, canvas.clientWidth, canvas.clientHeight);
  /** Draws the current properties in the next frame. */
  const redraw = (): void => {
    frame ||= requestAnimationFrame(draw);
  };
  const show = (next: Camera): void => {
    camera = next;
    redraw();
  };

  function draw(): void {
    frame = 0;
    if (picture === undefined) return;
    const { devicePixelRatio: ratio } = window;
    const { scale, left, top } = projection();
    const drawing = drawingOf(read(), camera, ratio);
    const inDevice = { scale: scale * ratio, left: left * ratio, top: top * ratio };
    drawPoints(picture, inDevice, drawing);
    context.putImageData(picture.image, -marginPixels, -marginPixels);
    if (hovered !== undefined) drawRing(context, hovered, inDevice, drawing);
    placeMarks(overlay, { scale, left, top });
    lassoShape.setAttribute('points', lasso.map(({ x, y }) => `${x},${y}`).join(' '));
    canvas.dataset['points'] = String(read().points.items.length);
  }

  function pointAt(position: Position): number | undefined {
    const { points } = read();
    if (finder?.points !== points) finder = { points, find: createFinder(points) };
    const view = projection();
    return finder.find(toMap(view, position), clickPixels / view.scale);
  }

  function hover(point: number | undefined): void {
    if (point === hovered) return;
    hovered = point;
    read().onHover(point === undefined ? undefined : read().points.items[point]!);
    redraw();
  }

  function drag(from: Position, to: Position): void {
    movedPixels += Math.hypot(to.x - from.x, to.y - from.y);
    const { scale } = projection();
    show({ ...camera, x: camera.x - (to.x - from.x) / scale, y: camera.y + (to.y - from.y) / scale });
  }

  /** Zooms by the change of the distance between two fingers. */
  function pinch(from: Position, to: Position, other: Position): void {
    const factor = distance(to, other) / Math.max(1, distance(from, other));
    show(zoomBy(camera, factor, toMap(projection(), { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 })));
    movedPixels = Number.POSITIVE_INFINITY;
  }

  const listening = new AbortController();
  const listen = <Name extends keyof HTMLElementEventMap>(
    name: Name,
    handle: (event: HTMLElementEventMap[Name]) => void,
  ): void => canvas.addEventListener(name, handle, { signal: listening.signal, passive: false });

  listen('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, positionOf(event));
    movedPixels = pointers.size === 1 ? 0 : movedPixels;
    if (read().isLasso) lasso = [positionOf(event)];
  });
  listen('pointermove', (event) => {
    const to = positionOf(event);
    const from = pointers.get(event.pointerId);
    if (from === undefined) return hover(pointAt(to));
    pointers.set(event.pointerId, to);
    if (lasso.length > 0) {
      lasso.push(to);
      return redraw();
    }
    const other = [...pointers.entries()].find(([id]) => id !== event.pointerId)?.[1];
    return other === undefined ? drag(from, to) : pinch(from, to, other);
  });
  listen('pointerup', (event) => {
    if (!pointers.delete(event.pointerId) || pointers.size > 0) return;
    const { points, onSelect } = read();
    if (lasso.length > 0) {
      const view = projection();
      const polygon = lasso.map((corner) => toMap(view, corner));
      lasso = [];
      onSelect(itemsInPolygon(points, polygon));
      redraw();
    } else if (movedPixels < clickPixels) {
      const point = pointAt(positionOf(event));
      if (point !== undefined) onSelect(points.items.slice(point, point + 1));
    }
  });
  listen('pointercancel', (event) => {
    pointers.delete(event.pointerId);
    lasso = [];
    redraw();
  });
  listen('pointerleave', () => hover(undefined));
  listen('dblclick', (event) => {
    if (pointAt(positionOf(event)) === undefined) read().onSelect(new Int32Array(0));
  });
  listen('wheel', (event) => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 16;
    show(zoomBy(camera, Math.exp(-0.002 * lines * event.deltaY), toMap(projection(), positionOf(event))));
  });
  window.addEventListener(
    'keydown',
    ({ key }) => {
      if (key === 'Escape') read().onSelect(new Int32Array(0));
    },
    { signal: listening.signal },
  );

  const resizing = new ResizeObserver(() => {
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    const image = new ImageData(canvas.width + 2 * marginPixels, canvas.height + 2 * marginPixels);
    picture = { image, pixels: new Uint32Array(image.data.buffer), width: image.width, height: image.height };
    // Before the next frame, as a resized canvas is empty.
    draw();
  });
  resizing.observe(canvas);
  return {
    redraw,
    close() {
      resizing.disconnect();
      listening.abort();
      cancelAnimationFrame(frame);
    },
  };
}

/** Draws a ring around the point under the pointer. */
function drawRing(
  context: CanvasRenderingContext2D,
  point: number,
  { scale, left, top }: Projection,
  { points, classes, diameters, selectedColor }: PointDrawing,
): void {
  if (point >= points.x.length) return;
  const radius = diameters[classes[point]!]! / 2 + 3 * devicePixelRatio;
  context.beginPath();
  context.arc(left + scale * points.x[point]!, top - scale * points.y[point]!, radius, 0, 2 * Math.PI);
  context.strokeStyle = selectedColor;
  context.lineWidth = 2 * devicePixelRatio;
  context.stroke();
}

/** Points of large catalogs are smaller and more transparent. Zooming in enlarges them, more and more slowly. */
function drawingOf(props: PlotProps, { zoom }: Camera, ratio: number): PointDrawing {
  const { points, coloring, colors, selected } = props;
  const crowd = Math.min(1, Math.sqrt(8_000 / Math.max(1, points.items.length)));
  const growth = Math.asinh(Math.max(1, zoom)) / Math.asinh(1);
  const diameter = Math.min(16, Math.max(1.5, 6 * crowd) * growth) * ratio;
  return {
    points,
    classes: coloring.classes,
    palette: coloring.palette,
    diameters: coloring.palette.map((_, kind) => diameter * (coloring.sizes?.[kind] ?? 1)),
    opacity: Math.max(0.35, 0.9 * Math.sqrt(crowd)),
    background: colors.background,
    selected,
    selectedColor: colors.text,
  };
}

/** One selected item has a mark. Several are bright. */
function selectedPoints({ items }: Points, selection: Int32Array): Uint8Array | undefined {
  if (selection.length < 2) return undefined;
  const chosen = new Set(selection);
  return Uint8Array.from(items, (item) => (chosen.has(item) ? 1 : 0));
}

const positionOf = ({ offsetX: x, offsetY: y }: MouseEvent): Position => ({ x, y });
const distance = (a: Position, b: Position): number => Math.hypot(a.x - b.x, a.y - b.y);

/** A mark above the points, such as an interest. */
interface Mark extends Position {
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

function MarkShape({ x, y, kind, color, title, text }: Mark) {
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
function placeMarks(overlay: SVGSVGElement, { scale, left, top }: Projection): void {
  for (const mark of overlay.querySelectorAll<SVGGElement>(':scope > g')) {
    const [x, y] = [Number(mark.dataset['x']), Number(mark.dataset['y'])];
    mark.setAttribute('transform', `translate(${left + scale * x} ${top - scale * y})`);
  }
}
