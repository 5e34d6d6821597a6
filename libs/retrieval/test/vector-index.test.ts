import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '@facet/features';
import { isAppError } from '@facet/platform';
import type { AppError } from '@facet/platform';
import { folderOfFile } from '@facet/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  buildFaissIndex,
  joinIndexes,
  mapFile,
  measureIndexRecall,
  openFaissIndex,
  setFaissThreads,
} from '../src/index.ts';
import { describeVectorIndex } from './conformance.ts';
import { learnableVectors } from './learnable-vectors.ts';
import type { FaissIndexOptions } from '../src/indexes/faiss.ts';
import { buildExactIndex } from './exact-index.ts';

const folder = folderOfFile();
beforeAll(() => setFaissThreads(1));

const hnsw: FaissIndexOptions = { kind: 'hnsw', neighbors: 16, efConstruction: 100 };
const ivf: FaissIndexOptions = { kind: 'ivf', lists: 32 };

describeVectorIndex('exact', async (vectors, dim) => buildExactIndex(vectors, dim), { isExact: true, recallMin: 1 });
describeVectorIndex('faiss flat', (vectors, dim) => buildFaissIndex(vectors, dim, { kind: 'flat' }), {
  isExact: true,
  recallMin: 0.9999,
});
describeVectorIndex('faiss hnsw', (vectors, dim) => buildFaissIndex(vectors, dim, hnsw), {
  isExact: false,
  parameters: { efSearch: 200 },
  recallMin: 0.98,
});
describeVectorIndex('faiss ivf', (vectors, dim) => buildFaissIndex(vectors, dim, ivf), {
  isExact: false,
  parameters: { nprobe: 12 },
  recallMin: 0.95,
});

/** Returns a joined index of the first rows and the rest. The second part also replaces some items of the first by equal vectors. */
async function buildJoined(
  main: FaissIndexOptions,
  vectors: Float32Array,
  dim: number,
  isReplaced: (item: number) => boolean = () => false,
) {
  const split = Math.ceil((vectors.length / dim) * 0.6);
  const replaced = Array.from({ length: split }, (_, row) => row + 1).filter(isReplaced);
  const rows = replaced.map((item) => vectors.subarray((item - 1) * dim, item * dim));
  const added = Float32Array.from([...rows, vectors.subarray(split * dim)].flatMap((part) => [...part]));
  return joinIndexes(
    await buildFaissIndex(vectors.subarray(0, split * dim), dim, main),
    await buildFaissIndex(added, dim, { kind: 'flat' }),
    replaced,
  );
}
const isEverySeventh = (item: number): boolean => item % 7 === 1;
describeVectorIndex('two joined', (vectors, dim) => buildJoined({ kind: 'flat' }, vectors, dim), {
  isExact: true,
  recallMin: 0.9999,
});
describeVectorIndex(
  'a scan that replaces items',
  (vectors, dim) => buildJoined({ kind: 'flat' }, vectors, dim, isEverySeventh),
  {
    isExact: true,
    recallMin: 0.9999,
  },
);
describeVectorIndex('a graph with replaced items', (vectors, dim) => buildJoined(hnsw, vectors, dim, isEverySeventh), {
  isExact: false,
  parameters: { efSearch: 200 },
  recallMin: 0.98,
});
test('items that score higher than the replaced ones take their places', async () => {
  const vectors = learnableVectors(300, 8, { space: 1, seed: 2 });
  const before = vectors.slice();
  const replaced = Array.from({ length: 100 }, (_, row) => 3 * row + 1);
  for (const item of replaced) before[8 * item - 1]! -= 1 + (item % 5);
  const rows = replaced.flatMap((item) => [...vectors.subarray(8 * (item - 1), 8 * item)]);
  const flat = { kind: 'flat' } as const;
  const added = await buildFaissIndex(Float32Array.from(rows), 8, flat);
  const index = joinIndexes(await buildFaissIndex(before, 8, flat), added, replaced);
  const queries = learnableVectors(20, 8, { space: 1, seed: 3 }).map((value, at) => (at % 8 === 7 ? 1 : value));
  for (const k of [1, 10, 150, 300]) {
    const expected = await buildExactIndex(vectors, 8).search(queries, k);
    const found = await index.search(queries, k);
    expect(found.ids).toEqual(expected.ids);
    found.scores.forEach((score, position) => expect(score).toBeCloseTo(expected.scores[position]!, 5));
  }
});
describeVectorIndex('a graph joined with a scan', (vectors, dim) => buildJoined(hnsw, vectors, dim), {
  isExact: false,
  parameters: { efSearch: 200 },
  recallMin: 0.98,
});

describe.each([{ kind: 'flat' } as const, hnsw, ivf])('faiss $kind on disk', (options) => {
  const dim = 16;
  const vectors = learnableVectors(2000, dim, { space: 4, seed: 5 });
  const queries = learnableVectors(5, dim, { space: 4, seed: 6 });

  test('has the same kind, size and results after opening', async () => {
    const built = await buildFaissIndex(vectors, dim, options);
    const path = join(folder, `${options.kind}.faiss`);
    await built.save(path);
    const opened = await openFaissIndex(path);
    expect([opened.kind, opened.size, opened.dim]).toEqual([options.kind, 2000, dim]);
    const items = Int32Array.of(7, 1999, 3, 2000);
    for (const other of [opened, await openFaissIndex(path, { map: true })]) {
      expect(await other.search(queries, 10)).toEqual(await built.search(queries, 10));
      expect(await other.scan(queries, 3, items)).toEqual(await built.scan(queries, 3, items));
    }
  });

  test('has the same bytes for the same vectors with one thread', async () => {
    const paths = [join(folder, 'one'), join(folder, 'two')];
    for (const path of paths) await (await buildFaissIndex(vectors, dim, options)).save(path);
    const [one, two] = await Promise.all(paths.map((path) => readFile(path)));
    expect(one!.equals(two!)).toBe(true);
  });

  test('refuses a truncated file, another file, a folder and an absent file without crashing', async () => {
    const path = join(folder, 'broken');
    await (await buildFaissIndex(vectors, dim, options)).save(path);
    await truncate(path, 1000);
    const other = join(folder, 'other');
    await writeFile(other, 'not an index at all');
    for (const file of [path, other, folder, join(folder, 'absent')]) {
      const error: unknown = await openFaissIndex(file).catch((thrown: unknown) => thrown);
      expect(isAppError(error, 'RETRIEVAL_INDEX_UNREADABLE')).toBe(true);
      expect(String(error)).toContain(file);
    }
  });
});

test('maps the bytes of a file, and names an absent one in the error', async () => {
  const path = join(folder, 'values');
  await writeFile(path, Buffer.from(Float32Array.of(0.5, -2).buffer));
  expect([...new Float32Array(await mapFile(path))]).toEqual([0.5, -2]);
  const error: unknown = await mapFile(join(folder, 'gone')).catch((thrown: unknown) => thrown);
  expect(isAppError(error, 'RETRIEVAL_FILE_UNREADABLE')).toBe(true);
  expect(String(error)).toContain(join(folder, 'gone'));
});

test('names an absent folder in the error of saving', async () => {
  const index = await buildFaissIndex(new Float32Array(8), 4, { kind: 'flat' });
  const error: unknown = await index.save(join(folder, 'absent', 'x')).catch((thrown: unknown) => thrown);
  expect(isAppError(error, 'RETRIEVAL_INDEX_UNWRITABLE')).toBe(true);
});

test('reports a full disk', async () => {
  const index = await buildFaissIndex(new Float32Array(4000), 4, { kind: 'flat' });
  const error: unknown = await index.save('/dev/full').catch((thrown: unknown) => thrown);
  expect(isAppError(error, 'RETRIEVAL_INDEX_UNWRITABLE')).toBe(true);
  expect(String(error)).toContain('No space left on device');
  expect((error as AppError).retryable).toBe(true);
});

test('finds more with a wider search', async () => {
  const dim = 32;
  const vectors = learnableVectors(6000, dim, { space: 7, seed: 8 });
  const queries = learnableVectors(50, dim, { space: 7, seed: 9 });
  const exact = await buildExactIndex(vectors, dim).search(queries, 20);
  for (const [options, narrow, wide] of [
    [{ kind: 'hnsw', neighbors: 8, efConstruction: 20 }, { efSearch: 20 }, { efSearch: 300 }],
    [{ kind: 'ivf', lists: 64 }, { nprobe: 1 }, { nprobe: 64 }],
  ] as const) {
    const index = await buildFaissIndex(vectors, dim, options);
    const found = async (parameters: object) => {
      const { ids } = await index.search(queries, 20, parameters);
      let shared = 0;
      for (let query = 0; query < 50; query++) {
        const expected = new Set(exact.ids.subarray(query * 20, query * 20 + 20));
        for (const id of ids.subarray(query * 20, query * 20 + 20)) if (expected.has(id)) shared++;
      }
      return shared / exact.ids.length;
    };
    expect(await found(wide)).toBeGreaterThan((await found(narrow)) + 0.02);
    expect(await found(wide)).toBeGreaterThan(0.99);
  }
});

test('reaches every item of a graph, also with very different norms', async () => {
  const dim = 8;
  const random = createRandom(3);
  const vectors = learnableVectors(3000, dim, { space: 10, seed: 11 });
  for (let row = 0; row < 3000; row++) {
    const norm = Math.exp(random.normal());
    for (let d = 0; d < dim; d++) vectors[row * dim + d]! *= norm;
  }
  const index = await buildFaissIndex(vectors, dim, { kind: 'hnsw' });
  const { ids } = await index.search(learnableVectors(1, dim, { space: 10, seed: 12 }), 3000);
  expect(ids.filter((id) => id > 0).length).toBeGreaterThan(2990);
  const queries = learnableVectors(40, dim, { space: 10, seed: 13 });
  expect(await measureIndexRecall(index, buildExactIndex(vectors, dim), queries, 100)).toBeGreaterThan(0.97);
});

test('builds a flat index for too few items for a cluster', async () => {
  expect((await buildFaissIndex(new Float32Array(38 * 2).fill(1), 2, { kind: 'ivf' })).kind).toBe('flat');
  expect((await buildFaissIndex(new Float32Array(39 * 2).fill(1), 2, { kind: 'ivf' })).kind).toBe('ivf');
});

test('trains clusters on a sample, and still finds what a scan finds', async () => {
  // 32 lists train on 2,048 of the items.
  const vectors = learnableVectors(8000, 16, { space: 14, seed: 15 });
  const queries = learnableVectors(40, 16, { space: 14, seed: 16 });
  const index = await buildFaissIndex(vectors, 16, { kind: 'ivf', lists: 32 });
  const exact = buildExactIndex(vectors, 16);
  expect(await measureIndexRecall(index, exact, queries, 50, { nprobe: 32 })).toBeGreaterThan(0.999);
  expect(await measureIndexRecall(index, exact, queries, 50, { nprobe: 8 })).toBeGreaterThan(0.9);
});

test('reports progress while adding rows', async () => {
  const seen: number[] = [];
  await buildFaissIndex(new Float32Array(25_000 * 2).fill(1), 2, { kind: 'flat' }, (rows) => seen.push(rows));
  expect(seen).toEqual([10_000, 20_000, 25_000]);
});
