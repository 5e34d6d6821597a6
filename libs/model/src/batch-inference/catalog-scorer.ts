import { createGraphBuilder, openGraphSession, typed } from '@facet/tf-graph';
import type { GraphNode } from '@facet/tf-graph';
import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor } from '@facet/tf-graph/tensorflow';

/** Scores all items of a catalog for many users. Keeps the item vectors in TensorFlow until `dispose`. */
export interface CatalogScorer {
  /** The maximum number of users per call: enough to keep two cores busy, but fewer for a large catalog, to save memory. */
  readonly usersMax: number;
  /**
   * Returns the scores of the item scorers of many users (`createItemScorer`), plus additions, for all items [B, N + 1], in float32. The
   * next call overwrites the result.
   *
   * @param interests [B, K, D]
   * @param counts [B] K'u ≥ 1, the number of interests of each user. They fill the first rows.
   * @param additions For each user [N + 1].
   */
  scores(interests: Float32Array, counts: readonly number[], additions: readonly Float32Array[]): Float32Array;
  dispose(): void;
}

const usersMax = 256;
/** Limits scores per call and products per part of the catalog, so that they fit into the caches of a core. */
const scoresMax = 4 * 2 ** 20;
const productsMax = 2 * 2 ** 20;

/** @param vectors [N + 1, D] */
export function createCatalogScorer(
  vectors: Float32Array,
  {
    interests: K,
    dim,
    sharpness = 0,
  }: { readonly interests: number; readonly dim: number; readonly sharpness?: number | undefined },
): CatalogScorer {
  const width = vectors.length / dim;
  const users = Math.max(1, Math.min(usersMax, Math.floor(scoresMax / width)));
  const parts = partsOf(width, Math.max(1, Math.floor(productsMax / (users * K))));
  const session = openGraphSession(productsGraph(parts, { width, K, dim, sharpness }));
  const items = tf.tensor2d(vectors, [width, dim]);
  const scores = new Float32Array(users * width);
  return {
    usersMax: users,
    scores(interests, counts, additions) {
      const B = additions.length;
      const made = tf.tidy(() => {
        const feeds = {
          [nodes.items]: items,
          [nodes.interests]: tf.tensor2d(interests, [B * K, dim]),
          [nodes.offsets]: tf.tensor3d(offsetsOf(counts, K, sharpness), [B, K, 1]),
          ...stackDistinct(additions, width),
        };
        return session.run(
          feeds,
          parts.map((_, part) => nodes.scores(part)),
        );
      });
      parts.forEach(({ start, count }, part) => {
        const values = made[part]!.dataSync() as Float32Array;
        for (let user = 0; user < B; user++) {
          scores.set(values.subarray(user * count, (user + 1) * count), user * width + start);
        }
      });
      tf.dispose(made);
      return scores.subarray(0, B * width);
    },
    dispose() {
      session.dispose();
      items.dispose();
    },
  };
}

/** The items start .. start + count − 1. */
interface Part {
  readonly start: number;
  readonly count: number;
}

function partsOf(width: number, countMax: number): Part[] {
  return Array.from({ length: Math.ceil(width / countMax) }, (_, part) => {
    const start = part * countMax;
    return { start, count: Math.min(countMax, width - start) };
  });
}

const nodes = {
  items: 'items',
  interests: 'interests',
  offsets: 'offsets',
  additions: 'additions',
  rows: 'rows',
  scores: (part: number): string => `scores/${part}`,
} as const;

/** Builds a graph with the scores of each part. Parts are independent, so that TensorFlow computes them in parallel. */
function productsGraph(
  parts: readonly Part[],
  sizes: { width: number; K: number; dim: number; sharpness: number },
): GraphNode[] {
  const { width, K, dim, sharpness } = sizes;
  const builder = createGraphBuilder();
  const [T, int32] = [typed('float32'), typed('int32')];
  const integers = (...data: number[]): string =>
    builder.constant({ dtype: 'int32', shape: [data.length], data: Int32Array.from(data) });
  const items = builder.placeholder(nodes.items, 'float32', [width, dim]);
  const interests = builder.placeholder(nodes.interests, 'float32', [-1, dim]);
  const offsets = builder.placeholder(nodes.offsets, 'float32', [-1, K, 1]);
  const additions = builder.placeholder(nodes.additions, 'float32', [-1, width]);
  const rows = builder.placeholder(nodes.rows, 'int32', [-1]);
  const reduce = (operation: string, of: string, isKept: boolean): string =>
    builder.add(operation, [of, integers(1)], { T, Tidx: int32, keep_dims: { bool: isKept } });
  // (1/β) ln Σ_k exp(β s_k) of [B, K, count] → [B, count]; the offsets contain −ln(K'u)/β, which makes the sum a mean.
  const smoothMaximum = (of: string, beta: number): string => {
    const highest = reduce('Max', of, true);
    const scaled = builder.add('Mul', [builder.add('Sub', [of, highest], { T }), builder.scalar(beta)], { T });
    const sum = reduce('Sum', builder.add('Exp', [scaled], { T }), false);
    const smooth = builder.add('Mul', [builder.add('Log', [sum], { T }), builder.scalar(1 / beta)], { T });
    return builder.add('AddV2', [reduce('Max', of, false), smooth], { T });
  };
  parts.forEach(({ start, count }, part) => {
    const slice = (of: string, begin: string, size: string): string =>
      builder.add('Slice', [of, begin, size], { T, Index: int32 });
    const ofPart = slice(items, integers(start, 0), integers(count, dim));
    const transposed = { T, transpose_a: { bool: false }, transpose_b: { bool: true } };
    const products = builder.add('MatMul', [interests, ofPart], transposed); // [B · K, count]
    const byUser = builder.add('Reshape', [products, integers(-1, K, count)], { T, Tshape: int32 });
    const scores = builder.add('AddV2', [byUser, offsets], { T });
    const read = sharpness === 0 ? reduce('Max', scores, false) : smoothMaximum(scores, sharpness);
    const added = slice(additions, integers(0, start), integers(-1, count));
    const ofUsers = builder.add('GatherV2', [added, rows, builder.scalar(0, 'int32')], {
      Tparams: T,
      Tindices: int32,
      Taxis: int32,
      batch_dims: { int: 0 },
    });
    builder.add('AddV2', [read, ofUsers], { T }, nodes.scores(part));
  });
  return [...builder.nodes];
}

/** Returns what to add to the products of each interest [B, K]: −ln(K'u)/β for the mean of the smooth maximum, −∞ for unused interests. */
function offsetsOf(counts: readonly number[], K: number, sharpness: number): Float32Array {
  const offsets = new Float32Array(counts.length * K).fill(Number.NEGATIVE_INFINITY);
  counts.forEach((count, row) => {
    offsets.fill(sharpness === 0 ? 0 : -Math.log(count) / sharpness, row * K, row * K + count);
  });
  return offsets;
}

/** Returns the distinct arrays [N + 1], and for each user the index of their array. Users with the same query time share one. */
function stackDistinct(arrays: readonly Float32Array[], width: number): Record<string, Tensor> {
  const rowOf = new Map<Float32Array, number>();
  for (const array of arrays) if (!rowOf.has(array)) rowOf.set(array, rowOf.size);
  const stacked = new Float32Array(rowOf.size * width);
  for (const [array, row] of rowOf) stacked.set(array, row * width);
  return {
    [nodes.additions]: tf.tensor2d(stacked, [rowOf.size, width]),
    [nodes.rows]: tf.tensor1d(
      arrays.map((array) => rowOf.get(array)!),
      'int32',
    ),
  };
}
