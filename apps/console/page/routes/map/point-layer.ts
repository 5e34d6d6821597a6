import { quadtree } from 'd3-quadtree';

/** The values of all items. */
export type Column = Float32Array | Int32Array | Uint8Array;

/** The points of the map: items that have a position. */
export interface Points {
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** The number of each point's item, from 1. */
  readonly items: Int32Array;
}

/** Leaves out items without a position. */
export function pointsOf(position: Column): Points {
  const rows: number[] = [];
  for (let row = 0; row < position.length / 2; row++) if (!Number.isNaN(position[2 * row])) rows.push(row);
  return {
    x: Float32Array.from(rows, (row) => position[2 * row]!),
    y: Float32Array.from(rows, (row) => position[2 * row + 1]!),
    items: Int32Array.from(rows, (row) => row + 1),
  };
}

/** The map position in the middle of the view, and how many times the view enlarges the map. */
export interface Camera extends Position {
  readonly zoom: number;
}

/** Converts map positions to pixels: (left + scale · x, top − scale · y). */
export interface Projection {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

export interface Position {
  readonly x: number;
  readonly y: number;
}

export const wholeMap: Camera = { x: 0, y: 0, zoom: 1 };
const zoomMin = 0.5;
const zoomMax = 1_000;
/** Positions are between −1 and 1. The shorter side of the view shows a little more. */
const shownAxis = 2.3;

export function projectionOf({ x, y, zoom }: Camera, width: number, height: number): Projection {
  const scale = (zoom * Math.min(width, height)) / shownAxis;
  return { scale, left: width / 2 - scale * x, top: height / 2 + scale * y };
}

export function toMap({ scale, left, top }: Projection, { x, y }: Position): Position {
  return { x: (x - left) / scale, y: (top - y) / scale };
}

/** Enlarges the view by a factor. The map position `around` keeps its place. */
export function zoomBy(camera: Camera, factor: number, around: Position): Camera {
  const zoom = Math.min(zoomMax, Math.max(zoomMin, camera.zoom * factor));
  const share = camera.zoom / zoom;
  return { x: around.x + (camera.x - around.x) * share, y: around.y + (camera.y - around.y) * share, zoom };
}

/** Returns a function that finds the point nearest to a map position, at most `distanceMax` away. */
export function createFinder({ x, y }: Points): (at: Position, distanceMax: number) => number | undefined {
  const tree = quadtree<number>()
    .x((point) => x[point]!)
    .y((point) => y[point]!)
    .addAll([...x.keys()]);
  return (at, distanceMax) => tree.find(at.x, at.y, distanceMax);
}

/** Returns the items whose positions are in a polygon of map positions. */
export function itemsInPolygon({ x, y, items }: Points, polygon: readonly Position[]): Int32Array {
  const [left, right] = boundsOf(polygon.map((corner) => corner.x));
  const [bottom, top] = boundsOf(polygon.map((corner) => corner.y));
  return items.filter((_, point) => {
    const [px, py] = [x[point]!, y[point]!];
    return px >= left && px <= right && py >= bottom && py <= top && isInside(px, py, polygon);
  });
}

function boundsOf(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
}

/** Counts the edges to the right: inside, their number is odd. */
function isInside(x: number, y: number, polygon: readonly Position[]): boolean {
  let isOdd = false;
  let from = polygon.at(-1)!;
  for (const to of polygon) {
    if (from.y > y !== to.y > y && x < from.x + ((y - from.y) / (to.y - from.y)) * (to.x - from.x)) isOdd = !isOdd;
    from = to;
  }
  return isOdd;
}

/** Width in pixels of the area around the view in which the layer also draws points. */
export const marginPixels = 32;

/** The pixels of a canvas, with `marginPixels` more on each side. Each is ABGR, as in image data on little-endian processors. */
export interface Picture {
  readonly pixels: Uint32Array;
  readonly width: number;
  readonly height: number;
}

export interface PointDrawing {
  readonly points: Points;
  /** [points] class of each point. */
  readonly classes: ArrayLike<number>;
  /** `#rrggbb` of each class. */
  readonly palette: readonly string[];
  /** Diameter of the points of each class, in pixels. */
  readonly diameters: readonly number[];
  readonly opacity: number;
  readonly background: string;
  /** [points] 1 for selected points. Absent: none is selected. */
  readonly selected: Uint8Array | undefined;
  readonly selectedColor: string;
}

/** How strongly the other points fade while some are selected. */
const fadedShare = 0.35;

/**
 * Draws all points into a picture. The browser would take several times as long for as many shapes. `projection` is in pixels of
 * the canvas, without the margin.
 */
export function drawPoints(picture: Picture, projection: Projection, drawing: PointDrawing): void {
  const { selected, palette, diameters, opacity, background, selectedColor } = drawing;
  picture.pixels.fill(abgrOf(background));
  const share = selected === undefined ? 1 : fadedShare;
  const stamps = palette.map((color, kind) => stampOf(picture.width, diameters[kind]!, color, opacity * share));
  drawSome(picture, projection, { drawing, stamps, isDrawn: selected, value: 0 });
  if (selected === undefined) return;
  const bright = palette.map((_, kind) => stampOf(picture.width, diameters[kind]! + 1, selectedColor, 1));
  drawSome(picture, projection, { drawing, stamps: bright, isDrawn: selected, value: 1 });
}

interface Pass {
  readonly drawing: PointDrawing;
  /** By class. */
  readonly stamps: readonly Stamp[];
  /** Only the points with this value are drawn. Absent: all. */
  readonly isDrawn: Uint8Array | undefined;
  readonly value: number;
}

function drawSome({ pixels, width, height }: Picture, { scale, left, top }: Projection, pass: Pass): void {
  const { points, classes } = pass.drawing;
  const { x, y } = points;
  for (let point = 0; point < x.length; point++) {
    if (pass.isDrawn !== undefined && pass.isDrawn[point] !== pass.value) continue;
    const column = Math.floor(left + scale * x[point]!);
    const row = Math.floor(top - scale * y[point]!);
    if (column <= -marginPixels / 2 || column >= width - 1.5 * marginPixels) continue;
    if (row <= -marginPixels / 2 || row >= height - 1.5 * marginPixels) continue;
    const { offsets, redBlue, green, rest } = pass.stamps[classes[point]!]!;
    const middle = (row + marginPixels) * width + column + marginPixels;
    for (let part = 0; part < offsets.length; part++) {
      const at = middle + offsets[part]!;
      const before = pixels[at]!;
      // Two channels at once: each has 16 bits for its product.
      pixels[at] =
        0xff000000 |
        (((Math.imul(before & 0xff00ff, rest[part]!) + redBlue[part]!) >>> 8) & 0xff00ff) |
        (((Math.imul(before & 0x00ff00, rest[part]!) + green[part]!) >>> 8) & 0x00ff00);
    }
  }
}

/** The pixels of one point: where they are, and what they add to the pixels below them. */
interface Stamp {
  readonly offsets: Int32Array;
  /** Red and blue times the opacity, from 0 to 256. */
  readonly redBlue: Uint32Array;
  readonly green: Uint32Array;
  /** The share of the pixel below, from 0 to 256. */
  readonly rest: Int32Array;
}

/** Returns a circle with smooth edges. */
function stampOf(width: number, diameter: number, color: string, opacity: number): Stamp {
  const radius = Math.min(diameter / 2, marginPixels / 2 - 1);
  const reach = Math.ceil(radius);
  const parts: { readonly offset: number; readonly alpha: number }[] = [];
  for (let row = -reach; row <= reach; row++) {
    for (let column = -reach; column <= reach; column++) {
      const coverage = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(row, column)));
      const alpha = Math.round(256 * coverage * opacity);
      if (alpha > 0) parts.push({ offset: row * width + column, alpha });
    }
  }
  const abgr = abgrOf(color);
  return {
    offsets: Int32Array.from(parts, ({ offset }) => offset),
    redBlue: Uint32Array.from(parts, ({ alpha }) => Math.imul(abgr & 0xff00ff, alpha) >>> 0),
    green: Uint32Array.from(parts, ({ alpha }) => Math.imul(abgr & 0x00ff00, alpha) >>> 0),
    rest: Int32Array.from(parts, ({ alpha }) => 256 - alpha),
  };
}

/** `#rrggbb` → ABGR. */
function abgrOf(color: string): number {
  const rgb = Number.parseInt(color.slice(1), 16);
  return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}
