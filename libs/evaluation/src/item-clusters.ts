import type { Random } from '@facet/features';
import { dot } from '@facet/platform';

/**
 * Groups items by the directions of their vectors (spherical k-means). Returns the cluster of each item.
 *
 * @param vectors [N + 1, D]
 * @param items The items to group. Others get cluster −1.
 */
export function clusterItems(
  vectors: Float32Array,
  dim: number,
  items: Int32Array,
  { clusters, rounds, random }: { readonly clusters: number; readonly rounds: number; readonly random: Random },
): Int32Array {
  const unit = new Float32Array(vectors.length);
  for (const item of items) writeUnit(unit, item * dim, vectors, item * dim, dim);
  const shuffled = items.slice();
  random.shuffle(shuffled);
  const centers = new Float32Array(clusters * dim);
  for (let c = 0; c < clusters; c++) {
    const item = shuffled[c % shuffled.length]!;
    centers.set(unit.subarray(item * dim, (item + 1) * dim), c * dim);
  }
  const clusterOf = new Int32Array(vectors.length / dim).fill(-1);
  for (let round = 0; round < rounds; round++) {
    const sums = new Float32Array(clusters * dim);
    for (const item of items) {
      const nearest = nearestCenter(centers, unit, item * dim, dim);
      clusterOf[item] = nearest;
      for (let d = 0; d < dim; d++) sums[nearest * dim + d]! += unit[item * dim + d]!;
    }
    // An empty cluster keeps its center.
    for (let c = 0; c < clusters; c++) {
      if (sums.subarray(c * dim, (c + 1) * dim).some((value) => value !== 0)) {
        writeUnit(centers, c * dim, sums, c * dim, dim);
      }
    }
  }
  return clusterOf;
}

/** Returns how many clusters hold at least the share `shareMin`, and at least two, of the distinct items. */
export function countClusters(items: Iterable<number>, clusterOf: Int32Array, shareMin: number): number {
  const sizes = new Map<number, number>();
  const distinct = new Set(items);
  for (const item of distinct) sizes.set(clusterOf[item]!, (sizes.get(clusterOf[item]!) ?? 0) + 1);
  return [...sizes.values()].filter((size) => size >= 2 && size >= shareMin * distinct.size).length;
}

function nearestCenter(centers: Float32Array, vectors: Float32Array, offset: number, dim: number): number {
  let nearest = 0;
  let highest = Number.NEGATIVE_INFINITY;
  for (let c = 0; c * dim < centers.length; c++) {
    const cosine = dot(centers, c * dim, vectors, offset, dim);
    if (cosine > highest) [nearest, highest] = [c, cosine];
  }
  return nearest;
}

function writeUnit(target: Float32Array, to: number, source: Float32Array, from: number, dim: number): void {
  const squares = dot(source, from, source, from, dim);
  const scale = squares === 0 ? 0 : 1 / Math.sqrt(squares);
  for (let d = 0; d < dim; d++) target[to + d] = source[from + d]! * scale;
}
