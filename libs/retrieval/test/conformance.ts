import { isAppError } from '@facet/platform';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { measureIndexRecall } from '../src/index.ts';
import type { SearchParameters, VectorIndex } from '../src/index.ts';
import { learnableVectors } from './learnable-vectors.ts';
import { buildExactIndex } from './exact-index.ts';

const dim = 32;
const size = 4000;

/** Behavior that every kind of {@link VectorIndex} must have. */
export function describeVectorIndex(
  name: string,
  build: (vectors: Float32Array, dim: number) => Promise<VectorIndex>,
  options: { readonly isExact: boolean; readonly parameters?: SearchParameters; readonly recallMin: number },
): void {
  describe(name, () => {
    const vectors = learnableVectors(size, dim, { space: 1, seed: 2 });
    const queries = learnableVectors(100, dim, { space: 1, seed: 3 });
    const parameters = options.parameters ?? {};
    let index: VectorIndex;
    beforeAll(async () => {
      index = await build(vectors, dim);
    });
    const opened: VectorIndex[] = [];
    afterEach(() => {
      for (const other of opened.splice(0)) other.close();
    });
    async function buildOther(other: Float32Array, otherDim: number): Promise<VectorIndex> {
      const built = await build(other, otherDim);
      opened.push(built);
      return built;
    }

    test('has its size and width', () => {
      expect([index.size, index.dim]).toEqual([size, dim]);
    });

    test('returns inner products with row id - 1, best first, each item once', async () => {
      const { ids, scores } = await index.search(queries.subarray(0, 3 * dim), 50, parameters);
      for (let query = 0; query < 3; query++) {
        const found = ids.subarray(query * 50, (query + 1) * 50);
        expect(new Set(found).size).toBe(50);
        found.forEach((id, rank) => {
          expect(id).toBeGreaterThanOrEqual(1);
          expect(id).toBeLessThanOrEqual(size);
          let product = 0;
          for (let d = 0; d < dim; d++) product += vectors[(id - 1) * dim + d]! * queries[query * dim + d]!;
          expect(scores[query * 50 + rank]!).toBeCloseTo(product, 5);
          if (rank > 0) expect(scores[query * 50 + rank]!).toBeLessThanOrEqual(scores[query * 50 + rank - 1]!);
        });
      }
    });

    test('finds the first and the last row, neither taken for padding', async () => {
      for (const item of [1, size]) {
        const own = vectors.slice((item - 1) * dim, item * dim).map((value) => value * 3);
        const { ids } = await index.search(own, 20, parameters);
        expect(ids).toContain(item);
      }
    });

    test(`finds at least ${options.recallMin} of the exact 100 nearest`, async () => {
      const recall = await measureIndexRecall(index, buildExactIndex(vectors, dim), queries, 100, parameters);
      expect(recall).toBeGreaterThanOrEqual(options.recallMin);
    });

    test('returns the same for a batch, single queries, and concurrent searches', async () => {
      const batch = await index.search(queries.subarray(0, 8 * dim), 10, parameters);
      const single = await Promise.all(
        Array.from({ length: 8 }, (_, query) =>
          index.search(queries.subarray(query * dim, (query + 1) * dim), 10, parameters),
        ),
      );
      single.forEach((result, query) => {
        expect(result.ids).toEqual(batch.ids.subarray(query * 10, (query + 1) * 10));
      });
    });

    test('lets the caller reuse the queries once the search has started', async () => {
      const reused = queries.slice(0, dim);
      const search = index.search(reused, 10, parameters);
      reused.fill(0);
      expect((await search).ids).toEqual((await index.search(queries.subarray(0, dim), 10, parameters)).ids);
    });

    test('pads with -1 and -Infinity beyond the size of the index', async () => {
      const small = await buildOther(vectors.slice(0, 3 * dim), dim);
      const { k, ids, scores } = await small.search(queries.subarray(0, 2 * dim), 5, parameters);
      expect(k).toBe(5);
      for (const start of [0, 5]) {
        expect([...ids.subarray(start, start + 3)].sort()).toEqual([1, 2, 3]);
        expect([...ids.subarray(start + 3, start + 5)]).toEqual([-1, -1]);
        expect([...scores.subarray(start + 3, start + 5)]).toEqual([-Infinity, -Infinity]);
      }
    });

    test('finds nothing in an empty index or for an empty batch', async () => {
      const empty = await buildOther(new Float32Array(0), dim);
      expect(empty.size).toBe(0);
      expect([...(await empty.search(queries.subarray(0, dim), 2)).ids]).toEqual([-1, -1]);
      expect((await index.search(new Float32Array(0), 2)).ids).toHaveLength(0);
    });

    test.each([
      ['a value that is not a number', Float32Array.of(...new Float32Array(dim - 1), NaN), 5, {}],
      ['an infinite value', Float32Array.of(...new Float32Array(dim - 1), Infinity), 5, {}],
      ['another width', new Float32Array(dim + 1), 5, {}],
      ['k = 0', new Float32Array(dim), 0, {}],
      ['a fractional k', new Float32Array(dim), 1.5, {}],
      ['efSearch = 0', new Float32Array(dim), 5, { efSearch: 0 }],
      ['a negative nprobe', new Float32Array(dim), 5, { nprobe: -1 }],
    ])('refuses %s', async (_, query, k, wrong) => {
      const error: unknown = await index.search(query, k, wrong).catch((thrown: unknown) => thrown);
      expect(isAppError(error, 'RETRIEVAL_QUERY_INVALID')).toBe(true);
    });

    test('ignores parameters of other kinds', async () => {
      const found = await index.search(queries.subarray(0, dim), 5, { efSearch: 100, nprobe: 10 });
      expect(found.ids).toHaveLength(5);
    });

    test('refuses vectors that are not finite or not rows, naming the item', async () => {
      await expect(build(Float32Array.of(1, 2, 3, NaN), 2)).rejects.toThrow(/item index 2 contains NaN/);
      await expect(build(new Float32Array(5), 2)).rejects.toThrow(/rows of 2/);
    });

    test('completes running searches after close, and refuses new ones', async () => {
      const other = await buildOther(vectors.slice(0, 100 * dim), dim);
      const underWay = other.search(queries, 10, parameters);
      other.close();
      other.close();
      expect((await underWay).ids).not.toContain(-1);
      const error: unknown = await other.search(queries, 10).catch((thrown: unknown) => thrown);
      expect(isAppError(error, 'RETRIEVAL_INDEX_CLOSED')).toBe(true);
    });

    describe('a search with allowed items', () => {
      const bitmapOf = (items: Iterable<number>) => {
        const bitmap = new Uint8Array(Math.ceil(size / 8));
        for (const item of items) bitmap[(item - 1) >> 3]! |= 1 << ((item - 1) & 7);
        return bitmap;
      };
      const everyThird = Array.from({ length: Math.floor(size / 3) }, (_, i) => 3 * i + 2);

      test('finds only allowed items, and most of the nearest', async () => {
        const allowed = bitmapOf(everyThird);
        const { ids, scores } = await index.search(queries, 30, { ...parameters, allowed });
        const nearest = await buildExactIndex(vectors, dim).scan(queries, 30, Int32Array.from(everyThird));
        let found = 0;
        for (let start = 0; start < ids.length; start += 30) {
          const expected = new Set(nearest.ids.subarray(start, start + 30));
          for (const id of ids.subarray(start, start + 30)) if (expected.has(id)) found++;
        }
        expect(ids.every((id) => id === -1 || id % 3 === 2)).toBe(true);
        expect(found / ids.length).toBeGreaterThanOrEqual(options.recallMin - 0.03);
        expect(scores[0]).toBeCloseTo(nearest.scores[0]!, 5);
      });

      test('reads the bits as documented', async () => {
        for (const item of [1, 2, 8, 9, 2399, 2400, 2401, 2402, 2408, 2409, size - 1, size]) {
          const own = vectors.slice((item - 1) * dim, item * dim).map((value) => value * 3);
          const { ids } = await index.search(own, 3, { ...parameters, allowed: bitmapOf([item]) });
          expect([...ids]).toEqual([item, -1, -1]);
        }
      });

      test('allows nothing beyond the end of the bitmap, or with an empty one', async () => {
        const short = await index.search(queries, 5, {
          ...parameters,
          allowed: bitmapOf([3]).subarray(0, 1).fill(255),
        });
        expect(short.ids.every((id) => id <= 8)).toBe(true);
        const none = await index.search(queries, 5, { ...parameters, allowed: new Uint8Array(0) });
        expect(none.ids.every((id) => id === -1)).toBe(true);
      });

      test('refuses a bitmap of another type', async () => {
        const allowed = new Set([1]) as unknown as Uint8Array;
        const error: unknown = await index.search(queries, 5, { allowed }).catch((thrown: unknown) => thrown);
        expect(isAppError(error, 'RETRIEVAL_QUERY_INVALID')).toBe(true);
      });
    });

    describe('a scan of given items', () => {
      test('is exact and sorted, in any order of the items', async () => {
        const items = Int32Array.from({ length: 700 }, (_, i) => ((i * 1709) % size) + 1);
        const { k, ids, scores } = await index.scan(queries, 40, items);
        const expected = await buildExactIndex(vectors, dim).scan(queries, 40, items);
        expect(k).toBe(40);
        scores.forEach((score, position) => expect(score).toBeCloseTo(expected.scores[position]!, 5));
        for (let start = 0; start < ids.length; start += 40) {
          const found = ids.subarray(start, start + 40);
          expect(new Set(found).size).toBe(40);
          expect(found.every((id) => items.includes(id))).toBe(true);
        }
      });

      test('scores every item of the index, and pads the rest', async () => {
        const items = Int32Array.from({ length: size }, (_, i) => size - i);
        const { ids, scores } = await index.scan(queries.subarray(0, dim), size + 2, items);
        expect([...ids.subarray(0, size)].sort((a, b) => a - b)).toEqual([...items].reverse());
        expect([...ids.subarray(size)]).toEqual([-1, -1]);
        expect([...scores.subarray(size)]).toEqual([-Infinity, -Infinity]);
      });

      test('orders items with equal vectors by index', async () => {
        const same = await buildOther(new Float32Array(50 * dim).fill(0.25), dim);
        const { ids } = await same.scan(queries.subarray(0, dim), 5, Int32Array.of(40, 2, 30, 31, 9));
        expect([...ids]).toEqual([2, 9, 30, 31, 40]);
      });

      test('finds nothing without items or queries', async () => {
        expect([...(await index.scan(queries.subarray(0, dim), 2, new Int32Array(0))).ids]).toEqual([-1, -1]);
        expect((await index.scan(new Float32Array(0), 2, Int32Array.of(1))).ids).toHaveLength(0);
      });

      test('lets the caller reuse its arguments once it has started', async () => {
        const reused = queries.slice(0, dim);
        const items = Int32Array.of(5, 6);
        const scan = index.scan(reused, 2, items);
        reused.fill(0);
        items.fill(7);
        expect(await scan).toEqual(await index.scan(queries.subarray(0, dim), 2, Int32Array.of(5, 6)));
      });

      test.each([
        ['item 0', queries.subarray(0, dim), 5, [0]],
        ['an item beyond the last', queries.subarray(0, dim), 5, [1, size + 1]],
        ['a negative item', queries.subarray(0, dim), 5, [-1]],
        ['a value that is not a number', new Float32Array(dim).fill(NaN), 5, [1]],
        ['another width', new Float32Array(dim + 1), 5, [1]],
        ['k = 0', queries.subarray(0, dim), 0, [1]],
      ])('refuses %s', async (_, query, k, items) => {
        const error: unknown = await index.scan(query, k, Int32Array.from(items)).catch((thrown: unknown) => thrown);
        expect(isAppError(error, 'RETRIEVAL_QUERY_INVALID')).toBe(true);
      });

      test('completes after close, which refuses new scans', async () => {
        const other = await buildOther(vectors.slice(0, 100 * dim), dim);
        const underWay = other.scan(
          queries,
          10,
          Int32Array.from({ length: 100 }, (_, i) => i + 1),
        );
        other.close();
        expect((await underWay).ids).not.toContain(-1);
        const error: unknown = await other.scan(queries, 1, Int32Array.of(1)).catch((thrown: unknown) => thrown);
        expect(isAppError(error, 'RETRIEVAL_INDEX_CLOSED')).toBe(true);
      });
    });

    if (!options.isExact) return;
    test('equals the exact scan, except for the order of near ties', async () => {
      const expected = await buildExactIndex(vectors, dim).search(queries, 30);
      const actual = await index.search(queries, 30);
      actual.scores.forEach((score, position) => expect(score).toBeCloseTo(expected.scores[position]!, 5));
    });
  });
}
