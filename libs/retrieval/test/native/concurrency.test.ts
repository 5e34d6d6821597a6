import { Index, IndexFlatIP, MetricType, setThreads } from 'faiss-node';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomVectors } from './random-vectors.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const d = 64;
const vectors = randomVectors(20_000, d, 3);

function hnsw(): Index {
  const index = Index.fromFactory(d, 'HNSW16', MetricType.METRIC_INNER_PRODUCT);
  index.add(vectors);
  return index;
}

describe('searchAsync', () => {
  let index: Index;
  beforeAll(() => {
    setThreads(1);
    index = hnsw();
  });

  it('leaves the event loop free during a search of more than a second', { tags: 'full' }, async () => {
    const many = randomVectors(2_000, d, 4);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    const startedAt = performance.now();

    await index.searchAsync(many, 100, { efSearch: 1_000 });

    clearInterval(timer);
    const elapsedMs = performance.now() - startedAt;
    expect(elapsedMs).toBeGreaterThan(1_000);
    // A tenth of the expected ticks suffices on a busy machine; a blocked loop ticks at most once.
    expect(ticks).toBeGreaterThan(elapsedMs / 100);
  });

  it('returns the same as search for many concurrent calls', async () => {
    const batches = Array.from({ length: 40 }, (_, i) => randomVectors(4, d, 100 + i));

    const results = await Promise.all(batches.map((queries) => index.searchAsync(queries, 50, { efSearch: 64 })));

    results.forEach((result, i) => {
      expect(result).toEqual(index.search(batches[i] ?? new Float32Array(0), 50, { efSearch: 64 }));
    });
  });

  it('is unaffected by later changes of its arguments', async () => {
    const queries = vectors.slice(0, d);
    const allowed = new Uint8Array(2_500).fill(255);
    const before = index.search(queries, 10, { allowed });

    // More searches than threads, so that the last one waits.
    const others = Array.from({ length: 8 }, () => index.searchAsync(vectors.subarray(0, 100 * d), 10));
    const pending = index.searchAsync(queries, 10, { allowed });
    queries.fill(0);
    allowed.fill(0);

    expect(await pending).toEqual(before);
    await Promise.all(others);
  });

  it('keeps its index alive', async () => {
    const flat = new IndexFlatIP(d);
    flat.add(vectors);
    const expected = flat.search(vectors.subarray(0, 400 * d), 10);
    const start = () => {
      const lost = new IndexFlatIP(d);
      lost.add(vectors);
      return lost.searchAsync(vectors.subarray(0, 400 * d), 10);
    };

    const pending = start();
    collectGarbage();

    expect(await pending).toEqual(expected);
  });

  it('completes if the index is disposed meanwhile', async () => {
    const own = hnsw();
    const pending = own.searchAsync(vectors.subarray(0, 200 * d), 10);
    own.dispose();

    expect((await pending).labels).toHaveLength(2_000);
    expect(() => own.ntotal()).toThrow(/disposed/);
  });

  it('refuses changes of the index until it completes', async () => {
    const own = hnsw();
    const pending = own.searchAsync(vectors.subarray(0, 200 * d), 10);

    expect(() => own.add(vectors)).toThrow(/asynchronous search/);
    expect(() => own.train(vectors)).toThrow(/asynchronous search/);
    expect(() => own.removeIds([1])).toThrow(/asynchronous search/);
    expect(() => own.mergeFrom(index)).toThrow(/asynchronous search/);
    expect(() => own.setParameter('efSearch', 10)).toThrow(/asynchronous search/);
    expect(own.search(vectors.subarray(0, d), 1).labels).toHaveLength(1);

    await pending;
    own.add(vectors.subarray(0, d));
    expect(own.ntotal()).toBe(20_001);
  });

  it('rejects if the search fails', async () => {
    await expect(index.searchAsync(vectors.subarray(0, d), 1, { nprobe: 4 })).rejects.toThrow(/IVF/);
  });
});
