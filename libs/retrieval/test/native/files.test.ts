import { Index, IndexFlatIP, mapFile, MetricType, setThreads } from 'faiss-node';
import { readFile, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { folderOfFile } from '@facet/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomVectors } from './random-vectors.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const d = 16;
const n = 600;
const vectors = randomVectors(n, d, 11);
const queries = randomVectors(4, d, 12);
const factories = ['Flat', 'HNSW8', 'IVF10,Flat'];

const folder = folderOfFile();
beforeAll(() => setThreads(1));

function build(factory: string, rows = vectors): Index {
  const index = Index.fromFactory(d, factory, MetricType.METRIC_L2);
  if (!index.isTrained()) index.train(rows);
  index.add(rows);
  return index;
}

async function save(index: Index, name: string): Promise<string> {
  const file = path.join(folder, name);
  index.write(file);
  return file;
}

/** Expects that the file of an index is refused, mapped or not, after a change of its bytes. */
async function expectRefused(
  index: Index,
  problem: RegExp | string,
  change: (bytes: Buffer) => Buffer | void = () => undefined,
): Promise<void> {
  const file = await save(index, 'changed');
  const bytes = await readFile(file);
  await writeFile(file, change(bytes) ?? bytes);
  for (const map of [false, true]) await expect(Index.readAsync(file, { map })).rejects.toThrow(problem);
}

/** Returns how much of this process's memory maps the file. */
async function mappings(file: string): Promise<number> {
  return (await readFile('/proc/self/maps', 'utf8')).split('\n').filter((line) => line.includes(file)).length;
}

describe.each(factories)('readAsync of %s', (factory) => {
  it.each([{ map: false }, { map: true }])('returns the same index %j', async (options) => {
    const built = build(factory);
    const file = await save(built, 'same');

    const read = await Index.readAsync(file, options);

    expect([read.ntotal(), read.getDimension()]).toEqual([n, d]);
    expect(read.search(queries, 10)).toEqual(built.search(queries, 10));
    expect(await read.scanAsync(queries, 5, Int32Array.of(3, 500, 7))).toEqual(
      await built.scanAsync(queries, 5, Int32Array.of(3, 500, 7)),
    );
  });

  it('refuses a file truncated anywhere, mapped or not', async () => {
    const whole = await readFile(await save(build(factory), 'whole'));
    const file = path.join(folder, 'cut');
    for (let i = 0; i < 60; i++) {
      // Near the end, inside a value, and anywhere before.
      const length = i < 12 ? whole.length - 1 - i : Math.floor((whole.length * (i - 12)) / 48);
      await writeFile(file, whole.subarray(0, length));
      for (const map of [false, true]) await expect(Index.readAsync(file, { map })).rejects.toThrow();
      expect(() => Index.read(file)).toThrow();
    }
  });
});

describe('readAsync', () => {
  it('keeps vectors and graph in the mapped file, also after its deletion', async () => {
    const built = build('HNSW8');
    const file = await save(built, 'mapped');
    const mapped = await Index.readAsync(file, { map: true });
    const copied = await Index.readAsync(file);
    expect(await mappings(file)).toBe(1);

    await unlink(file);

    expect(mapped.search(queries, 10)).toEqual(copied.search(queries, 10));
    mapped.dispose();
    expect(await mappings(file)).toBe(0);
  });

  it('refuses changes of a mapped index', async () => {
    const mapped = await Index.readAsync(await save(build('Flat'), 'fixed'), { map: true });

    expect(() => mapped.add(vectors)).toThrow(/mapped/);
    expect(() => build('Flat').mergeFrom(mapped)).toThrow(/mapped/);
    expect(mapped.ntotal()).toBe(n);
  });

  it('reads an empty index', async () => {
    for (const map of [false, true]) {
      const index = await Index.readAsync(await save(build('HNSW8', new Float32Array(0)), 'empty'), { map });
      expect(index.ntotal()).toBe(0);
    }
  });

  it('refuses absent and empty files, folders and other files, naming the path or a reason', async () => {
    const other = path.join(folder, 'other');
    for (const text of ['', 'IHNf', 'IxFI and more', 'something else altogether']) {
      await writeFile(other, text);
      for (const map of [false, true]) await expect(Index.readAsync(other, { map })).rejects.toThrow(/other|read/);
    }
    await expect(Index.readAsync(path.join(folder, 'absent'))).rejects.toThrow(/absent.*No such file/);
    await expect(Index.readAsync(folder)).rejects.toThrow(/not a file/);
    expect(() => Index.readAsync(3 as unknown as string)).toThrow(TypeError);
  });

  it.each([NaN, Infinity, -1e30])('refuses a graph of Faiss with the value %d in a vector', async (value) => {
    const first = Buffer.from(vectors.buffer, 0, 4 * d);
    await expectRefused(build('HNSW8'), /vector/, (bytes) => {
      bytes.writeFloatLE(value, bytes.indexOf(first));
    });
  });

  it.each([-1, 0, 2 ** 31 - 1])('refuses a graph of Faiss with the search breadth %d', async (breadth) => {
    const index = build('HNSW8');
    index.setParameter('efSearch', 54_321);
    await expectRefused(index, /search breadth/, (bytes) => {
      bytes.writeInt32LE(breadth, bytes.indexOf(Buffer.from(Int32Array.of(54_321).buffer)));
    });
  });

  it.each([1e6, 2 ** 62])(
    'allocates no memory for a cluster of %d entries, which the file does not have',
    async (size) => {
      await expectRefused(build('IVF10,Flat'), 'its clusters exceed the file', (bytes) => {
        // After the tag come the number of clusters and the size of each.
        bytes.writeBigInt64LE(BigInt(size), bytes.lastIndexOf('full') + 4 + 8);
      });
    },
  );

  it('allocates no memory for a number of clusters that the file does not have', async () => {
    await expectRefused(build('IVF10,Flat'), 'a size in it exceeds the file', (bytes) => {
      // Faiss writes this number for header fields that it no longer uses.
      bytes.writeBigInt64LE(1n << 20n, bytes.indexOf('ilar') + 4);
    });
  });

  it('refuses an empty index of a width for which a query would fill the memory', async () => {
    await expectRefused(build('Flat', new Float32Array(0)), /width/, (bytes) => {
      const widthAt = 4;
      expect(bytes.readInt32LE(widthAt)).toBe(d);
      bytes.writeInt32LE(2 ** 31 - 1, widthAt);
    });
  });

  it('refuses an index of a kind that Facet does not build', async () => {
    await expectRefused(build('SQ8'), /kind/);
  });

  it('refuses an index with an unknown metric', async () => {
    await expectRefused(build('Flat'), /metric/, (bytes) => {
      const metricAt = 33;
      expect(bytes.readInt32LE(metricAt)).toBe(MetricType.METRIC_L2);
      // Metrics other than the first two have an argument.
      const metric = Buffer.alloc(8);
      metric.writeInt32LE(7_777);
      return Buffer.concat([bytes.subarray(0, metricAt), metric, bytes.subarray(metricAt + 4)]);
    });
  });
});

describe('mapFile', () => {
  it('returns the bytes of the file, and does not change the file when they are written', async () => {
    const file = path.join(folder, 'numbers');
    await writeFile(file, new Uint8Array(Float32Array.of(1, 2, 3.5).buffer));

    const numbers = new Float32Array(await mapFile(file));
    expect([...numbers]).toEqual([1, 2, 3.5]);
    numbers[1] = 9;

    expect([...numbers]).toEqual([1, 9, 3.5]);
    expect([...new Float32Array(await mapFile(file))]).toEqual([1, 2, 3.5]);
  });

  it('survives the deletion of its file, and unmaps it when collected', async () => {
    const file = path.join(folder, 'large');
    await writeFile(file, new Uint8Array(1e6).fill(7));
    const last = async () => {
      const buffer = await mapFile(file);
      await unlink(file);
      expect(await mappings(file)).toBe(1);
      return new Uint8Array(buffer)[999_999];
    };
    expect(await last()).toBe(7);

    for (let i = 0; i < 50 && (await mappings(file)) > 0; i++) {
      collectGarbage();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await mappings(file)).toBe(0);
  });

  it('returns an empty buffer for an empty file, and refuses an absent one and a folder', async () => {
    const file = path.join(folder, 'nothing');
    await writeFile(file, '');
    expect((await mapFile(file)).byteLength).toBe(0);
    await expect(mapFile(path.join(folder, 'absent'))).rejects.toThrow(/absent.*No such file/);
    await expect(mapFile(folder)).rejects.toThrow(/not a file/);
    expect(() => mapFile(undefined as unknown as string)).toThrow(TypeError);
  });
});

describe('scanAsync', () => {
  it.each(factories)('scores only the given labels of %s by inner product, ties by label', async (factory) => {
    // Rows 0 and 300 are equal.
    const rows = vectors.slice();
    rows.copyWithin(0, 300 * d, 301 * d);
    const index = build(factory, rows);
    const given = Int32Array.of(599, 300, 0, 17, 42);

    const { labels, distances } = await index.scanAsync(queries, 7, given);

    for (let query = 0; query < 4; query++) {
      const scored = [...given].map((label) => ({ label, score: product(rows, label, query) }));
      scored.sort((a, b) => b.score - a.score || a.label - b.label);
      expect([...labels.subarray(query * 7, query * 7 + 7)]).toEqual([...scored.map(({ label }) => label), -1, -1]);
      scored.forEach(({ score }, rank) => expect(distances[query * 7 + rank]).toBeCloseTo(score, 5));
      expect(distances[query * 7 + 6]).toBe(-Infinity);
    }
  });

  it('keeps the best of many, and scores a batch like single queries', async () => {
    const index = build('Flat');
    const all = Int32Array.from({ length: n }, (_, label) => n - 1 - label);
    for (const count of [1, 2, 3, 4]) {
      const batch = await index.scanAsync(queries.subarray(0, count * d), 20, all);
      for (let query = 0; query < count; query++) {
        const alone = await index.scanAsync(queries.subarray(query * d, (query + 1) * d), 20, all);
        expect(batch.distances.subarray(query * 20, query * 20 + 20)).toEqual(alone.distances);
        expect(batch.labels.subarray(query * 20, query * 20 + 20)).toEqual(alone.labels);
        const best = [...all].sort((a, b) => product(vectors, b, query) - product(vectors, a, query)).slice(0, 20);
        expect([...alone.labels]).toEqual(best);
      }
    }
  });

  it('sees vectors added since the last scan', async () => {
    const index = build('IVF10,Flat');
    await index.scanAsync(queries, 1, Int32Array.of(0));
    index.add(vectors);

    expect((await index.scanAsync(queries, 1, Int32Array.of(n + 3))).labels[0]).toBe(n + 3);
  });

  it('copies its arguments, and keeps the index alive', async () => {
    const index = build('Flat');
    const given = Int32Array.of(1, 2);
    const scan = index.scanAsync(queries, 2, given);
    given.fill(5);
    expect(() => index.add(vectors)).toThrow(/using it/);
    index.dispose();

    expect([...(await scan).labels.subarray(0, 2)].sort()).toEqual([1, 2]);
  });

  it('refuses invalid arguments', async () => {
    const index = build('Flat');
    for (const label of [-1, n]) {
      await expect(index.scanAsync(queries, 1, Int32Array.of(label))).rejects.toThrow(`but got ${label}`);
    }
    for (const k of [0, -1, 1.5, NaN]) expect(() => index.scanAsync(queries, k, Int32Array.of(1))).toThrow(TypeError);
    expect(() => index.scanAsync(queries, 1, [1] as unknown as Int32Array)).toThrow(/Int32Array/);
    expect(() => index.scanAsync(queries.subarray(1), 1, Int32Array.of(1))).toThrow(/multiple/);
    await expect(build('SQ8').scanAsync(queries, 1, Int32Array.of(1))).rejects.toThrow(/whole vectors/);
    expect((await new IndexFlatIP(d).scanAsync(queries, 1, new Int32Array(0))).labels).toEqual(
      Int32Array.of(-1, -1, -1, -1),
    );
  });
});

function product(rows: Float32Array, label: number, query: number): number {
  let sum = 0;
  for (let j = 0; j < d; j++) sum += rows[label * d + j]! * queries[query * d + j]!;
  return sum;
}
