import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { temporaryFolder } from '@facet/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  itemSet,
  selectItems,
  buildFaissIndex,
  joinIndexes,
  listLimit,
  mergeLists,
  openFaissIndex,
  retrieveLists,
} from '../src/index.ts';
import type { InterestList, ListsRequest, Merge, VectorIndex } from '../src/index.ts';
import { learnableVectors } from './learnable-vectors.ts';
import { buildExactIndex } from './exact-index.ts';

const dim = 3;
/** Small integers make ties common. */
const component = fc.integer({ min: -3, max: 3 });
const rows = (minLength: number, maxLength: number) =>
  fc.array(fc.array(component, { minLength: dim, maxLength: dim }), { minLength, maxLength });

const build = (kind: 'flat' | 'hnsw' | 'ivf') => (vectors: Float32Array) =>
  buildFaissIndex(vectors, dim, kind === 'ivf' ? { kind, lists: 2 } : { kind });

const clusters = (lists: number) => (vectors: Float32Array) => buildFaissIndex(vectors, dim, { kind: 'ivf', lists });

/** With the last third in a joined index, as with a delta. */
const joined = (buildMain: (vectors: Float32Array) => Promise<VectorIndex>) => async (vectors: Float32Array) => {
  const split = Math.ceil((vectors.length / dim) * (2 / 3)) * dim;
  return joinIndexes(await buildMain(vectors.slice(0, split)), await build('flat')(vectors.slice(split)));
};

/** With the last third in a joined index, which also replaces every second item by an equal vector. */
const replacing = (buildMain: (vectors: Float32Array) => Promise<VectorIndex>) => async (vectors: Float32Array) => {
  const split = Math.ceil((vectors.length / dim) * (2 / 3));
  const replaced = Array.from({ length: split }, (_, row) => row + 1).filter((item) => item % 2 === 0);
  const added = [...replaced.flatMap((item) => [...vectors.slice((item - 1) * dim, item * dim)])];
  const rows = Float32Array.of(...added, ...vectors.slice(split * dim));
  return joinIndexes(await buildMain(vectors.slice(0, split * dim)), await build('flat')(rows), replaced);
};

const merges: Merge[] = [
  { by: 'max' },
  { by: 'round-robin' },
  { by: 'quota', floors: [2, 1, 1] },
  { by: 'quota', shares: 'equal' },
  { by: 'diverse', lambda: 0.3, attribute: 'brand' },
];

describe.each([
  ['exact', async (vectors: Float32Array) => buildExactIndex(vectors, dim)],
  ['flat', build('flat')],
  ['hnsw', build('hnsw')],
  ['ivf', build('ivf')],
  ['hnsw and delta', joined(build('hnsw'))],
  ['flat', replacing(build('flat'))],
  ['hnsw and replacing delta', replacing(build('hnsw'))],
] as const)('over an index of kind %s', (name, buildIndex) => {
  test('returns only allowed items that are not excluded, in full lists and pages', async () => {
    await fc.assert(
      fc.asyncProperty(
        rows(1, 90),
        rows(1, 4),
        fc.nat(4),
        fc.array(fc.integer({ min: 1, max: 90 })),
        fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
        fc.integer({ min: 1, max: 100 }),
        async (items, interests, activeWanted, excludedItems, keptOf4, limit) => {
          const active = Math.min(activeWanted, interests.length);
          const excluded = new Set(excludedItems);
          const index = await buildIndex(Float32Array.from(items.flat()));
          const isAllowed = (item: number) => keptOf4 === undefined || (item * 7) % 4 < keptOf4;
          const request: ListsRequest = {
            index,
            interests: Float32Array.from(interests.flat()),
            active,
            limit,
            exclude: excluded,
            ...(keptOf4 === undefined ? {} : { allowed: selectItems(items.length, isAllowed) }),
            parameters: { efSearch: 4, nprobe: 1 },
          };
          const open = items.flatMap((_, row) => (isAllowed(row + 1) && !excluded.has(row + 1) ? [row + 1] : []));
          const searched = interests
            .slice(0, active)
            .flatMap((row, k) => (row.some((value) => value !== 0) ? [k] : []));

          const { lists } = await retrieveLists(request);
          expect(lists.map(({ interest }) => interest)).toEqual(searched);
          for (const list of lists) {
            const scoreOf = (item: number): number =>
              items[item - 1]!.reduce((dot, value, d) => dot + value * interests[list.interest]![d]!, 0);
            expect(list.items).toHaveLength(Math.min(limit, open.length));
            expect(new Set(list.items).size).toBe(list.items.length);
            for (const item of list.items) expect(open).toContain(item);
            const scores = [...list.items].map(scoreOf);
            expect(scores).toEqual([...scores].sort((a, b) => b - a));
            list.scores.forEach((score, rank) => expect(score).toBeCloseTo(scores[rank]!, 3));
            if (name === 'exact' || name === 'flat') {
              const best = open.map(scoreOf).sort((a, b) => b - a);
              expect(scores).toEqual(best.slice(0, limit));
              for (let rank = 1; rank < scores.length; rank++) {
                if (scores[rank] === scores[rank - 1]) expect(list.items[rank]).toBeGreaterThan(list.items[rank - 1]!);
              }
            }
          }

          for (const merge of merges) {
            const deep = await retrieveLists({ ...request, limit: listLimit(merge, limit) });
            const page = mergeLists(deep.lists, merge, limit, { attributeOf: (item) => item % 3 });
            expect(page).toHaveLength(searched.length === 0 ? 0 : Math.min(limit, open.length));
            expect(new Set(page.map(({ item }) => item)).size).toBe(page.length);
            for (const { item } of page) expect(open).toContain(item);
          }
          index.close();
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** Returns an index that records its calls. */
function spyOn(index: VectorIndex): VectorIndex & { calls: { kind: 'search' | 'scan'; queries: number; k: number }[] } {
  const calls: { kind: 'search' | 'scan'; queries: number; k: number }[] = [];
  return {
    ...index,
    calls,
    search(queries, k, parameters) {
      calls.push({ kind: 'search', queries: queries.length / index.dim, k });
      return index.search(queries, k, parameters);
    },
    scan(queries, k, items) {
      calls.push({ kind: 'scan', queries: queries.length / index.dim, k });
      return index.scan(queries, k, items);
    },
  };
}

const line = buildExactIndex(
  Float32Array.from({ length: 100 }, (_, row) => 100 - row),
  1,
);

test('never searches inactive and zero interests, and keeps the numbers of the others', async () => {
  const index = spyOn(buildExactIndex(Float32Array.of(1, 0, 0, 1, -1, -1), 2));
  const interests = Float32Array.of(0, 0, 0, 1, 9, 9);
  const { lists } = await retrieveLists({ index, interests, active: 2, limit: 2 });
  expect(index.calls).toEqual([{ kind: 'search', queries: 1, k: 2 }]);
  expect(lists).toEqual([{ interest: 1, items: Int32Array.of(2, 1), scores: Float32Array.of(1, 0) }]);
});

test('returns nothing without a search if there are no interests, items or slots', async () => {
  const index = spyOn(line);
  const empty = buildExactIndex(new Float32Array(0), 1);
  const request = { index, interests: Float32Array.of(1), active: 1, limit: 5 };
  for (const other of [
    { ...request, active: 0 },
    { ...request, interests: Float32Array.of(0, -0), active: 2 },
    { ...request, limit: 0 },
    { ...request, index: empty },
    { ...request, allowed: selectItems(100, () => false) },
  ]) {
    const { lists, method } = await retrieveLists(other);
    expect(lists.flatMap(({ items }) => [...items])).toEqual([]);
    expect(method).toBe('none');
  }
  expect(index.calls).toEqual([]);
});

test('searches a flat index once, with the open items', async () => {
  const index = spyOn(line);
  const interests = Float32Array.of(1, -1);
  const exclude = new Set(Array.from({ length: 60 }, (_, row) => row + 1));
  const allowed = selectItems(100, (item) => item !== 99);
  const { lists, method, searches } = await retrieveLists({ index, interests, active: 2, limit: 5, exclude, allowed });
  expect(lists[0]!.items).toEqual(Int32Array.of(61, 62, 63, 64, 65));
  expect(lists[1]!.items).toEqual(Int32Array.of(100, 98, 97, 96, 95));
  expect([method, searches]).toEqual(['search', 1]);
  expect(index.calls).toEqual([{ kind: 'search', queries: 2, k: 5 }]);
});

test('refuses interests of another width, and more active ones than there are', async () => {
  const index = buildExactIndex(Float32Array.of(1, 0), 2);
  const request = { index, interests: new Float32Array(3), active: 1, limit: 1 };
  await expect(retrieveLists(request)).rejects.toThrow(/interests of 2/);
  await expect(retrieveLists({ ...request, interests: new Float32Array(2), active: 2 })).rejects.toThrow(/2 interests/);
});

describe('a graph of 60,000 items', () => {
  const size = 60_000;
  const width = 8;
  const vectors = learnableVectors(size, width, { space: 1, seed: 2 });
  const interests = learnableVectors(3, width, { space: 1, seed: 3 });
  const exact = buildExactIndex(vectors, width);
  let graph: VectorIndex;
  beforeAll(async () => {
    graph = await buildFaissIndex(vectors, width, { kind: 'hnsw', neighbors: 16 });
  });
  afterAll(() => graph.close());
  const request = { interests, active: 3, limit: 50, parameters: { efSearch: 100 } };

  async function sharedWithExact(other: Pick<ListsRequest, 'allowed' | 'exclude'>) {
    const index = spyOn(graph);
    const { lists, method } = await retrieveLists({ ...request, ...other, index });
    const expected = (await retrieveLists({ ...request, ...other, index: exact })).lists;
    const shares = lists.map(({ items }, k) => items.filter((item) => expected[k]!.items.includes(item)).length / 50);
    return { method, calls: index.calls, recall: Math.min(...shares), lists };
  }

  test('searches deeper if most items are allowed, and scans if few are', async () => {
    const most = await sharedWithExact({ allowed: selectItems(size, (item) => item % 20 !== 0) });
    expect(most.method).toBe('search');
    expect(most.calls[0]).toEqual({ kind: 'search', queries: 3, k: 50 });
    expect(most.recall).toBeGreaterThan(0.9);
    const few = await sharedWithExact({ allowed: selectItems(size, (item) => item % 10 === 0) });
    expect(few.method).toBe('scan');
    expect(few.calls).toEqual([{ kind: 'scan', queries: 3, k: 50 }]);
    expect(few.recall).toBe(1);
  });

  test('scans for the interests whose nearest items a filter removes', async () => {
    // All but the 3,000 nearest to the first interest, so a search for slightly more than 50 finds no allowed item.
    const near = new Set((await exact.search(interests.subarray(0, width), 3_000)).ids);
    const { method, calls, lists, recall } = await sharedWithExact({
      allowed: selectItems(size, (item) => !near.has(item)),
    });
    expect(method).toBe('scan');
    expect(calls.at(-1)).toMatchObject({ kind: 'scan' });
    expect(calls.at(-1)!.queries).toBeLessThan(3);
    expect(lists.map(({ items }) => items.length)).toEqual([50, 50, 50]);
    expect(recall).toBeGreaterThan(0.9);
  });

  test('scans after many nearby exclusions, before searching would be slower', async () => {
    const exclude = new Set((await exact.search(interests.subarray(0, width), 5_000)).ids);
    const { method, calls, lists } = await sharedWithExact({ exclude });
    expect(method).toBe('scan');
    expect(calls.length).toBeLessThan(5);
    expect(lists.map(({ items }) => items.length)).toEqual([50, 50, 50]);
    for (const { items } of lists) for (const item of items) expect(exclude.has(item)).toBe(false);
  });
});

test.each([
  ['a graph that is walked', build('hnsw')],
  ['many clusters, of which few are looked at', clusters(40)],
  ['a graph and a delta', joined(build('hnsw'))],
  ['clusters and a delta', joined(clusters(40))],
] as const)('fills lists under any filter and with any breadth: %s', async (_, buildIndex) => {
  const size = 3_000;
  const vectors = learnableVectors(size, dim, { space: 1, seed: 6 });
  // Some hundreds of rows are duplicates.
  for (let row = 0; row < 300; row++) vectors.copyWithin((row + 1_000) * dim, (row % 7) * dim, (row % 7) * dim + dim);
  const index = await buildIndex(vectors);
  const exact = buildExactIndex(vectors, dim);
  onTestFinished(() => index.close());
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2 * dim, maxLength: 2 * dim }),
      fc.integer({ min: 1, max: 400 }),
      fc.constantFrom(0.001, 0.05, 0.5, 0.95, 1),
      fc.boolean(),
      fc.nat(300),
      fc.integer({ min: 1, max: 40 }),
      async (values, limit, share, isOneSided, excludedNearby, efSearch) => {
        const interests = Float32Array.from(values);
        const isKept = (item: number) =>
          isOneSided ? vectors[(item - 1) * dim]! > share - 0.5 : ((item * 7919) % 1_000) / 1_000 < share;
        const allowed = selectItems(size, isKept);
        const near = excludedNearby === 0 ? [] : (await exact.search(interests, excludedNearby)).ids;
        const exclude = new Set(near);
        const open = allowed.items().filter((item) => !exclude.has(item)).length;
        const request = { index, interests, active: 2, limit, exclude, allowed, parameters: { efSearch, nprobe: 1 } };
        const { lists } = await retrieveLists(request);
        for (const { items } of lists) {
          expect(items).toHaveLength(Math.min(limit, open));
          expect(new Set(items).size).toBe(items.length);
          expect(items.every((item) => allowed.has(item) && !exclude.has(item))).toBe(true);
        }
        expect((await retrieveLists(request)).lists).toEqual(lists);
      },
    ),
    { numRuns: 60 },
  );
});

describe('a search that ends early', () => {
  const size = 4_000;
  const width = 8;
  const vectors = learnableVectors(size, width, { space: 1, seed: 4 });
  const interests = learnableVectors(2, width, { space: 1, seed: 5 });
  const exact = buildExactIndex(vectors, width);

  /** Returns an index that searches one of a hundred clusters. */
  async function buildClusters(): Promise<VectorIndex> {
    return buildFaissIndex(vectors, width, { kind: 'ivf', lists: 100 });
  }

  /** Returns a graph whose rows have no links. tools/setup/faiss-addon/graph.h describes the file. */
  async function buildUnlinked(): Promise<VectorIndex> {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'graph');
    const built = await buildFaissIndex(vectors, width, { kind: 'hnsw', neighbors: 4 });
    await built.save(file);
    built.close();
    const bytes = await readFile(file);
    const degree = bytes.readUInt32LE(12);
    const hasCodes = bytes.readUInt32LE(20) === 1;
    const pageAfter = (end: number) => Math.ceil(end / 4096) * 4096;
    const scales = pageAfter(4096 + size * 16 * 4);
    const codes = pageAfter(scales + 16 * 4);
    const links = hasCodes ? pageAfter(codes + size * 16) : codes;
    bytes.fill(0xff, links, links + size * degree * 4);
    await writeFile(file, bytes);
    return openFaissIndex(file);
  }

  test.each([
    ['clusters', buildClusters, { nprobe: 1 }],
    ['a graph', buildUnlinked, { efSearch: 100 }],
  ])('does not mean that there are no more items: %s', async (_, build, parameters) => {
    const index = await build();
    onTestFinished(() => index.close());
    const request = { interests, active: 2, limit: 150, parameters };
    const { ids } = await index.search(interests, 150, parameters);
    expect(ids).toContain(-1);
    const exclude = new Set([...(await exact.search(interests, 10)).ids]);
    for (const other of [{}, { exclude }, { allowed: selectItems(size, (item) => item % 20 !== 0) }]) {
      const found = await retrieveLists({ ...request, ...other, index });
      const expected = await retrieveLists({ ...request, ...other, index: exact });
      expect(found.lists.map(({ items }) => items)).toEqual(expected.lists.map(({ items }) => items));
      expect(found.method).toBe('scan');
    }
  });
});

test('fills a list only as far as needed, with an exact page by highest scores', async () => {
  await fc.assert(
    fc.asyncProperty(
      rows(20, 90),
      rows(1, 4),
      fc.array(fc.integer({ min: 1, max: 90 })),
      fc.integer({ min: 1, max: 20 }),
      async (items, interests, excludedItems, limit) => {
        // A search for all items of such a small graph is exact.
        const index = spyOn(await build('hnsw')(Float32Array.from(items.flat())));
        const exclude = new Set(excludedItems);
        const request = {
          index,
          interests: Float32Array.from(interests.flat()),
          active: interests.length,
          limit,
          exclude,
        };
        const page = (lists: readonly InterestList[]) =>
          mergeLists(lists, { by: 'max' }, limit, { attributeOf: () => 0 });
        const parameters = { efSearch: 1000 };
        const whole = page((await retrieveLists({ ...request, parameters })).lists);
        const needed = (lists: readonly InterestList[]) => page(lists)[limit - 1]?.score ?? -Infinity;
        const short = page((await retrieveLists({ ...request, parameters, scoreNeeded: needed })).lists);
        expect(short.map(({ score }) => score)).toEqual(whole.map(({ score }) => score));
        index.close();
      },
    ),
    { numRuns: 100 },
  );
});

test('allowed items are those of the bitmap, ascending', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bitmap) => {
      const allowed = itemSet(bitmap);
      const expected = Array.from({ length: bitmap.length * 8 + 9 }, (_, row) => row + 1).filter(
        (item) => ((bitmap[(item - 1) >> 3] ?? 0) & (1 << ((item - 1) & 7))) !== 0,
      );
      expect([...allowed.items()]).toEqual(expected);
      expect(allowed.count).toBe(expected.length);
      expect(expected.every((item) => allowed.has(item))).toBe(true);
      expect([0, -1, bitmap.length * 8 + 1].some((item) => allowed.has(item))).toBe(false);
      expect(selectItems(bitmap.length * 8, allowed.has).items()).toEqual(allowed.items());
    }),
  );
});
