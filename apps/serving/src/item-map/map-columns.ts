import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { SafeTensor } from '@facet/artifacts';
import { codeOf } from '@facet/bundles';
import type { BundleView, AttributeColumn } from '@facet/bundles';
import { inSlices, oncePerKey } from '@facet/platform';
import { searchParameters } from '@facet/recommendations';
import { fullBitmap } from '@facet/retrieval';

/** Each search of the index takes about a millisecond, and a delta rarely has more items. */
const placedMax = 5_000;
const itemsPerSearch = 32;
const nearestMax = 5;

/**
 * Returns the map positions of the items that a delta adds, [added items, 2]. A position is the median of the five items of the bundle with
 * the most similar embeddings. The position is NaN for an item without an embedding, for all items of a bundle without a map, and after
 * the first 5,000 added items. Each view computes the positions once.
 */
export const placeNewItems = oncePerKey(async (bundle: BundleView): Promise<Float32Array> => {
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

/** The days of an item without interactions and creation time. */
const neverSeenDay = -1;

/** Items from `first` (from 1), `count` of them. */
export interface ItemRange {
  readonly first: number;
  readonly count: number;
}

/** A column by its name in requests: `position`, `popularity`, `firstSeen` or `attribute:<name>`. */
type ReadColumn = (bundle: BundleView, range: ItemRange) => Promise<SafeTensor>;

const columns: Readonly<Record<string, ReadColumn>> = {
  async position(bundle, { first, count }) {
    const own = bundle.info.spec.itemCount;
    const data = new Float32Array(2 * count).fill(Number.NaN);
    const end = first + count;
    if (bundle.positions !== undefined && first <= own) {
      data.set(bundle.positions.subarray(2 * first, 2 * Math.min(own + 1, end)));
    }
    if (end > own + 1) {
      const placed = await placeNewItems(bundle);
      const from = Math.max(first, own + 1);
      data.set(placed.subarray(2 * (from - own - 1), 2 * (end - own - 1)), 2 * (from - first));
    }
    return { dtype: 'F32', shape: [count, 2], data };
  },
  async popularity(bundle, { first, count }) {
    const data = await fill(new Float32Array(count), (row) => bundle.popularityOf(first + row));
    return { dtype: 'F32', shape: [count], data };
  },
  async firstSeen(bundle, { first, count }) {
    const data = await fill(new Int32Array(count), (row) => bundle.firstSeenOn(first + row) ?? neverSeenDay);
    return { dtype: 'I32', shape: [count], data };
  },
};

/** Writes a value to each row and yields to the event loop. */
async function fill<Data extends Float32Array | Int32Array | Uint8Array>(
  data: Data,
  valueOf: (row: number) => number,
): Promise<Data> {
  await inSlices(data.length, (start, end) => {
    for (let row = start; row < end; row++) data[row] = valueOf(row);
  });
  return data;
}

const attributePrefix = 'attribute:';

/** Returns the reader of a column, or undefined for an unknown name. */
export function findColumn({ catalog }: Pick<BundleView, 'catalog'>, name: string): ReadColumn | undefined {
  if (!name.startsWith(attributePrefix)) return Object.hasOwn(columns, name) ? columns[name] : undefined;
  const attribute = name.slice(attributePrefix.length);
  const column = catalog.columns.find((candidate) => candidate.name === attribute);
  return column && ((bundle, range) => readAttribute(bundle, column, range));
}

/** Returns codes of texts and of first list entries, numbers, or 0, 1 and 2 for no value, false and true. */
async function readAttribute(
  bundle: BundleView,
  column: AttributeColumn,
  { first, count }: ItemRange,
): Promise<SafeTensor> {
  const own = bundle.info.spec.itemCount;
  const shape = [count];
  const rowOf = (ofBundle: (item: number) => number, ofDelta: (value: unknown) => number) => (row: number) => {
    const item = first + row;
    if (item <= own && !bundle.deltaItems.has(item)) return ofBundle(item);
    return ofDelta(bundle.deltaItems.get(item)?.attributes[column.name]);
  };
  if (column.type === 'number') {
    const numberOfRow = rowOf(
      (item) => column.numbers[item]!,
      (value) => (typeof value === 'number' ? value : Number.NaN),
    );
    return { dtype: 'F32', shape, data: await fill(new Float32Array(count), numberOfRow) };
  }
  if (column.type === 'boolean') {
    const booleanOfRow = rowOf(
      (item) => column.booleans[item]!,
      (value) => (typeof value === 'boolean' ? Number(value) + 1 : 0),
    );
    return { dtype: 'U8', shape, data: await fill(new Uint8Array(count), booleanOfRow) };
  }
  const codeOfRow = rowOf(
    (item) => {
      if (column.type === 'text') return column.codes[item]!;
      const start = column.offsets[item]!;
      return start < column.offsets[item + 1]! ? column.codes[start]! : 0;
    },
    (value) => {
      const text: unknown = Array.isArray(value) ? value[0] : value;
      return typeof text === 'string' ? codeOf(column.values, text) : 0;
    },
  );
  return { dtype: 'I32', shape, data: await fill(new Int32Array(count), codeOfRow) };
}
