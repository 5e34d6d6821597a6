import { expect, it, onTestFinished, vi } from 'vitest';
import type { VectorIndex } from '../src/indexes/vector-index.ts';
import { MilvusCollections } from '../src/milvus/milvus-collections.ts';
import type { Milvus } from '../src/milvus/milvus.ts';

const dim = 8;
/** Forty writes. */
const size = 40_960;
const msPerWrite = 100;

/** Fills a collection of a Milvus that needs 100 ms for each write. */
async function fill(onWrite: (writes: number, aliases: string[]) => void = () => undefined) {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const aliases: string[] = [];
  const calls = { listAliases: 0, upsert: 0 };
  const milvus: Partial<Milvus> = {
    createCollection: async () => true,
    async listAliases() {
      calls.listAliases++;
      return [...aliases];
    },
    addAlias: async (_, alias) => void aliases.push(alias),
    async upsert() {
      onWrite(++calls.upsert, aliases);
      vi.advanceTimersByTime(msPerWrite);
    },
    finish: async () => undefined,
    load: async () => undefined,
    count: async () => size,
  };
  const collections = new MilvusCollections(milvus as Milvus, { installationId: 'test', graceMs: 3_600_000 });
  const index = { size, dim } as VectorIndex;
  const bundle = { id: 'b', index, vectors: new Float32Array((size + 1) * dim) };
  const collection = { bundle, name: 'b', kind: 'hnsw', closing: new AbortController(), rowsWritten: 0 } as const;
  return { isFilled: await collections.fill(collection), calls };
}

it('reads the aliases about once a second while it fills a collection', async () => {
  const { isFilled, calls } = await fill();
  expect(isFilled).toBe(true);
  expect(calls).toEqual({ listAliases: 5, upsert: 40 });
});

it('ends a fill within a second after another process has completed the collection', async () => {
  const { isFilled, calls } = await fill((writes, aliases) => {
    if (writes === 5) aliases.push('b_complete');
  });
  expect(isFilled).toBe(false);
  expect(calls.upsert).toBeLessThanOrEqual(10);
});
