import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { BundleView } from '@facet/bundles';
import { searchParameters } from '@facet/recommendations';
import { fullBitmap } from '@facet/retrieval';
import { oncePerBundle } from '../bundle/once-per-bundle.ts';

/** Each search of the index takes about a millisecond, and a delta rarely has more items. */
const placedMax = 5_000;
const itemsPerSearch = 32;
const nearestMax = 5;

/**
 * Returns the map positions of the items that a delta adds, [new items, 2]: the median position of the five items of the bundle with the most
 * similar embeddings. NaN for an item without an embedding, for all items of a bundle without a map, and beyond 5,000 new items. Each view
 * computes them once.
 */
export const placeNewItems = oncePerBundle(async (bundle): Promise<Float32Array> => {
  const { positions, itemCount, info } = bundle;
  const own = info.spec.itemCount;
  const placed = new Float32Array(2 * (itemCount - own)).fill(Number.NaN);
  if (positions === undefined) return placed;
  const { dim } = info.index;
  const last = Math.min(itemCount, own + placedMax);
  const parameters = { ...searchParameters(bundle), allowed: fullBitmap(own) };
  for (let first = own + 1; first <= last; first += itemsPerSearch) {
    const count = Math.min(itemsPerSearch, last - first + 1);
    const queries = new Float32Array(count * dim);
    // The coordinate of the popularity prior stays 0, so popularity has no influence.
    for (let row = 0; row < count; row++) queries.set(embeddingOf(bundle, first + row), row * dim);
    const { k, ids } = await bundle.index.search(queries, nearestMax, parameters);
    for (let row = 0; row < count; row++) {
      if (embeddingOf(bundle, first + row).every((value) => value === 0)) continue;
      const nearest = ids.subarray(row * k, (row + 1) * k).filter((item) => item > 0);
      for (const axis of [0, 1]) {
        placed[2 * (first + row - own - 1) + axis] = medianOf(nearest, (item) => positions[2 * item + axis]!);
      }
    }
    await yieldToEventLoop();
  }
  return placed;
});

function embeddingOf(bundle: BundleView, item: number): Float32Array {
  return bundle.vectorOf(item).subarray(0, bundle.info.spec.config.embeddingDim);
}

function medianOf(items: Int32Array, valueOf: (item: number) => number): number {
  const values = Float64Array.from(items, valueOf)
    .filter((value) => !Number.isNaN(value))
    .sort();
  return values.length === 0 ? Number.NaN : values[values.length >> 1]!;
}
