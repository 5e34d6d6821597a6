import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildExactIndex, buildFaissIndex, mergeInterests, retrieveCandidates } from '../src/index.ts';
import type { SearchResult, VectorIndex } from '../src/index.ts';

const dim = 3;
/** Small integers make ties common. */
const component = fc.integer({ min: -3, max: 3 });
const rows = (minLength: number, maxLength: number) =>
  fc.array(fc.array(component, { minLength: dim, maxLength: dim }), { minLength, maxLength });

/** The maximum over the first `active` non-zero interests, for every item. */
function bruteForceScores(items: number[][], interests: number[][], active: number): number[] {
  const searched = interests.slice(0, active).filter((interest) => interest.some((value) => value !== 0));
  return items.map((item) =>
    Math.max(...searched.map((interest) => item.reduce((dot, value, d) => dot + value * interest[d]!, 0))),
  );
}

describe.each([
  ['exact', async (vectors: Float32Array) => buildExactIndex(vectors, dim)],
  ['faiss flat', (vectors: Float32Array) => buildFaissIndex(vectors, dim, { kind: 'flat' })],
] as const)('retrieval over an %s index equals brute force', (_, build) => {
  test('for any items, interests, exclusions, limit and first margin', async () => {
    await fc.assert(
      fc.asyncProperty(
        rows(1, 40),
        rows(1, 4),
        fc.nat(4),
        fc.uniqueArray(fc.integer({ min: 1, max: 40 })),
        fc.integer({ min: 1, max: 45 }),
        fc.option(fc.nat(3), { nil: undefined }),
        fc.boolean(),
        async (items, interests, activeWanted, excludedItems, limit, margin, asPredicate) => {
          const active = Math.min(activeWanted, interests.length);
          const excluded = new Set(excludedItems);
          const index = await build(Float32Array.from(items.flat()));
          const { candidates, isCut } = await retrieveCandidates({
            index,
            interests: Float32Array.from(interests.flat()),
            active,
            limit,
            exclude: asPredicate ? (item) => excluded.has(item) : excluded,
            ...(margin === undefined ? {} : { margin }),
          });
          index.close();
          const scores = bruteForceScores(items, interests, active);
          const expected = scores
            .filter((score, row) => score > -Infinity && !excluded.has(row + 1))
            .sort((a, b) => b - a)
            .slice(0, limit);
          expect(isCut).toBe(false);
          expect(candidates.map(({ score }) => score)).toEqual(expected);
          expect(new Set(candidates.map(({ item }) => item)).size).toBe(candidates.length);
          for (const { item, score, interest } of candidates) {
            expect(excluded.has(item)).toBe(false);
            expect(score).toBe(scores[item - 1]);
            expect(interest).toBeLessThan(active);
            const dot = items[item - 1]!.reduce((sum, value, d) => sum + value * interests[interest]![d]!, 0);
            expect(dot).toBe(score);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** An index that counts how it is searched. */
function spyOn(index: VectorIndex): VectorIndex & { calls: { queries: number; k: number }[] } {
  const calls: { queries: number; k: number }[] = [];
  return {
    ...index,
    calls,
    search(queries, k, parameters) {
      calls.push({ queries: queries.length / index.dim, k });
      return index.search(queries, k, parameters);
    },
  };
}

const line = buildExactIndex(
  Float32Array.from({ length: 100 }, (_, row) => 100 - row),
  1,
);

test('inactive and zero interests are never searched, and the winner keeps its own number', async () => {
  const index = spyOn(buildExactIndex(Float32Array.of(1, 0, 0, 1, -1, -1), 2));
  const interests = Float32Array.of(0, 0, 0, 1, 9, 9);
  const { candidates } = await retrieveCandidates({ index, interests, active: 2, limit: 2 });
  expect(index.calls).toEqual([{ queries: 1, k: 2 }]);
  expect(candidates).toEqual([
    { item: 2, score: 1, interest: 1 },
    { item: 1, score: 0, interest: 1 },
  ]);
});

test('no active interest, only zero ones, an empty index or no limit: nothing, without a search', async () => {
  const index = spyOn(line);
  for (const request of [
    { index, interests: Float32Array.of(1), active: 0, limit: 5 },
    { index, interests: Float32Array.of(0, -0), active: 2, limit: 5 },
    { index, interests: Float32Array.of(1), active: 1, limit: 0 },
    { index: buildExactIndex(new Float32Array(0), 1), interests: Float32Array.of(1), active: 1, limit: 5 },
  ]) {
    expect((await retrieveCandidates(request)).candidates).toEqual([]);
  }
  expect(index.calls).toEqual([]);
});

test('goes deeper until the limit is refilled, and one search suffices for a small exclusion set', async () => {
  const index = spyOn(line);
  const interests = Float32Array.of(1);
  const seen = new Set([1, 2, 3]);
  const first = await retrieveCandidates({ index, interests, active: 1, limit: 5, exclude: seen });
  expect(first.candidates.map(({ item }) => item)).toEqual([4, 5, 6, 7, 8]);
  expect(first.excluded).toBe(3);
  expect(index.calls).toEqual([{ queries: 1, k: 8 }]);
  index.calls.length = 0;
  const second = await retrieveCandidates({ index, interests, active: 1, limit: 5, exclude: (item) => item <= 60 });
  expect(second.candidates.map(({ item }) => item)).toEqual([61, 62, 63, 64, 65]);
  expect(index.calls.map(({ k }) => k)).toEqual([5, 10, 20, 40, 80]);
});

test('when few are allowed all of them come, and a depth limit says that it cut', async () => {
  const request = {
    index: line,
    interests: Float32Array.of(1),
    active: 1,
    limit: 5,
    exclude: (item: number) => item <= 98,
  };
  const whole = await retrieveCandidates(request);
  expect(whole.candidates.map(({ item }) => item)).toEqual([99, 100]);
  expect(whole).toMatchObject({ isCut: false, depth: 100, excluded: 98 });
  expect(await retrieveCandidates({ ...request, depthMax: 20 })).toMatchObject({
    candidates: [],
    isCut: true,
    depth: 20,
  });
});

test('interests of another width, or more active than there are, are refused', async () => {
  const index = buildExactIndex(Float32Array.of(1, 0), 2);
  const request = { index, interests: new Float32Array(3), active: 1, limit: 1 };
  await expect(retrieveCandidates(request)).rejects.toThrow(/not interests of 2/);
  await expect(retrieveCandidates({ ...request, interests: new Float32Array(2), active: 2 })).rejects.toThrow(
    /2 interests/,
  );
});

test('exclusions hold over a graph index too, and it is refilled', async () => {
  const vectors = Float32Array.from({ length: 2000 }, (_, position) => Math.sin(position * 1.7));
  const index = await buildFaissIndex(vectors, 4, { kind: 'hnsw' });
  const interests = Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0);
  const { candidates } = await retrieveCandidates({
    index,
    interests,
    active: 2,
    limit: 50,
    exclude: (item) => item % 3 > 0,
  });
  expect(candidates).toHaveLength(50);
  for (const { item } of candidates) expect(item % 3).toBe(0);
});

test('twins by score stay two candidates, one item found twice stays one', () => {
  const result: SearchResult = {
    k: 3,
    ids: Int32Array.of(7, 4, -1, 4, 9, 7),
    scores: Float32Array.of(0.5, 0.4, -Infinity, 0.6, 0.5, 0.5),
  };
  expect(mergeInterests(result)).toEqual([
    { item: 4, score: expect.closeTo(0.6, 6) as number, interest: 1 },
    { item: 7, score: 0.5, interest: 0 },
    { item: 9, score: 0.5, interest: 1 },
  ]);
  expect(mergeInterests(result, [3, 5]).map(({ interest }) => interest)).toEqual([5, 3, 5]);
});
