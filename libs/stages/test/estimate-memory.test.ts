import { totalmem } from 'node:os';
import type { AppError } from '@facet/platform';
import { resolveModel } from '@facet/config';
import { describe, expect, it } from 'vitest';
import {
  checkTrainingMemory,
  processMemory,
  estimateTrainingMemory,
  sizeOf,
  estimateMemory,
} from '../src/estimate/estimate-memory.ts';
import { shopConfig, shopDataset, things, validationFrom } from './shops/tiny-shop.ts';

const kinds = (['flat', 'hnsw', 'ivf'] as const).map((kind, position) => ({
  kind,
  buildSeconds: 1,
  buildBytes: 1000 * (position + 1),
  bytes: 100 * (position + 1),
  latency: { p50Ms: 1, p99Ms: 2 },
}));
const resolve = (model: object = {}) => resolveModel(shopConfig({ model, training: {} }));
const size = { items: 1_000_000, users: 0, events: 0 };
const partOf = ({ parts }: { parts: readonly { name: string; bytes: number }[] }, name: string): number =>
  parts.find((part) => part.name === name)?.bytes ?? 0;

describe('the memory of a run', () => {
  it('is the sum of its parts, largest first', () => {
    const estimate = estimateMemory({ items: 50_000, users: 1e6, events: 5e7 }, resolve(), { kinds, chosen: 'hnsw' });
    for (const { bytes, parts } of [estimate.train, estimate.index, estimate.serve, estimate.disk]) {
      expect(bytes).toBe(parts.reduce((total, part) => total + part.bytes, 0));
      expect(parts).toEqual([...parts].sort((a, b) => b.bytes - a.bytes));
    }
  });

  it('grows with what a part depends on, and with nothing else', () => {
    const trainOf = (items: number, model: object = {}, batchSize = 256) => {
      const settings = resolve(model);
      return estimateTrainingMemory(
        { items, users: 0, events: 0 },
        { ...settings, training: { ...settings.training, batchSize } },
      );
    };
    const tables = 'tables of items with Adam';
    expect(partOf(trainOf(2e6), tables)).toBe(2 * partOf(trainOf(1e6), tables));
    expect(partOf(trainOf(1e6, { embeddingDim: 128 }), tables)).toBe(2 * partOf(trainOf(1e6), tables));
    expect(partOf(trainOf(1e6, {}, 512), tables)).toBe(partOf(trainOf(1e6), tables));
    const full = 'full softmax over all items';
    const all = { negatives: 'all' };
    expect(partOf(trainOf(2e6, all), full)).toBe(2 * partOf(trainOf(1e6, all), full));
    expect(partOf(trainOf(1e6, all, 512), full)).toBe(2 * partOf(trainOf(1e6, all), full));
    expect(partOf(trainOf(1e6), full)).toBe(0);
    const sampled = 'softmax over negatives';
    expect(partOf(trainOf(1e6, all), sampled)).toBe(0);
    expect(partOf(trainOf(2e6), sampled)).toBe(partOf(trainOf(1e6), sampled));
    expect(partOf(trainOf(1e6, { negatives: 4096 }), sampled)).toBe(
      2 * partOf(trainOf(1e6, { negatives: 2048 }), sampled),
    );
    // A batch of 256 examples has at most 25,600 labels.
    const mixed = partOf(trainOf(1e6, { negatives: 'in-batch+2048' }), sampled);
    expect(mixed / partOf(trainOf(1e6, { negatives: 2048 }), sampled)).toBeCloseTo((25_600 + 2048) / 2048, 6);
    expect(partOf(trainOf(9000, { negatives: 'in-batch' }), sampled)).toBeLessThan(mixed / 3);
  });

  it('contains the neighbors of items without interactions', () => {
    const estimate = estimateTrainingMemory({ ...size, coldItems: 500_000 }, resolve());
    expect(partOf(estimate, 'neighbors of items without interactions')).toBe(80e6);
    expect(estimate.bytes - estimateTrainingMemory(size, resolve()).bytes).toBe(80e6);
  });

  it('contains the full softmax over few trained items of a large catalog', () => {
    const few = { ...size, coldItems: size.items - 3000 };
    const small = { items: 3000, users: 0, events: 0 };
    const [estimate, ofTrained] = [few, small].map((of) => estimateTrainingMemory(of, resolve()));
    const full = 'full softmax over all items';
    expect(partOf(estimate!, full)).toBe(partOf(ofTrained!, full));
    expect(partOf(estimate!, 'softmax over negatives')).toBe(0);
  });

  it('contains the launches of created items without interactions if the model has a popularity prior', () => {
    const data = shopDataset();
    const created = things.map((thing, index) => ({
      ...thing,
      attributes: { [index < 23 ? 'createdAt' : 'kind']: '2026-01-05' },
    }));
    const items = [data.items[0]!, ...created];
    const { model, training } = resolve();
    const size = sizeOf({ ...data, items }, { model, training }, validationFrom);
    const coldItems = 24 - data.vocabulary.trainedCount;
    expect(size).toMatchObject({ coldItems, createdColdItems: coldItems - 1 });
    const bytesOf = (popularityPrior: boolean) =>
      partOf(
        estimateTrainingMemory(size, { model: { ...model, popularityPrior }, training }),
        'launches of items without interactions',
      );
    // Five ages, each with two int32, six float64 and a float32.
    expect(bytesOf(true)).toBe((coldItems - 1) * 5 * 60);
    expect(bytesOf(false)).toBe(0);
  });

  it('grows with the labels of an example if the readout is label-aware', () => {
    const fullOf = (variant: string, labelsPerExample: number) =>
      partOf(
        estimateTrainingMemory({ ...size, labelsPerExample }, resolve({ variant, interests: 4, negatives: 'all' })),
        'full softmax over all items',
      );
    expect(fullOf('mind', 20)).toBe(5 * fullOf('mind', 4));
    expect(fullOf('mind', 1)).toBe(fullOf('mind', 4));
    expect(fullOf('facet', 20)).toBe(fullOf('facet', 1));
  });

  it('is within a tenth of measured trainings', () => {
    for (const [variant, items, batchSize, negatives, measured] of [
      ['facet', 10_000, 64, 'all', 1218e6],
      ['facet', 30_000, 256, 'all', 2250e6],
      ['facet', 12_000, 256, 'auto', 1246e6],
      ['facet', 100_000, 256, 'auto', 1576e6],
      ['facet', 100_000, 1024, 'auto', 1773e6],
      ['facet', 400_000, 256, 'auto', 3246e6],
      ['facet', 1_000_000, 256, 'auto', 6322e6],
      ['mind', 12_000, 256, 'auto', 1108e6],
      ['comirec-dr', 12_000, 256, 'auto', 1197e6],
      ['sasrec', 12_000, 256, 'auto', 1409e6],
      ['sasrec', 12_000, 1024, 'auto', 1915e6],
    ] as const) {
      const { model, training } = resolve({ variant, negatives });
      const of = { items, users: 20_000, events: 2_400_000 };
      const { bytes } = estimateTrainingMemory(of, { model, training: { ...training, batchSize } });
      expect(Math.abs(bytes / measured - 1)).toBeLessThan(0.1);
    }
  });

  it('contains the chosen index for serving, and the exact index for building', () => {
    const of = (chosen: 'flat' | 'hnsw') => estimateMemory(size, resolve(), { kinds, chosen });
    expect(partOf(of('hnsw').serve, 'index')).toBe(200);
    expect(partOf(of('hnsw').index, 'index while it is built')).toBe(2000);
    const large = [{ ...kinds[0]!, buildBytes: 9000 }, ...kinds.slice(1)];
    expect(
      partOf(estimateMemory(size, resolve(), { kinds: large, chosen: 'hnsw' }).index, 'index while it is built'),
    ).toBe(9000);
  });
});

describe('a training that would run out of memory', () => {
  const large = { items: 200_000, users: 1000, events: 20_000 };
  const room = (bytes: number) => ({ usedBytes: bytes / 4, availableBytes: (3 * bytes) / 4 });

  it('is rejected with a batch size that fits', () => {
    const { bytes } = estimateTrainingMemory(large, resolve({ negatives: 'all' }));
    const settings = resolve({ negatives: 'all' });
    expect(() => checkTrainingMemory(large, settings, room(bytes))).not.toThrow();
    let refused: unknown;
    try {
      checkTrainingMemory(large, settings, room(bytes / 2));
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({
      code: 'TRAIN_OUT_OF_MEMORY',
      context: { neededBytes: bytes, roomBytes: bytes / 2 },
    });
    const { remedy } = refused as AppError;
    expect(remedy).toContain('trainer.memoryCheck');
    const batchSize = Number(/training\.batchSize to (\d+)/.exec(remedy!)![1]);
    const training = { ...settings.training, batchSize };
    expect(() => checkTrainingMemory(large, { ...settings, training }, room(bytes / 2))).not.toThrow();
  });

  it('names the dimension if tables are the largest part', () => {
    const settings = resolve();
    const huge = { items: 10_000_000, users: 0, events: 0 };
    const { bytes } = estimateTrainingMemory(huge, settings);
    const check = () => checkTrainingMemory(huge, settings, room(bytes * 0.6));
    expect(check).toThrow(/tables of items with Adam 51\.2 GB/);
    expect(check).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining('model.embeddingDim to') as unknown }),
    );
  });

  it('is compared with the memory of this machine', () => {
    const { usedBytes, availableBytes } = processMemory();
    expect(usedBytes).toBeGreaterThan(10e6);
    expect(usedBytes + availableBytes).toBeLessThanOrEqual(totalmem());
  });
});
