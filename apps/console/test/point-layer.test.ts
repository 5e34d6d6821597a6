import { expect, it } from 'vitest';
import {
  createFinder,
  drawPoints,
  itemsInPolygon,
  marginPixels,
  projectionOf,
  toMap,
  wholeMap,
  zoomBy,
} from '../page/routes/map/point-layer.ts';

const points = {
  x: Float32Array.of(0, 0.5, -0.5, 0),
  y: Float32Array.of(0, 0.5, -0.5, 0.5),
  items: Int32Array.of(1, 2, 5, 7),
};

it('zooms around a position, which keeps its place in the view', () => {
  const pixel = { x: 700, y: 120 };
  const before = toMap(projectionOf(wholeMap, 800, 600), pixel);
  const zoomed = zoomBy(wholeMap, 7, before);
  const after = toMap(projectionOf(zoomed, 800, 600), pixel);
  expect(after.x).toBeCloseTo(before.x);
  expect(after.y).toBeCloseTo(before.y);
});

it('selects the items in a polygon, and not those in its notch', () => {
  // The letter V: item 7 is in its notch.
  const letter = [
    { x: -0.6, y: 0.6 },
    { x: -0.2, y: -0.6 },
    { x: 0.2, y: -0.6 },
    { x: 0.6, y: 0.6 },
    { x: 0.4, y: 0.6 },
    { x: 0, y: -0.2 },
    { x: -0.4, y: 0.6 },
  ];
  expect([...itemsInPolygon(points, letter)]).toEqual([2]);
});

it('finds the nearest point within a distance', () => {
  const find = createFinder(points);
  expect(find({ x: 0.4, y: 0.5 }, 0.2)).toBe(1);
  expect(find({ x: 0.9, y: -0.9 }, 0.2)).toBeUndefined();
});

it('draws a point over the background by its opacity, and a selected one in its own color', () => {
  const side = 101;
  const stride = side + 2 * marginPixels;
  const draw = (selected?: Uint8Array): ((x: number, y: number) => string) => {
    const pixels = new Uint32Array(stride * stride);
    const drawing = {
      points,
      classes: Float32Array.of(0, 1, 0, 0),
      palette: ['#ff0000', '#00ff00'],
      diameters: [4, 4],
      opacity: 0.5,
      background: '#000040',
      selected,
      selectedColor: '#ffffff',
    };
    drawPoints({ pixels, width: stride, height: stride }, { scale: 40, left: 50, top: 50 }, drawing);
    return (x, y) => {
      const abgr = pixels[(50 - 40 * y + marginPixels) * stride + 50 + 40 * x + marginPixels]!;
      return [abgr & 0xff, (abgr >> 8) & 0xff, (abgr >> 16) & 0xff].join(' ');
    };
  };
  const colorAt = draw();
  // Half of the color, and half of the background.
  expect(colorAt(0, 0)).toBe('127 0 32');
  expect(colorAt(0.5, 0.5)).toBe('0 127 32');
  expect(colorAt(1, 0)).toBe('0 0 64');
  const withSelection = draw(Uint8Array.of(0, 1, 0, 0));
  expect(withSelection(0.5, 0.5)).toBe('255 255 255');
  expect(withSelection(0, 0)).toBe([256 * 0.175, 0, 64 - 64 * 0.175].map((part) => Math.floor(part)).join(' '));
});
