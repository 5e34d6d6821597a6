// What a training takes of memory, beside the estimate that it is refused by.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '@facet/features';
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

const help = `Trains a variant for some short epochs on sequences that are longer than it reads, each validated and saved, of which the first one is the best: then the most is kept.
Prints the most memory of the process beside its estimate.

  npm run bench -- train-memory [--items 10000] [--batch 256] [--negatives all] [--variant facet]

--negatives  all: the full softmax, which takes the most; auto, the default of facet.yaml; or a number`;

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '10000' },
    batch: { type: 'string', default: '256' },
    negatives: { type: 'string', default: 'all' },
    variant: { type: 'string', default: 'facet' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const [itemCount, batchSize] = [Number(values.items), Number(values.batch)];
const epochs = 3;
const rankedUsers = 64;
const eventsOfUser = 120;

const { sequences } = makeTrainWorld(itemCount, 0, eventsOfUser);
const catalog = Array.from(
  { length: itemCount + 1 },
  (_, item): { itemId: string; attributes: Record<string, string | number> } => ({
    itemId: item === 0 ? '' : `item-${item}`,
    attributes:
      item === 0 ? {} : { title: `What the shop calls item ${item}`, brand: `brand ${item % 997}`, price: item % 89 },
  }),
);
const data = encodeTables(
  { items: catalog, sequences, userAttributes: new Array<undefined>(sequences.userIds.length).fill(undefined) },
  { trainedCount: itemCount, itemFeatures: [], userFeatures: [] },
);
const { model: recipe, training } = modelVariant(values.variant);
const model: ModelConfig = { ...recipe, negatives: parseNegatives(values.negatives) };
// One example of a user, so that an epoch is short.
const config = { ...training, batchSize, epochs, patience: epochs, examplesPerUser: 1, labels: 'next' as const };
const spec = modelSpecOf(model, data, Number.POSITIVE_INFINITY);
const asked = heldOutLast(data, 'validation');
const folder = await mkdtemp(join(tmpdir(), 'facet-bench-memory-'));
let validated = 0;
try {
  await trainPhase({
    data,
    spec,
    config,
    heldOut: asked,
    initialWeights: initializeWeights(spec, createRandom(1)),
    checkpoint: join(folder, 'checkpoint'),
    validate: async (weights) => {
      const scorer = createModelScorer(data, spec, weights, { ...asked, tensorFlow });
      const options = { cutoffs: [10], tieSeed: 1 };
      rankTasks({ new: scorer.ranker, all: scorer.ranker }, asked.users.slice(0, rankedUsers), options, ['new']);
      scorer.dispose();
      return -validated++;
    },
  });
} finally {
  await rm(folder, { recursive: true });
}
const peak = 1024 * process.resourceUsage().maxRSS;
const size = { items: itemCount, users: sequences.userIds.length, events: sequences.items.length };
const { bytes } = estimateTrainingMemory(size, { model: spec.config, training: config });
console.log(
  `${values.variant}, ${itemCount} items, batch ${batchSize}: ${(peak / 1e6).toFixed(0)} MB, estimated ${(bytes / 1e6).toFixed(0)} MB, ` +
    `${(100 * (bytes / peak - 1)).toFixed(0)} % off`,
);

function parseNegatives(text: string): ModelConfig['negatives'] {
  if (text === 'all' || text === 'auto') return text;
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new Error(`--negatives is all, auto, or a number, not ${text}.`);
}
