import { Index, IndexFlatIP, IndexFlatL2, MetricType, setThreads } from 'faiss-node';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { randomVectors } from './random-vectors.ts';

// Each of these crashed the published addon or had undefined results.

const d = 8;
const vectors = randomVectors(100, d, 1);

function flat(): IndexFlatIP {
  const index = new IndexFlatIP(d);
  index.add(vectors);
  return index;
}

function hnsw(): Index {
  const index = Index.fromFactory(d, 'HNSW8', MetricType.METRIC_INNER_PRODUCT);
  index.add(vectors);
  return index;
}

describe('errors of Faiss become JavaScript errors:', () => {
  it('removeIds on HNSW', () => {
    const index = hnsw();

    expect(() => index.removeIds([1])).toThrow(/remove_ids not implemented/);
    expect(index.search(vectors.subarray(0, d), 1).labels).toEqual(Int32Array.of(0));
  });

  it('add and search on an untrained index', async () => {
    const index = Index.fromFactory(d, 'IVF4,Flat');

    expect(() => index.add(vectors)).toThrow(/is_trained/);
    expect(index.ntotal()).toBe(0);
  });

  it('training on fewer vectors than lists', () => {
    expect(() => Index.fromFactory(d, 'IVF64,Flat').train(vectors.subarray(0, d))).toThrow(/at least as large/);
  });

  it('add on an index with its own ids', () => {
    expect(() => Index.fromFactory(d, 'IDMap,Flat').add(vectors)).toThrow(/add does not make sense/);
  });

  it('writing to a missing path, named in the error', () => {
    expect(() => flat().write('/does/not/exist/index.faiss')).toThrow('/does/not/exist/index.faiss');
  });

  it('reading a file that is missing or not an index', () => {
    expect(() => Index.read(path.join(tmpdir(), 'no-such-index'))).toThrow('no-such-index');
    expect(() => Index.read(import.meta.filename)).toThrow(/not recognized/);
    expect(() => Index.fromBuffer(Buffer.from('no index'))).toThrow(/not recognized/);
    expect(() => Index.fromBuffer(hnsw().toBuffer().subarray(0, 500))).toThrow(/read error/);
  });

  it('an invalid factory string', () => {
    expect(() => Index.fromFactory(d, 'Foo')).toThrow(/could not parse index string Foo/);
  });

  it('an unknown parameter', () => {
    expect(() => hnsw().setParameter('effort', 3)).toThrow(/effort/);
  });

  it('without paths of the build machine', () => {
    expect(() => Index.fromFactory(d, 'Foo')).toThrow(/at faiss\//);
  });
});

describe('arguments', () => {
  it.each([[], [0], [-3], [2.5], [NaN], ['8'], [{}], [2 ** 40]])('constructor(%j) throws', (...args) => {
    const construct = (of: unknown) => () => Reflect.construct(of as new () => unknown, args);

    for (const type of [Index, IndexFlatIP, IndexFlatL2]) expect(construct(type)).toThrow(/dimension/);
  });

  it('a constructor called without new throws', () => {
    expect(() => (Index as unknown as (d: number) => void)(3)).toThrow(/without 'new'/);
  });

  it('a method on another object throws', () => {
    expect(() => Index.prototype.add.call({} as Index, vectors)).toThrow();
  });

  it.each([
    ['number[]', [1, 2, 3, 4, 5, 6, 7, 8]],
    ['Float64Array', new Float64Array(d)],
    ['nothing', undefined],
  ])('%s instead of a Float32Array throws', (_, value) => {
    const wrong = value as unknown as Float32Array;

    expect(() => flat().add(wrong)).toThrow(TypeError);
    expect(() => flat().train(wrong)).toThrow(TypeError);
    expect(() => flat().search(wrong, 1)).toThrow(TypeError);
    expect(() => flat().searchAsync(wrong, 1)).toThrow(TypeError);
  });

  it('a length that is not a multiple of the dimension throws', () => {
    const short = vectors.subarray(0, d + 1);

    for (const call of [
      (i: Index) => i.add(short),
      (i: Index) => i.search(short, 1),
      (i: Index) => i.searchAsync(short, 1),
    ]) {
      expect(() => call(flat())).toThrow('9 is not a multiple of the dimension 8');
    }
  });

  it.each([NaN, Infinity, -Infinity])('%s throws naming the position', (value) => {
    const bad = vectors.slice(0, 3 * d);
    bad[2 * d + 5] = value;
    const index = flat();

    expect(() => index.add(bad)).toThrow(/vector 2 holds .* at 5/);
    expect(() => index.search(bad, 1)).toThrow(/vector 2 holds/);
    expect(index.ntotal()).toBe(100);
  });

  it.each([101, 0, -1, NaN, 4e9])('k = %d of 100 throws', (k) => {
    expect(() => flat().search(vectors, k)).toThrow(/ntotal.*100/);
  });

  it('search parameters must be valid for the index', () => {
    const search =
      (parameters: unknown, index: Index = flat()) =>
      () =>
        index.search(vectors, 1, parameters as object);

    expect(search({ efSearch: 10 })).toThrow(/HNSW/);
    expect(search({ nprobe: 10 }, hnsw())).toThrow(/IVF/);
    expect(search({ efSearch: 0 }, hnsw())).toThrow(/efSearch/);
    expect(search({ efSearch: 'many' }, hnsw())).toThrow(/efSearch/);
    expect(search({ allowed: [1] })).toThrow(/allowed/);
    expect(search('fast')).toThrow(TypeError);
  });

  it('labels outside the index cannot be reconstructed', () => {
    for (const label of [-1, 100, 1.5, NaN]) expect(() => flat().reconstruct(label)).toThrow(/ntotal: 100/);
  });

  it('an index merges only with one of its class', () => {
    const index = flat();

    for (const other of [{}, index, new IndexFlatL2(d)]) {
      expect(() => index.mergeFrom(other as IndexFlatIP)).toThrow(TypeError);
    }
    expect(() => index.mergeFrom(new IndexFlatIP(d + 1))).toThrow(/same dimension/);
    index.mergeFrom(flat());
    expect(index.ntotal()).toBe(200);
  });

  it('a number of threads must be valid', () => {
    for (const threads of [0, -1, 1.5, NaN]) expect(() => setThreads(threads)).toThrow(TypeError);
  });
});

it.each(['index', 'graph'])('results that exceed the memory are an error: %s', async (kind) => {
  const [queries, label] = [new Float32Array(1e5 * d), Int32Array.of(0)];
  const built = hnsw();
  const scanned = kind === 'index' ? built : await built.takeGraphAsync(d);

  // 2^31 results per query, about 10^15 bytes.
  await expect((async () => scanned.scanAsync(queries, 2 ** 31 - 1, label))()).rejects.toThrow(/bad_alloc/);
  expect((await scanned.scanAsync(vectors.subarray(0, d), 1, label)).labels).toEqual(label);
});

describe('life cycle', () => {
  it('a disposed index throws', () => {
    const index = flat();
    index.dispose();
    index.dispose();

    for (const call of [
      () => index.ntotal(),
      () => index.add(vectors),
      () => index.search(vectors, 1),
      () => index.toBuffer(),
    ]) {
      expect(call).toThrow(/disposed/);
    }
  });

  it('a worker thread may load the addon and end', async () => {
    const code = `
      const { IndexFlatIP } = require('faiss-node');
      const index = new IndexFlatIP(2);
      index.add(new Float32Array(2));
      require('node:worker_threads').parentPort.postMessage(index.ntotal());`;
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(code, { eval: true });
      const [total] = await Promise.all([
        new Promise((resolve) => worker.once('message', resolve)),
        new Promise((resolve) => worker.once('exit', resolve)),
      ]);
      expect(total).toBe(1);
    }

    expect(Index.fromBuffer(flat().toBuffer()).ntotal()).toBe(100);
  });
});
