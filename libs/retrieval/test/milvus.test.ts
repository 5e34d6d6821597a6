/** @module-tag full */
import { randomUUID } from 'node:crypto';
import { startMilvus } from '@facet/local-services';
import { forFile, forTest } from '@facet/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildFaissIndex, setFaissThreads } from '../src/index.ts';
import type { VectorIndex } from '../src/index.ts';
import type { FaissIndexOptions } from '../src/indexes/faiss.ts';
import { MilvusIndexes } from '../src/milvus/milvus-indexes.ts';
import type { MilvusIndexesOptions } from '../src/milvus/milvus-indexes.ts';
import { openMilvus } from '../src/milvus/milvus.ts';
import { describeVectorIndex } from './conformance.ts';
import { learnableVectors } from './learnable-vectors.ts';

/** A busy machine fills a collection in a minute. */
const patiently = { timeout: 120_000, interval: 50 };
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });
const dim = 8;
const size = 300;
const vectors = learnableVectors(size, dim, { space: 1, seed: 2 });
const queries = learnableVectors(3, dim, { space: 1, seed: 3 });

setFaissThreads(1);
const milvus = forFile(await startMilvus());
const settings = () => ({ address: milvus.address, tokenFile: undefined, tls: undefined });
const connection = forFile(openMilvus(settings()));

interface OpenedIndexes extends MilvusIndexes {
  readonly seen: {
    readonly searches: string[];
    readonly problems: string[];
    readonly dropped: string[];
    filled: number;
    recovered: number;
    waiting: number;
  };
}

/** Opens indexes, as a process does, until the test ends. */
function openIndexes(options: Partial<MilvusIndexesOptions> = {}): OpenedIndexes {
  const seen = {
    searches: [] as string[],
    problems: [] as string[],
    dropped: [] as string[],
    filled: 0,
    recovered: 0,
    waiting: 0,
  };
  const indexes = new MilvusIndexes({
    milvus: settings(),
    installationId: randomUUID(),
    fills: true,
    searchMsMax: 10_000,
    metrics: {
      countMilvusSearch: (outcome) => seen.searches.push(outcome),
      setMilvusWaiting: (bundles) => (seen.waiting = bundles),
    },
    logger: {
      warn: ({ problem }: { readonly problem: string }) => void seen.problems.push(problem),
      info({ collection }: { readonly collection?: string }, message?: string) {
        if (collection !== undefined) seen.dropped.push(collection);
        else if (message?.startsWith('collection filled') === true) seen.filled++;
        else seen.recovered++;
      },
    },
    ...options,
  });
  return Object.assign(indexes, { seen });
}

async function openIn(
  indexes: OpenedIndexes,
  id: string,
  rows: Float32Array,
  width: number,
  options: FaissIndexOptions = { kind: 'hnsw' },
): Promise<VectorIndex> {
  const padded = new Float32Array(width + rows.length);
  padded.set(rows, width);
  return indexes.open({ id, index: await buildFaissIndex(rows, width, options), vectors: padded });
}
const untilSearched = ({ seen }: OpenedIndexes) => vi.waitFor(() => expect(seen.waiting).toBe(0), patiently);

describe('conformance', () => {
  let indexes: OpenedIndexes;
  beforeAll(() => {
    // The suite searches with many queries at once.
    indexes = openIndexes({ hitsMax: 100_000 });
  });
  afterAll(async () => {
    expect(indexes.seen.problems).toEqual([]);
    await indexes.close();
  });
  const build = (options: FaissIndexOptions) => async (rows: Float32Array, width: number) => {
    const index = await openIn(indexes, randomUUID(), rows, width, options);
    await untilSearched(indexes);
    return {
      ...index,
      /** Searches with allowed items run in process. All others must reach Milvus. */
      async search(...[asked, k, parameters]: Parameters<VectorIndex['search']>) {
        const isMilvus =
          parameters?.allowed === undefined && asked.length > 0 && index.size > 0 && index.kind !== 'flat';
        const before = indexes.seen.searches.filter((outcome) => outcome === 'milvus').length;
        const result = await index.search(asked, k, parameters);
        const after = indexes.seen.searches.filter((outcome) => outcome === 'milvus').length;
        if (isMilvus) expect(after).toBeGreaterThan(before);
        return result;
      },
    };
  };
  describeVectorIndex('milvus hnsw', build({ kind: 'hnsw', neighbors: 16, efConstruction: 100 }), {
    isExact: false,
    parameters: { efSearch: 200 },
    recallMin: 0.98,
  });
  describeVectorIndex('milvus ivf', build({ kind: 'ivf', lists: 32 }), {
    isExact: false,
    parameters: { nprobe: 40 },
    recallMin: 0.95,
  });
});

describe('a collection', () => {
  let opened: OpenedIndexes[] = [];
  const open = (options?: Partial<MilvusIndexesOptions>): OpenedIndexes => {
    const indexes = openIndexes(options);
    opened.push(indexes);
    return indexes;
  };
  afterEach(async () => {
    await Promise.all(opened.map((indexes) => indexes.close()));
    opened = [];
  });
  const nameOf = (installationId: string, id: string) => `facet_${installationId.replaceAll('-', '')}_${id}`;

  test('gives the scores of the vectors, and equal scores by item', async () => {
    const indexes = open();
    const same = new Float32Array(100 * dim).map((_, at) => vectors[at % dim]!);
    const index = await openIn(indexes, 'same', same, dim);
    await untilSearched(indexes);
    const { ids, scores } = await index.search(queries.subarray(0, dim), 10, { efSearch: 100 });
    expect(indexes.seen.searches).toEqual(['milvus']);
    const faiss = await buildFaissIndex(same, dim, { kind: 'flat' });
    const expected = await faiss.search(queries.subarray(0, dim), 1);
    scores.forEach((score) => expect(score).toBeCloseTo(expected.scores[0]!, 5));
    expect(ids).toEqual(ids.slice().sort());
  });

  test('is searched only when it is complete', async () => {
    const installationId = randomUUID();
    const name = nameOf(installationId, 'partial');
    await connection.createCollection(name, 'hnsw', { dim, items: size });
    await connection.upsert(name, 1, vectors.subarray(0, 100 * dim), { dim, radiusSquared: 100 });
    await connection.load(name, AbortSignal.timeout(20_000));
    const other = open({ installationId, fills: false });
    const index = await openIn(other, 'partial', vectors, dim);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await index.search(queries, 5);
    expect(other.seen.searches).toEqual(['in_process']);
    // The process that fills completes it for all.
    const filling = open({ installationId });
    await openIn(filling, 'partial', vectors, dim);
    await untilSearched(filling);
    expect(await connection.count(name)).toBe(size);
    await untilSearched(other);
    await index.search(queries, 5);
    expect([other.seen.searches.at(-1), other.seen.filled, filling.seen.filled]).toEqual(['milvus', 0, 1]);
    expect([...other.seen.problems, ...filling.seen.problems]).toEqual([]);
  });

  test('that claims to be complete with too few rows is filled again', async () => {
    const installationId = randomUUID();
    const name = nameOf(installationId, 'claimed');
    await connection.createCollection(name, 'hnsw', { dim, items: size });
    await connection.upsert(name, 1, vectors.subarray(0, 100 * dim), { dim, radiusSquared: 100 });
    await connection.addAlias(name, `${name}_complete`);
    const indexes = open({ installationId });
    const index = await openIn(indexes, 'claimed', vectors, dim);
    await vi.waitFor(() => expect(indexes.seen.filled).toBe(1), patiently);
    await untilSearched(indexes);
    expect(String(indexes.seen.problems)).toContain('contains 100 of 300 items');
    const { ids } = await index.search(queries, size, { efSearch: size });
    expect(indexes.seen.searches).toEqual(['milvus']);
    expect(ids.filter((id) => id > 0).length).toBeGreaterThan(0.98 * 3 * size);
  });

  test('with a row too many is dropped and filled again', { tags: 'full' }, async () => {
    const installationId = randomUUID();
    const first = open({ installationId });
    await openIn(first, 'surplus', vectors, dim);
    await untilSearched(first);
    await first.close();
    const name = nameOf(installationId, 'surplus');
    await connection.upsert(name, size + 1, vectors.subarray(0, dim), { dim, radiusSquared: 100 });
    const second = open({ installationId });
    await openIn(second, 'surplus', vectors, dim);
    await vi.waitFor(() => expect(second.seen.filled).toBe(1), patiently);
    await untilSearched(second);
    expect(await connection.count(name)).toBe(size);
    expect([second.seen.problems.length, second.seen.recovered]).toEqual([1, 1]);
  });

  test('is shared by two indexes of a bundle, and filled once', async () => {
    const indexes = open();
    const one = await openIn(indexes, 'shared', vectors, dim);
    const two = await openIn(indexes, 'shared', vectors, dim);
    await untilSearched(indexes);
    one.close();
    expect((await two.search(queries, 5)).ids).toHaveLength(15);
    expect([indexes.seen.searches, indexes.seen.filled]).toEqual([['milvus'], 1]);
  });

  test('that Milvus does not answer at close is still searched', async () => {
    const indexes = open();
    const index = await openIn(indexes, 'closed', vectors, dim);
    await untilSearched(indexes);
    process.kill(milvus.pid, 'SIGSTOP');
    const searches = Promise.all([index.search(queries, 5), index.search(queries, 5)]);
    index.close();
    process.kill(milvus.pid, 'SIGCONT');
    for (const { ids } of await searches) expect(ids).not.toContain(-1);
    await expect(index.search(queries, 5)).rejects.toThrow('closed');
    expect([indexes.seen.problems, indexes.seen.recovered]).toEqual([[], 0]);
  });

  test(
    'is dropped when no process uses it, but not by another installation, nor without a searched bundle',
    { tags: 'full' },
    async () => {
      const graceMs = 6_000;
      const installationId = randomUUID();
      const [first, peer, stranger] = [
        open({ installationId, graceMs }),
        open({ installationId, graceMs, fills: false }),
        open({ graceMs }),
      ];
      const old = await openIn(first, 'old', vectors, dim);
      const shared = await openIn(first, 'shared', vectors, dim);
      const current = await openIn(first, 'current', vectors, dim);
      const foreign = await openIn(stranger, 'foreign', vectors, dim);
      await openIn(peer, 'shared', vectors, dim);
      await Promise.all([untilSearched(first), untilSearched(peer), untilSearched(stranger)]);
      const strangers = (await connection.listCollections()).filter((name) => name.endsWith('_foreign'));
      expect(strangers).toHaveLength(1);
      for (const index of [old, shared, foreign]) index.close();
      await stranger.close();
      await vi.waitFor(() => expect(first.seen.dropped).toEqual([nameOf(installationId, 'old')]), patiently);
      const kept = await connection.listCollections();
      expect(kept).toEqual(expect.arrayContaining(['shared', 'current'].map((id) => nameOf(installationId, id))));
      expect(kept).toEqual(expect.arrayContaining(strangers));
      current.close();
      await peer.close();
      await new Promise((resolve) => setTimeout(resolve, 1.5 * graceMs));
      expect(first.seen.dropped).toHaveLength(1);
      await first.close();
      expect((await connection.listCollections()).toSorted()).toEqual(kept.toSorted());
    },
  );

  test(
    'of a Milvus that does not respond in time is searched in process, and says so once',
    { tags: 'full' },
    async () => {
      const indexes = open({ searchMsMax: 10_000 });
      const index = await openIn(indexes, 'slow', vectors, dim);
      await untilSearched(indexes);
      const expected = await index.search(queries, 5, { efSearch: 100 });
      // A search of a calm Milvus can take less than a millisecond.
      const late = forTest(open({ searchMsMax: 0.01 }));
      const other = await openIn(late, 'slow', vectors, dim);
      await vi.waitFor(() => expect(late.seen.problems).toHaveLength(1), patiently);
      expect(late.seen.problems[0]).toContain('Milvus at ');
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      expect([late.seen.problems.length, late.seen.recovered]).toEqual([1, 0]);
      expect(await other.search(queries, 5, { efSearch: 100 })).toMatchObject({ ids: expected.ids });
    },
  );
});
