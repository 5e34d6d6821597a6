import { inSlices } from '@facet/platform';

/** Points of a 2-D layout: x and y of each point in turn, [P, 2]. */
export type Layout = Float64Array;

/** The number of neighbors that a point is attracted to, in the sense of perplexity. */
const perplexityMax = 30;
const steps = 250;
/** Points whose neighbors are found between two turns of the event loop, which takes about 10 ms. */
const pointsPerTurn = 32;
const exaggeratedSteps = 75;
const exaggeration = 12;

/**
 * Arranges points in two dimensions so that neighbors in `rows` [P, dim] are neighbors in the layout. Exact t-SNE (van der Maaten & Hinton
 * 2008) from a given start, with attraction to the nearest rows only. Without random numbers, so equal rows and starts give equal layouts.
 *
 * Time is proportional to P², memory to P. Yields to the event loop regularly.
 *
 * @param onProgress gets the finished share of the steps.
 */
export async function layOutNeighbors(
  rows: Float32Array,
  dim: number,
  start: Layout,
  onProgress: (share: number) => void = () => undefined,
): Promise<Layout> {
  const points = start.length / 2;
  const layout = Float64Array.from(start);
  if (points < 4) return layout;
  const attraction = await attractionsOf(rows, dim, points);
  const velocity = new Float64Array(2 * points);
  const gains = new Float64Array(2 * points).fill(1);
  const gradient = new Float64Array(2 * points);
  const rate = Math.max(50, points / exaggeration);
  const move = (step: number): void => {
    const isEarly = step < exaggeratedSteps;
    computeGradient(layout, attraction, isEarly ? exaggeration : 1, gradient);
    const momentum = isEarly ? 0.5 : 0.8;
    for (let cell = 0; cell < layout.length; cell++) {
      // Gains grow while the direction stays, and shrink when it turns (Jacobs 1988).
      const turns = gradient[cell]! > 0 === velocity[cell]! > 0;
      gains[cell] = turns ? Math.max(0.01, gains[cell]! * 0.8) : gains[cell]! + 0.2;
      velocity[cell] = momentum * velocity[cell]! - rate * gains[cell]! * gradient[cell]!;
      layout[cell]! += velocity[cell]!;
    }
    onProgress((step + 1) / steps);
  };
  await inSlices(steps, move, 1);
  return layout;
}

/** Symmetric attractions p_ij in compressed rows; their sum is 1. */
interface Attractions {
  /** [P + 1] */
  readonly offsets: Int32Array;
  readonly neighbors: Int32Array;
  readonly weights: Float64Array;
}

async function attractionsOf(rows: Float32Array, dim: number, points: number): Promise<Attractions> {
  const perplexity = Math.min(perplexityMax, (points - 1) / 3);
  const nearest = Math.min(points - 1, Math.ceil(3 * perplexity));
  const pairs = Array.from({ length: points }, () => new Map<number, number>());
  const addNeighbors = (point: number): void => {
    const { ids, distances } = nearestRows(rows, dim, point, nearest);
    const shares = sharesOf(distances, perplexity);
    ids.forEach((neighbor, index) => {
      const half = shares[index]! / (2 * points);
      pairs[point]!.set(neighbor, (pairs[point]!.get(neighbor) ?? 0) + half);
      pairs[neighbor]!.set(point, (pairs[neighbor]!.get(point) ?? 0) + half);
    });
  };
  const addAll = (first: number, end: number): void => {
    for (let point = first; point < end; point++) addNeighbors(point);
  };
  await inSlices(points, addAll, pointsPerTurn);
  const offsets = new Int32Array(points + 1);
  pairs.forEach((row, point) => (offsets[point + 1] = offsets[point]! + row.size));
  return {
    offsets,
    neighbors: Int32Array.from(pairs.flatMap((row) => [...row.keys()])),
    weights: Float64Array.from(pairs.flatMap((row) => [...row.values()])),
  };
}

function nearestRows(rows: Float32Array, dim: number, point: number, count: number) {
  const points = rows.length / dim;
  const all = new Float64Array(points);
  for (let other = 0; other < points; other++) all[other] = squaredDistance(rows, point, other, dim);
  all[point] = Number.POSITIVE_INFINITY;
  const farthest = all.toSorted()[count - 1]!;
  const ids: number[] = [];
  for (let other = 0; other < points; other++) if (all[other]! <= farthest) ids.push(other);
  ids.sort((a, b) => all[a]! - all[b]! || a - b).splice(count);
  return { ids, distances: ids.map((id) => all[id]!) };
}

/** Returns the Gaussian shares of squared distances with the given perplexity, by bisection of the precision. */
function sharesOf(distances: readonly number[], perplexity: number): Float64Array {
  const shares = new Float64Array(distances.length);
  let [low, high, precision] = [0, Number.POSITIVE_INFINITY, 1 / Math.max(1e-12, distances.at(-1)!)];
  for (let round = 0; round < 40; round++) {
    let total = 0;
    distances.forEach((distance, index) => {
      shares[index] = Math.exp(-precision * (distance - distances[0]!));
      total += shares[index];
    });
    let entropy = 0;
    shares.forEach((share, index) => {
      shares[index] = share / total;
      if (share > 0) entropy -= (share / total) * Math.log(share / total);
    });
    if (Math.abs(entropy - Math.log(perplexity)) < 1e-4) break;
    if (entropy > Math.log(perplexity)) low = precision;
    else high = precision;
    precision = high === Number.POSITIVE_INFINITY ? 2 * precision : (low + high) / 2;
  }
  return shares;
}

/** Writes the gradient of the Kullback–Leibler divergence. */
function computeGradient(layout: Layout, attraction: Attractions, factor: number, gradient: Float64Array): void {
  const total = addRepulsion(layout, gradient.fill(0));
  for (let cell = 0; cell < gradient.length; cell++) gradient[cell]! *= -4 / total;
  const { offsets, neighbors, weights } = attraction;
  const points = layout.length / 2;
  for (let i = 0; i < points; i++) {
    for (let index = offsets[i]!; index < offsets[i + 1]!; index++) {
      const j = neighbors[index]!;
      const dx = layout[2 * i]! - layout[2 * j]!;
      const dy = layout[2 * i + 1]! - layout[2 * j + 1]!;
      const pull = (4 * factor * weights[index]!) / (1 + dx * dx + dy * dy);
      gradient[2 * i]! += pull * dx;
      gradient[2 * i + 1]! += pull * dy;
    }
  }
}

/** Adds the repulsion of all other points to `forces`. Returns the sum by which it is divided. */
function addRepulsion(layout: Layout, forces: Float64Array): number {
  let total = 0;
  for (let i = 0; i < layout.length; i += 2) {
    const x = layout[i]!;
    const y = layout[i + 1]!;
    let pushX = 0;
    let pushY = 0;
    for (let j = 0; j < layout.length; j += 2) {
      const dx = x - layout[j]!;
      const dy = y - layout[j + 1]!;
      const similarity = 1 / (1 + dx * dx + dy * dy);
      total += similarity;
      pushX += similarity * similarity * dx;
      pushY += similarity * similarity * dy;
    }
    forces[i]! += pushX;
    forces[i + 1]! += pushY;
  }
  return total - layout.length / 2;
}

function squaredDistance(rows: Float32Array, a: number, b: number, dim: number): number {
  let sum = 0;
  for (let d = 0; d < dim; d++) {
    const difference = rows[a * dim + d]! - rows[b * dim + d]!;
    sum += difference * difference;
  }
  return sum;
}
