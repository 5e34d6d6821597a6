import { useEffect, useRef, useState } from 'react';
import createScatterplot, { createRenderer } from 'regl-scatterplot';
import { Failure } from '../../parts/states.tsx';
import type { Coloring, Points } from './color-points.ts';
import type { MapColors } from './theme-colors.ts';

type Scatterplot = ReturnType<typeof createScatterplot>;

/** From this number on, points are so small that squares look like circles. Squares take half the time of circles on a CPU. */
const squaresFrom = 50_000;

/** A mark above the points, such as an interest. */
export interface Mark {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly kind: 'interest' | 'behavior' | 'selected' | 'neighbor';
  readonly color: string;
  readonly title: string;
  readonly text?: string;
}

interface ScatterProps {
  readonly points: Points;
  readonly coloring: Coloring;
  readonly colors: MapColors;
  readonly marks: readonly Mark[];
  readonly isLasso: boolean;
  /** Called with the items of a click or of a lasso. */
  readonly onSelect: (items: Int32Array) => void;
  /** Called with the item under the pointer. */
  readonly onHover: (item: number | undefined) => void;
}

/** Draws the points with WebGL, which pans and zooms up to millions of them, and marks above them. */
export function Scatter({ points, coloring, colors, marks, isLasso, onSelect, onHover }: ScatterProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<SVGSVGElement>(null);
  const plot = useRef<Scatterplot>(undefined);
  const view = useRef<Float32Array>(undefined);
  const latest = useRef({ points, onSelect, onHover });
  const [error, setError] = useState<Error>();
  latest.current = { points, onSelect, onHover };

  useEffect(() => {
    const element = canvas.current!;
    if (document.createElement('canvas').getContext('webgl') === null) {
      setError(
        new Error('This browser has no WebGL, which draws the map. Turn on hardware acceleration or another browser.'),
      );
      return undefined;
    }
    const { width, height } = element.parentElement!.getBoundingClientRect();
    // The default renderer draws as many pixels as the window has.
    const renderer = createRenderer({ canvas: document.createElement('canvas') });
    renderer.resize(width, height);
    const created = createScatterplot({
      renderer,
      canvas: element,
      width,
      height,
      renderPointsAsSquares: latest.current.points.items.length >= squaresFrom,
      spatialIndexUseWorker: false,
      deselectOnEscape: true,
      opacityInactiveScale: 0.35,
      // A tall view must show the whole width.
      cameraDistance: 1.15 * Math.max(1, height / width),
    });
    plot.current = created;
    const itemOf = (point: number): number => latest.current.points.items[point]!;
    created.subscribe('select', ({ points: chosen }: { points: number[] }) =>
      latest.current.onSelect(Int32Array.from(chosen, itemOf)),
    );
    created.subscribe('deselect', () => latest.current.onSelect(new Int32Array(0)));
    created.subscribe('pointOver', (point: number) => latest.current.onHover(itemOf(point)));
    created.subscribe('pointOut', () => latest.current.onHover(undefined));
    created.subscribe('drawing', ({ view: matrix }: { view: Float32Array }) => {
      view.current = matrix;
      placeMarks(overlay.current, matrix);
    });
    const observer = new ResizeObserver(([entry]) => {
      const { width: wide, height: high } = entry!.contentRect;
      renderer.resize(wide, high);
      created.set({ width: wide, height: high });
      void created.redraw();
    });
    observer.observe(element.parentElement!);
    return () => {
      observer.disconnect();
      created.destroy();
      renderer.destroy();
    };
  }, []);

  useEffect(() => {
    const { x, y, items } = points;
    const count = items.length;
    const crowd = Math.min(1, Math.sqrt(8_000 / Math.max(1, count)));
    plot.current?.set({
      backgroundColor: colors.background,
      colorBy: 'valueA',
      pointColor: [...coloring.palette],
      pointColorActive: colors.text,
      pointColorHover: colors.text,
      lassoColor: colors.accent,
      sizeBy: 'valueA',
      pointSize: coloring.palette.map((_, position) => Math.max(1.5, 6 * crowd) * (coloring.sizes?.[position] ?? 1)),
      opacity: Math.max(0.35, 0.9 * Math.sqrt(crowd)),
    });
    void plot.current
      ?.draw({ x, y, valueA: coloring.classes }, { zDataType: 'categorical' })
      .then(() => canvas.current?.setAttribute('data-points', String(count)));
  }, [points, coloring, colors]);

  useEffect(() => void plot.current?.set({ mouseMode: isLasso ? 'lasso' : 'panZoom' }), [isLasso]);

  useEffect(() => {
    if (view.current !== undefined) placeMarks(overlay.current, view.current);
  }, [marks]);

  if (error !== undefined) return <Failure error={error} />;
  return (
    <div className="scatter">
      <canvas ref={canvas} role="img" aria-label={`Map of ${points.items.length} items`} />
      <svg ref={overlay} className="scatter-marks" aria-hidden>
        {marks.map((mark) => (
          <MarkShape key={mark.key} mark={mark} />
        ))}
      </svg>
    </div>
  );
}

function MarkShape({ mark: { x, y, kind, color, title, text } }: { readonly mark: Mark }) {
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

/** Moves the marks to where the camera shows their positions. The shorter side of the view is the unit of both axes. */
function placeMarks(overlay: SVGSVGElement | null, view: Float32Array): void {
  if (overlay === null) return;
  const { width, height } = overlay.getBoundingClientRect();
  const aspect = width / height;
  for (const mark of overlay.querySelectorAll<SVGGElement>(':scope > g')) {
    const [x, y] = [Number(mark.dataset['x']), Number(mark.dataset['y'])];
    const right = (view[0]! * x + view[4]! * y + view[12]!) / aspect;
    const up = view[1]! * x + view[5]! * y + view[13]!;
    mark.setAttribute('transform', `translate(${((right + 1) / 2) * width} ${((1 - up) / 2) * height})`);
  }
}
