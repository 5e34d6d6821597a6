import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { createRandom } from '@facet/features';
import { describe, expect, it } from 'vitest';
import { findPrincipalAxes, projectRow, projectItems } from '../src/indexing/project-items.ts';

const dim = 12;
const clusters = 5;

/** Items of five clusters in turn, [N + 1, dim]. */
function clusteredEmbeddings(items: number): Float32Array {
  const random = createRandom(3);
  const centers = Float64Array.from({ length: clusters * dim }, () => random.normal());
  return Float32Array.from({ length: (items + 1) * dim }, (_, cell) => {
    const item = Math.floor(cell / dim);
    return item === 0 ? 0 : centers[(item % clusters) * dim + (cell % dim)]! + 0.3 * random.normal();
  });
}

/** Returns the share of items whose nearest item on the map is of the same cluster. */
function neighborsOfSameCluster(positions: Float32Array): number {
  const items = positions.length / 2 - 1;
  let same = 0;
  for (let item = 1; item <= items; item++) {
    let nearest = { other: 0, distance: Number.POSITIVE_INFINITY };
    for (let other = 1; other <= items; other++) {
      const distance = Math.hypot(
        positions[2 * item]! - positions[2 * other]!,
        positions[2 * item + 1]! - positions[2 * other + 1]!,
      );
      if (other !== item && distance < nearest.distance) nearest = { other, distance };
    }
    if (nearest.other % clusters === item % clusters) same++;
  }
  return same / items;
}

describe('projectItems', () => {
  it('puts similar items next to each other, within the square from -1 to 1', async () => {
    const positions = await projectItems(clusteredEmbeddings(200), dim);
    expect(neighborsOfSameCluster(positions)).toBeGreaterThan(0.95);
    const placed = positions.subarray(2);
    expect(Math.max(...placed)).toBeLessThanOrEqual(1);
    expect(Math.min(...placed)).toBeGreaterThanOrEqual(-1);
  });

  it('places the items beyond the landmarks among similar landmarks', async () => {
    const positions = await projectItems(clusteredEmbeddings(600), dim, { landmarksMax: 100 });
    expect(positions.subarray(2).every((value) => Number.isFinite(value))).toBe(true);
    expect(neighborsOfSameCluster(positions)).toBeGreaterThan(0.95);
  });

  it('returns equal maps for equal embeddings, and for embeddings of another length', async () => {
    const embeddings = clusteredEmbeddings(80);
    const positions = await projectItems(embeddings, dim, { landmarksMax: 50 });
    expect(await projectItems(Float32Array.from(embeddings), dim, { landmarksMax: 50 })).toEqual(positions);
    // Powers of two scale without rounding.
    const longer = embeddings.map((value, cell) => value * 2 ** (Math.floor(cell / dim) % 4));
    expect(await projectItems(longer, dim, { landmarksMax: 50 })).toEqual(positions);
  });

  it('works in turns with the event loop, and reports its progress', async () => {
    const shares: number[] = [];
    let [sinceTurn, most, isDone] = [0, 0, false];
    const onProgress = (share: number): void => {
      shares.push(share);
      most = Math.max(most, ++sinceTurn);
    };
    const done = projectItems(clusteredEmbeddings(3_000), dim, { landmarksMax: 50, onProgress });
    void done.finally(() => (isDone = true));
    while (!isDone) {
      await yieldToEventLoop();
      sinceTurn = 0;
    }
    // One step of the layout or 256 items, then the next turn.
    expect(most).toBeLessThanOrEqual(2);
    expect(shares.length).toBe(250 + Math.ceil(3_001 / 256));
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
  });

  it('gives no position to items without an embedding, and places a few items', async () => {
    const embeddings = clusteredEmbeddings(6);
    embeddings.fill(0, 4 * dim, 5 * dim);
    const positions = await projectItems(embeddings, dim);
    expect([...positions.keys()].filter((cell) => Number.isNaN(positions[cell]))).toEqual([0, 1, 8, 9]);
    expect(await projectItems(new Float32Array(2 * dim), dim)).toEqual(new Float32Array(4).fill(Number.NaN));
    expect([...(await projectItems(Float32Array.of(0, 0, 3, 4), 2)).subarray(2)]).toEqual([0, 0]);
  });
});

it('finds the axes of an ellipse', () => {
  // Rows (4 cos t, sin t) turned by 30 degrees, around (5, -2).
  const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
  const rows = Float32Array.from({ length: 720 }, (_, cell) => {
    const angle = ((cell >> 1) * Math.PI) / 180;
    const [x, y] = [4 * Math.cos(angle), Math.sin(angle)];
    return cell % 2 === 0 ? 5 + c * x - s * y : -2 + s * x + c * y;
  });
  const axes = findPrincipalAxes(rows, 2, 2);
  [5, -2].forEach((value, d) => expect(axes.mean[d]).toBeCloseTo(value, 5));
  [c, s, -s, c].forEach((value, cell) => expect(axes.axes[cell]).toBeCloseTo(value, 5));
  const coordinates = new Float32Array(2);
  projectRow(Float32Array.of(5 + 4 * c, -2 + 4 * s), axes, coordinates);
  expect(coordinates[0]).toBeCloseTo(4, 4);
  expect(coordinates[1]).toBeCloseTo(0, 4);
});
