/** @module-tag full */
import { Index, IndexFlatIP, MetricType, setThreads } from 'faiss-node';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomVectors } from './random-vectors.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const d = 64;
const vectors = randomVectors(200, d, 5);
/** Four interests per request, as in serving. */
const queries = randomVectors(4, d, 6);

/** Returns how many megabytes the process grows while `work` runs `times` times, after a warm-up of a tenth of that. */
async function growth(times: number, work: () => unknown): Promise<number> {
  const resident = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await work();
      if (i % 5_000 === 0) collectGarbage();
    }
    collectGarbage();
    return process.memoryUsage.rss();
  };
  const before = await resident(times / 10);
  return ((await resident(times)) - before) / 1e6;
}

describe('memory', () => {
  const index = new IndexFlatIP(d);
  beforeAll(() => {
    setThreads(1);
    index.add(vectors);
  });

  it('stays flat over 60,000 searches', async () => {
    // 61 MB if each search leaked its queries.
    expect(await growth(60_000, () => void index.search(queries, 10))).toBeLessThan(20);
  });

  it('stays flat over asynchronous searches, including filtered and failing ones', async () => {
    const allowed = new Uint8Array(25).fill(255);
    const work = () =>
      Promise.all([
        index.searchAsync(queries, 10, { allowed }),
        index.searchAsync(queries, 10),
        index.searchAsync(queries, 10, { nprobe: 1 }).catch(() => {}),
      ]);

    expect(await growth(30_000, work)).toBeLessThan(20);
  });

  it('stays flat over conversions to buffers and back', async () => {
    const large = new IndexFlatIP(d);
    large.add(randomVectors(4_000, d, 9));
    const work = () => {
      Index.fromBuffer(large.toBuffer()).dispose();
      collectGarbage();
    };

    // 80 MB if each buffer leaked once.
    expect(await growth(80, work)).toBeLessThan(40);
  });

  it('stays flat over errors', async () => {
    const graph = Index.fromFactory(d, 'HNSW8', MetricType.METRIC_INNER_PRODUCT);
    graph.add(vectors);
    const bad = vectors.slice();
    bad[bad.length - 1] = NaN;
    let errors = 0;
    const failing = [() => graph.removeIds([1, 2, 3]), () => graph.add(bad), () => new IndexFlatIP(-1)];
    const work = () => {
      for (const call of failing) {
        try {
          call();
        } catch {
          errors++;
        }
      }
    };

    expect(await growth(20_000, work)).toBeLessThan(20);
    expect(errors).toBe(66_000);
  });

  it('is released when an index is disposed', async () => {
    const rows = randomVectors(50_000, d, 10);
    const work = () => {
      const temporary = new IndexFlatIP(d);
      temporary.add(rows);
      temporary.dispose();
    };

    // 13 MB each, without garbage collection in between.
    expect(await growth(60, work)).toBeLessThan(40);
  });
});
