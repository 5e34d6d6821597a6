import { createRandom } from '@facet/features';
import { inSlices } from '@facet/platform';
import { layOutNeighbors } from './neighbor-layout.ts';
import type { Layout } from './neighbor-layout.ts';

/** Bounds the quadratic part of the work. Catalogs of this size are laid out exactly. */
const landmarksDefault = 1500;
/** Landmarks and items are compared on this number of principal axes. */
const axesMax = 16;
/** Landmarks that place another item. */
const nearestMax = 8;
/** Items placed between two turns of the event loop, which takes about 10 ms. */
const placedPerTurn = 256;
/** The approximate share of the landmarks in the progress, for a catalog of a million items. */
const layoutShare = 0.1;

interface ProjectOptions {
  readonly landmarksMax?: number;
  /** Gets the finished share of the work. */
  readonly onProgress?: (share: number) => void;
}

/**
 * Projects item embeddings to two dimensions, for a map of the catalog: items with similar embeddings are near each other. Distances are those
 * of directions (cosine). Equal embeddings give equal maps.
 *
 * Up to 1,500 landmarks, a seeded sample of the items, are laid out by t-SNE from their principal axes. Every other item is placed
 * between the eight landmarks that are nearest to it. Memory is 12 bytes per item, and time is proportional to the number of items. Yields
 * to the event loop regularly.
 *
 * @param embeddings [N + 1, dim]; index 0 is padding.
 * @returns [N + 1, 2] x and y from −1 to 1; NaN for padding and for items without an embedding.
 */
export async function projectItems(
  embeddings: Float32Array,
  dim: number,
  { landmarksMax = landmarksDefault, onProgress }: ProjectOptions = {},
): Promise<Float32Array> {
  const rows = embeddings.length / dim;
  const positions = new Float32Array(2 * rows).fill(Number.NaN);
  const direction = new Float32Array(dim);
  const landmarks = await chooseLandmarks(embeddings, dim, landmarksMax);
  if (landmarks.length === 0) return positions;
  const directions = new Float32Array(landmarks.length * dim);
  landmarks.forEach((item, index) => {
    directionOf(embeddings, item, direction);
    directions.set(direction, index * dim);
  });
  const axes = findPrincipalAxes(directions, dim, Math.max(2, Math.min(axesMax, dim)));
  const reduced = new Float32Array(landmarks.length * axes.count);
  landmarks.forEach((_, index) =>
    projectRow(directions.subarray(index * dim, (index + 1) * dim), axes, reduced, index * axes.count),
  );
  const start = startOf(reduced, axes);
  const layout = normalize(
    await layOutNeighbors(reduced, axes.count, start, (share) => onProgress?.(layoutShare * share)),
  );
  landmarks.forEach((item, index) => positions.set(layout.subarray(2 * index, 2 * index + 2), 2 * item));
  const coordinates = new Float32Array(axes.count);
  const placeBetween = createPlacement(reduced, layout, axes.count);
  const placeItems = (first: number, end: number): void => {
    for (let item = first; item < end; item++) {
      const isLandmark = !Number.isNaN(positions[2 * item]);
      if (isLandmark || !directionOf(embeddings, item, direction)) continue;
      projectRow(direction, axes, coordinates);
      positions.set(placeBetween(coordinates), 2 * item);
    }
    onProgress?.(layoutShare + ((1 - layoutShare) * end) / rows);
  };
  await inSlices(rows, placeItems, placedPerTurn);
  return positions;
}

/** Returns a sample of the items that have an embedding, in ascending order. */
async function chooseLandmarks(embeddings: Float32Array, dim: number, landmarksMax: number): Promise<Int32Array> {
  const direction = new Float32Array(dim);
  const rows = embeddings.length / dim;
  const placed = new Int32Array(rows);
  let count = 0;
  await inSlices(rows, (start, end) => {
    for (let item = start; item < end; item++) if (directionOf(embeddings, item, direction)) placed[count++] = item;
  });
  const items = placed.subarray(0, count);
  if (items.length <= landmarksMax) return items;
  createRandom(1).shuffle(items);
  return items.slice(0, landmarksMax).sort();
}

/** Writes the unit vector of an item to `into`. Returns false for an item without an embedding. */
function directionOf(embeddings: Float32Array, item: number, into: Float32Array): boolean {
  const dim = into.length;
  let squares = 0;
  for (let d = 0; d < dim; d++) squares += embeddings[item * dim + d]! ** 2;
  if (!(squares > 0)) return false;
  const scale = 1 / Math.sqrt(squares);
  for (let d = 0; d < dim; d++) into[d] = embeddings[item * dim + d]! * scale;
  return true;
}

/** Returns the first two coordinates, small enough that t-SNE can rearrange them. */
function startOf(reduced: Float32Array, { count }: PrincipalAxes): Layout {
  const points = reduced.length / count;
  let squares = 0;
  for (let point = 0; point < points; point++) squares += reduced[point * count]! ** 2;
  const scale = 1e-2 / Math.max(1e-12, Math.sqrt(squares / points));
  return Float64Array.from({ length: 2 * points }, (_, cell) => scale * reduced[(cell >> 1) * count + (cell & 1)]!);
}

/** Centers a layout and scales it to the square from −1 to 1, with equal scales of both axes. */
function normalize(layout: Layout): Layout {
  const sides = [0, 1].map((axis) => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let cell = axis; cell < layout.length; cell += 2) {
      low = Math.min(low, layout[cell]!);
      high = Math.max(high, layout[cell]!);
    }
    return { center: (low + high) / 2, half: (high - low) / 2 };
  });
  const half = Math.max(...sides.map((side) => side.half)) || 1;
  return layout.map((value, cell) => (value - sides[cell & 1]!.center) / half);
}

/** Returns a function that computes the mean position of the nearest landmarks, weighted by their similarity. It reuses the result. */
function createPlacement(reduced: Float32Array, layout: Layout, dim: number): (coordinates: Float32Array) => Layout {
  const landmarks = reduced.length / dim;
  const ids = new Int32Array(nearestMax);
  const distances = new Float64Array(nearestMax);
  const position = new Float64Array(2);
  return (coordinates) => {
    distances.fill(Number.POSITIVE_INFINITY);
    for (let landmark = 0; landmark < landmarks; landmark++) {
      // The first axes vary most, so few landmarks are compared on all of them.
      const worst = distances[nearestMax - 1]!;
      const start = landmark * dim;
      let distance = 0;
      for (let axis = 0; axis < dim && distance < worst; axis++) {
        const difference = coordinates[axis]! - reduced[start + axis]!;
        distance += difference * difference;
      }
      if (distance >= worst) continue;
      let index = nearestMax - 1;
      for (; index > 0 && distances[index - 1]! > distance; index--) {
        distances[index] = distances[index - 1]!;
        ids[index] = ids[index - 1]!;
      }
      distances[index] = distance;
      ids[index] = landmark;
    }
    // Ignores far landmarks, so that an item between two clusters does not land in empty space.
    const width = Math.max(1e-12, (distances[nearestMax - 1]! - distances[0]!) / 3);
    let [total, x, y] = [0, 0, 0];
    for (let index = 0; index < nearestMax; index++) {
      const weight = Math.exp(-(distances[index]! - distances[0]!) / width);
      total += weight;
      x += weight * layout[2 * ids[index]!]!;
      y += weight * layout[2 * ids[index]! + 1]!;
    }
    position[0] = x / total;
    position[1] = y / total;
    return position;
  };
}

/** The mean of a set of rows and the orthonormal axes with the largest variance, largest first. */
interface PrincipalAxes {
  readonly dim: number;
  readonly count: number;
  /** [dim] */
  readonly mean: Float64Array;
  /** [count, dim] */
  readonly axes: Float64Array;
}

/** Enough for axes of item embeddings: their leading variances differ by a few percent at least. */
const iterations = 60;

/**
 * Returns the principal axes of `rows` [R, dim] by subspace iteration on the covariance. The largest coordinate of each axis is positive, so
 * that equal rows give equal axes.
 */
export function findPrincipalAxes(rows: Float32Array, dim: number, count: number): PrincipalAxes {
  const { mean, covariance } = covarianceOf(rows, dim);
  const random = createRandom(1);
  let axes: Float64Array = Float64Array.from({ length: count * dim }, () => random.normal());
  makeOrthonormal(axes, dim, count);
  for (let iteration = 0; iteration < iterations; iteration++) {
    axes = multiply(axes, covariance, dim, count);
    makeOrthonormal(axes, dim, count);
  }
  for (let axis = 0; axis < count; axis++) orient(axes.subarray(axis * dim, (axis + 1) * dim));
  return { dim, count, mean, axes };
}

/** Writes the coordinates of one row on the axes to `into`. */
export function projectRow(
  row: Float32Array,
  { dim, count, mean, axes }: PrincipalAxes,
  into: Float32Array,
  start = 0,
): void {
  for (let axis = 0; axis < count; axis++) {
    let coordinate = 0;
    for (let d = 0; d < dim; d++) coordinate += (row[d]! - mean[d]!) * axes[axis * dim + d]!;
    into[start + axis] = coordinate;
  }
}

function covarianceOf(rows: Float32Array, dim: number): { mean: Float64Array; covariance: Float64Array } {
  const count = rows.length / dim;
  const mean = new Float64Array(dim);
  for (let cell = 0; cell < rows.length; cell++) mean[cell % dim]! += rows[cell]! / count;
  const covariance = new Float64Array(dim * dim);
  const centered = new Float64Array(dim);
  for (let row = 0; row < count; row++) {
    for (let d = 0; d < dim; d++) centered[d] = rows[row * dim + d]! - mean[d]!;
    for (let a = 0; a < dim; a++) {
      for (let b = 0; b <= a; b++) covariance[a * dim + b]! += (centered[a]! * centered[b]!) / count;
    }
  }
  for (let a = 0; a < dim; a++) for (let b = 0; b < a; b++) covariance[b * dim + a] = covariance[a * dim + b]!;
  return { mean, covariance };
}

function multiply(axes: Float64Array, matrix: Float64Array, dim: number, count: number): Float64Array {
  const product = new Float64Array(count * dim);
  for (let axis = 0; axis < count; axis++) {
    for (let a = 0; a < dim; a++) {
      const weight = axes[axis * dim + a]!;
      for (let b = 0; b < dim; b++) product[axis * dim + b]! += weight * matrix[a * dim + b]!;
    }
  }
  return product;
}

/** Gram–Schmidt. An axis without a remainder becomes zero: the rows have fewer directions than axes. */
function makeOrthonormal(axes: Float64Array, dim: number, count: number): void {
  for (let axis = 0; axis < count; axis++) {
    const own = axes.subarray(axis * dim, (axis + 1) * dim);
    const lengthBefore = norm(own);
    for (let earlier = 0; earlier < axis; earlier++) {
      const other = axes.subarray(earlier * dim, (earlier + 1) * dim);
      let along = 0;
      for (let d = 0; d < dim; d++) along += own[d]! * other[d]!;
      for (let d = 0; d < dim; d++) own[d]! -= along * other[d]!;
    }
    const length = norm(own);
    const scale = length > 1e-12 * lengthBefore ? 1 / length : 0;
    for (let d = 0; d < dim; d++) own[d]! *= scale;
  }
}

function norm(vector: Float64Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}

function orient(axis: Float64Array): void {
  let largest = 0;
  for (const value of axis) if (Math.abs(value) > Math.abs(largest)) largest = value;
  if (largest < 0) axis.forEach((value, d) => (axis[d] = -value));
}
