import { Graph, Index, MetricType, setThreads } from 'faiss-node';
import { readFile, truncate, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { folderOfFile } from '@facet/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { exactTopK, randomVectors, rowsOf } from './random-vectors.ts';

const d = 20;
const n = 8_000;
const k = 10;
const vectors = randomVectors(n, d, 21);
const queries = randomVectors(9, d, 22);
/** Narrow enough that the graph is searched, not scanned. */
const efSearch = 200;

const folder = folderOfFile();
beforeAll(() => setThreads(1));

/** Returns an index over vectors with one extra dimension, like transformed ones. */
function faissIndex(rows = vectors): Index {
  let radius = 0;
  for (const row of rowsOf(rows, d)) radius = Math.max(radius, product(row, row));
  const wide = new Float32Array((rows.length / d) * (d + 1));
  rowsOf(rows, d).forEach((row, i) => {
    wide.set(row, i * (d + 1));
    wide[i * (d + 1) + d] = Math.sqrt(Math.max(0, radius - product(row, row)));
  });
  const index = Index.fromFactory(d + 1, 'HNSW12', MetricType.METRIC_L2);
  index.add(wide);
  return index;
}

function product(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, j) => sum + value * b[j]!, 0);
}

function recall(labels: Int32Array, rows: Float32Array): number {
  const expected = exactTopK(rows, queries, d, k);
  const found = rowsOf(labels, k).map((row, q) => row.filter((label) => expected[q]!.includes(label)).length);
  return found.reduce((sum, hits) => sum + hits, 0) / labels.length;
}

const bitmapOf = (isAllowed: (label: number) => boolean) => {
  const bitmap = new Uint8Array(n / 8);
  for (let label = 0; label < n; label++) if (isAllowed(label)) bitmap[label >> 3]! |= 1 << (label & 7);
  return bitmap;
};

const variants = [{}, { codes: false }, { order: false }, { codes: false, order: false }];

describe.each(variants)('a graph taken with %j', (options) => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await faissIndex().takeGraphAsync(d, options);
  });

  it('finds the nearest items with exact scores, best first', async () => {
    const { labels, distances } = await graph.searchAsync(queries, k, { efSearch });

    expect([graph.ntotal(), graph.getDimension()]).toEqual([n, d]);
    expect(recall(labels, vectors)).toBeGreaterThan(0.97);
    labels.forEach((label, i) => {
      const query = queries.subarray(Math.floor(i / k) * d, (Math.floor(i / k) + 1) * d);
      expect(distances[i]).toBeCloseTo(product(vectors.subarray(label * d, (label + 1) * d), query), 5);
      if (i % k > 0) expect(distances[i]!).toBeLessThanOrEqual(distances[i - 1]!);
    });
  });

  it('returns the same for single and batched queries', async () => {
    const together = await graph.searchAsync(queries, k, { efSearch });
    for (let q = 0; q < 9; q++) {
      const alone = await graph.searchAsync(queries.subarray(q * d, (q + 1) * d), k, { efSearch });
      expect(alone.labels).toEqual(together.labels.subarray(q * k, (q + 1) * k));
      expect(alone.distances).toEqual(together.distances.subarray(q * k, (q + 1) * k));
    }
  });

  it('scores a scan like a search', async () => {
    const query = queries.subarray(0, d);
    const found = await graph.searchAsync(query, k, { efSearch });

    expect(await graph.scanAsync(query, k, found.labels.slice().reverse())).toEqual(found);
  });

  it('finds only allowed labels, by search and by scan', async () => {
    const allowed = bitmapOf((label) => label % 5 === 3);
    for (const breadth of [efSearch, n]) {
      const { labels } = await graph.searchAsync(queries, k, { efSearch: breadth, allowed });
      expect(labels.every((label) => label % 5 === 3)).toBe(true);
      const nearest = rowsOf(queries, d).map((query) =>
        Array.from({ length: n / 5 }, (_, i) => 5 * i + 3)
          .map((label) => ({ label, score: product(vectors.subarray(label * d, (label + 1) * d), query) }))
          .sort((a, b) => b.score - a.score)
          .slice(0, k)
          .map(({ label }) => label),
      );
      const found = rowsOf(labels, k).flatMap((row, q) => [...row].filter((label) => nearest[q]!.includes(label)));
      expect(found.length / labels.length).toBeGreaterThanOrEqual(breadth === n ? 1 : 0.95);
    }
    const nothing = await graph.searchAsync(queries, k, { efSearch, allowed: new Uint8Array(0) });
    expect(nothing.labels.every((label) => label === -1)).toBe(true);
    expect(nothing.distances.every((score) => score === -Infinity)).toBe(true);
  });

  it('is exact when the search is as wide as the index', async () => {
    expect(recall((await graph.searchAsync(queries, k, { efSearch: n })).labels, vectors)).toBe(1);
    const all = await graph.searchAsync(queries.subarray(0, d), n);
    expect(new Set(all.labels).size).toBe(n);
  });

  it('survives a file, mapped or not, also after its deletion', async () => {
    const file = path.join(folder, 'graph');
    await graph.writeAsync(file);
    const mapped = await Graph.openAsync(file, { map: true });
    const copied = await Graph.openAsync(file);
    const mapping = async () => (await readFile('/proc/self/maps', 'utf8')).includes(file);
    expect(await mapping()).toBe(true);
    await unlink(file);

    const expected = await graph.searchAsync(queries, k, { efSearch });
    expect(await mapped.searchAsync(queries, k, { efSearch })).toEqual(expected);
    expect(await copied.searchAsync(queries, k, { efSearch })).toEqual(expected);
    mapped.dispose();
    expect(await mapping()).toBe(false);
  });
});

describe('a graph', () => {
  it('of vectors too uneven for codes is searched by the vectors', async () => {
    // Every seventh vector is eight times as long, so common codes would be too coarse for the others.
    const uneven = vectors.map((value, i) => (Math.floor(i / d) % 7 === 0 ? value * 8 : value));
    const graph = await faissIndex(uneven).takeGraphAsync(d);

    expect(recall((await graph.searchAsync(queries, k, { efSearch })).labels, uneven)).toBeGreaterThan(0.9);
    const sizes = await Promise.all(
      [graph, await faissIndex().takeGraphAsync(d)].map(async (one, i) => {
        await one.writeAsync(path.join(folder, `size-${i}`));
        return (await readFile(path.join(folder, `size-${i}`))).length;
      }),
    );
    // 32 padded values per vector, in whole pages.
    expect(sizes[1]! - sizes[0]!).toBe(Math.ceil((n * 32) / 4096) * 4096);
  });

  it('works without vectors, with one, and with zeros', async () => {
    const empty = await faissIndex(new Float32Array(0)).takeGraphAsync(d);
    expect(empty.ntotal()).toBe(0);
    await empty.writeAsync(path.join(folder, 'empty'));
    expect((await Graph.openAsync(path.join(folder, 'empty'), { map: true })).ntotal()).toBe(0);
    const one = await faissIndex(vectors.slice(0, d)).takeGraphAsync(d);
    expect([...(await one.searchAsync(queries.subarray(0, d), 1)).labels]).toEqual([0]);
    const zeros = await faissIndex(new Float32Array(50 * d)).takeGraphAsync(d);
    expect([...(await zeros.searchAsync(queries.subarray(0, d), 3)).labels]).toEqual([0, 1, 2]);
  });

  it('is taken only from a graph of whole vectors, which it consumes', async () => {
    const index = faissIndex();
    const taking = index.takeGraphAsync(d);
    expect(() => index.ntotal()).toThrow(/disposed/);
    await taking;
    const flat = Index.fromFactory(d, 'Flat');
    await expect(flat.takeGraphAsync(d)).rejects.toThrow(/HNSW/);
    const coded = Index.fromFactory(d, 'HNSW8,SQ8');
    coded.train(vectors);
    coded.add(vectors);
    await expect(coded.takeGraphAsync(d)).rejects.toThrow(/whole vectors/);
    await expect(faissIndex(vectors.slice(0, d)).takeGraphAsync(d + 2)).rejects.toThrow(/whole vectors/);
    expect(() => Reflect.construct(Graph, [])).toThrow(TypeError);
  });

  it('refuses wrong arguments, and all calls after disposal', async () => {
    const graph = await faissIndex(vectors.slice(0, 100 * d)).takeGraphAsync(d);
    for (const wrong of [0, 101, 1.5, NaN]) expect(() => graph.searchAsync(queries, wrong)).toThrow();
    expect(() => graph.searchAsync(queries.subarray(1), 1)).toThrow(/multiple/);
    expect(() => graph.searchAsync(new Float32Array(d).fill(NaN), 1)).toThrow(/finite/);
    expect(() => graph.searchAsync(queries, 1, { efSearch: 0 })).toThrow(/efSearch/);
    expect(() => graph.searchAsync(queries, 1, { allowed: [1] as unknown as Uint8Array })).toThrow(/allowed/);
    await expect(graph.scanAsync(queries, 1, Int32Array.of(100))).rejects.toThrow(/but got 100/);
    await expect(graph.writeAsync(path.join(folder, 'absent', 'x'))).rejects.toThrow(/No such file/);
    await expect(graph.writeAsync('/dev/full')).rejects.toThrow(/No space left/);
    const underWay = graph.searchAsync(queries, 1);
    graph.dispose();
    graph.dispose();
    expect((await underWay).labels).toHaveLength(9);
    expect(() => graph.searchAsync(queries, 1)).toThrow(/disposed/);
    expect(() => graph.ntotal()).toThrow(/disposed/);
  });

  it('refuses a file that is truncated, too long or of another kind', async () => {
    const file = path.join(folder, 'cut');
    const graph = await faissIndex(vectors.slice(0, 300 * d)).takeGraphAsync(d);
    await graph.writeAsync(file);
    const whole = await readFile(file);
    for (const length of [0, 3, 40, 48, 4096, whole.length - 4096, whole.length - 1]) {
      await truncate(file, 0);
      await writeFile(file, whole.subarray(0, length));
      for (const map of [false, true]) await expect(Graph.openAsync(file, { map })).rejects.toThrow(/cut short|graph/);
    }
    await writeFile(file, Buffer.concat([whole, Buffer.alloc(1)]));
    await expect(Graph.openAsync(file)).rejects.toThrow(/longer/);
    await expect(Graph.openAsync(folder)).rejects.toThrow(/not a file/);
  });
});

it('ranks vectors with NaN products last, and finds them', async () => {
  // 1e60 exceeds a float, and infinity minus infinity is NaN.
  const huge = new Float32Array(n * d);
  for (let label = 0; label < n; label++) {
    huge[label * d] = label % 3 === 0 ? 1e30 : 1;
    huge[label * d + 1] = label % 2 === 0 ? 1e30 : 1;
  }
  const query = new Float32Array(d);
  query.set([1e30, -1e30]);
  const graph = await faissIndex(huge).takeGraphAsync(d);
  const flat = Index.fromFactory(d, 'Flat', MetricType.METRIC_INNER_PRODUCT);
  flat.add(huge);
  const all = Int32Array.from({ length: n }, (_, label) => label);

  for (const scanned of [graph, flat]) {
    const { labels, distances } = await scanned.scanAsync(query, n, all);
    expect(labels.slice().sort()).toEqual(all);
    const ranks = distances.map((score) => (score === Infinity ? 0 : Number.isFinite(score) ? 1 : 2));
    expect(ranks).toEqual(ranks.slice().sort());
    expect(ranks[0]).toBe(0);
    expect(distances.some(Number.isNaN)).toBe(false);
  }
  const { labels } = await graph.searchAsync(query, k, { efSearch });
  expect(new Set(labels).size).toBe(k);
});
