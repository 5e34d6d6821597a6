import { join } from 'node:path';
import { createRandom } from '@facet/features';
import { createScratchFolder } from '@facet/local-services';
import { initializeWeights, modelVariant } from '@facet/model';
import type { ModelConfig } from '@facet/model';
import * as tensorFlow from '@facet/model/training';
import { estimateTrainingMemory } from '@facet/pipeline';
import {
  createModelScorer,
  encodeTables,
  heldOutLast,
  modelSpecOf,
  rankTasks,
  trainPhase,
} from '@facet/pipeline/benchmark';
import { makeTrainWorld } from './train-world.ts';

const epochs = 3;
const rankedUsers = 64;
const eventsOfUser = 120;

/**
 * Trains in this process and returns a line with its peak memory and the estimate. The training runs short epochs on sequences longer
 * than the model reads. Each epoch is validated and saved, and the first epoch is the best one, which keeps the most data in memory.
 */
export async function measureMemory({
  itemCount,
  batchSize,
  negatives,
  variant,
}: {
  readonly itemCount: number;
  readonly batchSize: number;
  /** `all` (full softmax, highest memory), `auto`, or a number. */
  readonly negatives: string;
  readonly variant: string;
}): Promise<string> {
  const { sequences } = makeTrainWorld(itemCount, 0, eventsOfUser);
  const catalog = Array.from(
    { length: itemCount + 1 },
    (_, item): { itemId: string; attributes: Record<string, string | number> } => ({
      itemId: item === 0 ? '' : `item-${item}`,
      attributes:
        item === 0 ? {} : { title: `Catalog title of item ${item}`, brand: `brand ${item % 997}`, price: item % 89 },
    }),
  );
  const data = encodeTables(
    { items: catalog, sequences, userAttributes: new Array<undefined>(sequences.userIds.length).fill(undefined) },
    { trainedCount: itemCount, itemFeatures: [], userFeatures: [] },
  );
  const { model: recipe, training } = modelVariant(variant);
  const model: ModelConfig = { ...recipe, negatives: parseNegatives(negatives) };
  // One example per user keeps an epoch short.
  const config = { ...training, batchSize, epochs, patience: epochs, examplesPerUser: 1, labels: 'next' as const };
  const spec = modelSpecOf(model, data);
  const heldOut = heldOutLast(data, 'validation');
  const { path: folder } = await createScratchFolder('bench-train-memory');
  let validated = 0;
  await trainPhase({
    data,
    spec,
    config,
    heldOut,
    initialWeights: initializeWeights(spec, createRandom(1)),
    checkpoint: join(folder, 'checkpoint'),
    validate: async (weights) => {
      const scorer = createModelScorer(data, spec, weights, { ...heldOut, tensorFlow });
      const options = { cutoffs: [10], tieSeed: 1 };
      rankTasks({ new: scorer.ranker, all: scorer.ranker }, heldOut.users.slice(0, rankedUsers), options, ['new']);
      scorer.dispose();
      return -validated++;
    },
  });
  const peak = 1024 * process.resourceUsage().maxRSS;
  const size = { items: itemCount, users: sequences.userIds.length, events: sequences.items.length };
  const { bytes } = estimateTrainingMemory(size, { model: spec.config, training: config });
  return (
    `${variant}, ${itemCount} items, batch ${batchSize}: ${(peak / 1e6).toFixed(0)} MB, estimated ${(bytes / 1e6).toFixed(0)} MB, ` +
    `${(100 * (bytes / peak - 1)).toFixed(0)} % off`
  );
}

function parseNegatives(text: string): ModelConfig['negatives'] {
  if (text === 'all' || text === 'auto') return text;
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new Error(`Invalid --negatives: ${text}. Use all, auto or a number.`);
}
