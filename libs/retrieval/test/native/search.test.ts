import { Index, IndexFlatIP, IndexFlatL2, MetricType, setThreads } from 'faiss-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { exactTopK, randomVectors, rowsOf } from './random-vectors.ts';

const d = 32;
const n = 5_000;
const k = 20;
const vectors = randomVectors(n, d, 7);
const queries = randomVectors(30, d, 8);
const expected = exactTopK(vectors, queries, d, k);

function build(factory: string, metric = MetricType.METRIC_INNER_PRODUCT): Index {
  const index = Index.fromFactory(d, factory, metric);
  if (!index.isTrained()) index.train(vectors);
  index.add(vectors);
  return index;
}

function recall(labels: Int32Array): number {
  const found = rowsOf(labels, k).map((row, q) => row.filter((label) => expected[q]?.includes(label)).length);
  return found.reduce((sum, hits) => sum + hits, 0) / labels.length;
}

beforeAll(() => setThreads(1));

describe('vectors and results', () => {
  it('takes a Float32Array and returns a result per query', () => {
    const index = new IndexFlatIP(d);
    index.add(vectors);

    const { distances, labels } = index.search(queries, k);

    expect(distances).toBeInstanceOf(Float32Array);
    expect(labels).toBeInstanceOf(Int32Array);
    expect(rowsOf(labels, k).map((row) => [...row])).toEqual(expected);
    for (const row of rowsOf(distances, k)) expect([...row]).toEqual([...row].sort((a, b) => b - a));
  });

  it('reads views with an offset and shared memory in place', () => {
    const shared = new Float32Array(new SharedArrayBuffer(vectors.byteLength));
    shared.set(vectors);
    const index = new IndexFlatL2(d);
    index.add(shared);

    expect(index.search(shared.subarray(17 * d, 18 * d), 1).labels).toEqual(Int32Array.of(17));
  });

  it('returns a stored vector', () => {
    const index = build('HNSW16');

    expect(index.reconstruct(4_999)).toEqual(vectors.slice(4_999 * d));
  });

  it('returns no results without queries', async () => {
    const index = build('Flat');

    expect(index.search(new Float32Array(0), k).labels).toHaveLength(0);
    expect((await index.searchAsync(new Float32Array(0), k)).labels).toHaveLength(0);
  });

  it('survives a file and a buffer', () => {
    const index = build('HNSW16');
    const copy = Index.fromBuffer(index.toBuffer());

    expect(copy.search(queries, k)).toEqual(index.search(queries, k));
  });
});

describe('parameters of one search', () => {
  it('efSearch raises the recall of a graph without changing the index', async () => {
    const index = build('HNSW8');

    const before = recall(index.search(queries, k).labels);
    const narrow = recall(index.search(queries, k, { efSearch: k }).labels);
    const wide = recall((await index.searchAsync(queries, k, { efSearch: 800 })).labels);

    expect(wide).toBeGreaterThan(0.95);
    expect(narrow).toBeLessThan(wide - 0.05);
    expect(recall(index.search(queries, k).labels)).toBe(before);
  });

  it('nprobe raises the recall of an inverted file up to that of a scan', async () => {
    const index = build('IVF50,Flat');

    const one = recall(index.search(queries, k, { nprobe: 1 }).labels);
    const all = recall((await index.searchAsync(queries, k, { nprobe: 50 })).labels);

    expect(one).toBeLessThan(0.9);
    expect(all).toBe(1);
  });

  it('efConstruction is set before vectors are added', () => {
    const poor = Index.fromFactory(d, 'HNSW8', MetricType.METRIC_INNER_PRODUCT);
    poor.setParameter('efConstruction', 8);
    poor.add(vectors);
    const good = Index.fromFactory(d, 'HNSW8', MetricType.METRIC_INNER_PRODUCT);
    good.setParameter('efConstruction', 200);
    good.add(vectors);

    const options = { efSearch: 100 };
    expect(recall(good.search(queries, k, options).labels)).toBeGreaterThan(
      recall(poor.search(queries, k, options).labels),
    );
  });

  it.each(['Flat', 'HNSW16', 'IVF20,Flat'])('finds only allowed labels in %s', async (factory) => {
    const index = build(factory);
    if (factory.startsWith('HNSW')) index.setParameter('efSearch', 500);
    if (factory.startsWith('IVF')) index.setParameter('nprobe', 20);
    const allowed = new Uint8Array(n / 8).fill(0b0000_0101);

    for (const { labels } of [
      index.search(queries, k, { allowed }),
      await index.searchAsync(queries, k, { allowed }),
    ]) {
      const found = labels.filter((label) => label !== -1);
      expect(found.length).toBeGreaterThan(labels.length * 0.9);
      expect(found.every((label) => label % 8 === 0 || label % 8 === 2)).toBe(true);
    }
  });

  it('pads with -1 if too few labels are allowed', () => {
    const { labels } = build('Flat').search(queries.subarray(0, d), 4, { allowed: Uint8Array.of(0b0001_0010) });

    expect([...labels].sort()).toEqual([-1, -1, 1, 4]);
  });

  it('finds nothing when nothing is allowed', async () => {
    const index = build('Flat');
    const nothing = { allowed: new Uint8Array(0) };

    expect([...index.search(queries.subarray(0, d), 2, nothing).labels]).toEqual([-1, -1]);
    expect([...(await index.searchAsync(queries.subarray(0, d), 2, nothing)).labels]).toEqual([-1, -1]);
  });
});
