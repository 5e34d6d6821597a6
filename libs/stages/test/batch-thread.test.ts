import { tmpdir } from 'node:os';
import { buildPopularityTimeline, createRandom, prefixExamples } from '@facet/features';
import type { UserSequences } from '@facet/features';
import { modelVariant } from '@facet/model';
import type { ModelConfig, ModelSpec } from '@facet/model';
import { createBatchSource, createBatchBuilder } from '@facet/model/batches';
import type { BatchArrays, EpochBatches } from '@facet/model/batches';
import { dayMs } from '@facet/platform';
import { forTest } from '@facet/testing';
import { expect, it } from 'vitest';
import { prepareBatches, startBatchThread } from '../src/training/batch-thread.ts';
import type { BatchOrder } from '../src/training/batch-thread.ts';

const itemCount = 30;
const users = 20;
const eventsOfUser = 12;

const random = createRandom(1);
const sequences: UserSequences = {
  userIds: Array.from({ length: users }, (_, user) => `user${user}`),
  offsets: Int32Array.from({ length: users + 1 }, (_, user) => user * eventsOfUser),
  items: Int32Array.from({ length: users * eventsOfUser }, () => 1 + random.int(itemCount)),
  times: Float64Array.from({ length: users * eventsOfUser }, (_, position) => (position % eventsOfUser) * dayMs),
};

/** @param negatives of a model with a popularity prior and dropout */
function orderOf(negatives: ModelConfig['negatives']): BatchOrder {
  const { model, training } = modelVariant('facet');
  const spec: ModelSpec = { config: { ...model, negatives }, itemCount, itemFeatures: [], userFeatures: [] };
  return {
    spec,
    itemFeatures: [],
    trainedCount: itemCount,
    data: { sequences, userFeatures: [], candidates: Int32Array.from({ length: itemCount }, (_, each) => each + 1) },
    cut: Number.MAX_SAFE_INTEGER,
    examples: prefixExamples(sequences, Number.MAX_SAFE_INTEGER),
    config: { ...training, batchSize: 32 },
  };
}

async function read({ batches }: EpochBatches, most = Infinity): Promise<(BatchArrays | undefined)[]> {
  const all: (BatchArrays | undefined)[] = [];
  for await (const batch of batches) if (all.push(batch) >= most) break;
  return all;
}

it.each([8, 'all', 'in-batch+8'] as const)(
  'prepares the same batches as without a thread, even after an abandoned epoch (negatives: %s)',
  async (negatives) => {
    const { data, cut, config, ...order } = orderOf(negatives);
    const timeline = buildPopularityTimeline(sequences, itemCount, cut);
    const source = createBatchSource(
      createBatchBuilder({ ...order, data: { ...data, timeline }, training: config }),
      orderOf(negatives).examples,
      config,
    );
    const thread = startBatchThread({ data, cut, config, ...order });
    try {
      expect(await read(await thread.epoch(1), 2)).toEqual(await read(source(1), 2));
      for (const epoch of [1, 2]) {
        const [threads, expected] = [await thread.epoch(epoch), source(epoch)];
        expect(threads.examples).toBe(expected.examples);
        const batches = await read(threads);
        expect(batches).toEqual(await read(expected));
        expect(batches).toHaveLength(Math.ceil(expected.examples / 32));
      }
    } finally {
      await thread.close();
    }
  },
);

it('starts a thread only for many steps', async () => {
  const epochs = { few: 1, many: 1_000 };
  const [few, many] = [prepareBatches(orderOf(8), epochs.few), prepareBatches(orderOf(8), epochs.many)];
  const [inPlace, threads] = [await few.epoch(2), await many.epoch(2)];
  expect([inPlace.batches, threads.batches].map((batches) => Symbol.asyncIterator in batches)).toEqual([false, true]);
  expect(await read(threads)).toEqual(await read(inPlace));
  await Promise.all([few.close(), many.close()]);
});

it('fails instead of hanging if the thread ends between two batches', async () => {
  const thread = startBatchThread(orderOf(8));
  const { batches } = await thread.epoch(1);
  const iterator = batches[Symbol.asyncIterator]();
  await iterator.next();
  await thread.close();
  // Long enough for a training step.
  await new Promise((resolve) => setImmediate(resolve));
  await iterator.next();
  await expect(iterator.next()).rejects.toMatchObject({ code: 'TRAIN_BATCHES_ENDED', retryable: true });
  await expect(thread.epoch(2)).rejects.toMatchObject({ code: 'TRAIN_BATCHES_ENDED' });
});

it('starts in any working directory', async () => {
  const before = process.cwd();
  process.chdir(tmpdir());
  const thread = forTest(startBatchThread(orderOf(8)));
  process.chdir(before);
  expect((await thread.epoch(1)).examples).toBeGreaterThan(0);
});

it('fails with the error of the thread', async () => {
  const order = orderOf(8);
  const thread = forTest(startBatchThread({ ...order, spec: { ...order.spec, itemCount: -9 } }));
  await expect(thread.epoch(1)).rejects.toThrow('Invalid typed array length');
});
