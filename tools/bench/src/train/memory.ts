// What steps take of memory, beside the estimate that a training is refused by.
import { parseArgs } from 'node:util';
import { buildPopularityTimeline, createRandom } from '@facet/features';
import { modelVariant } from '@facet/model';
import type { ModelConfig } from '@facet/model';
import { estimateTrainingMemory } from '@facet/pipeline';
import { makeTrainWorld } from './train-world.ts';
import { openWorldSession, plainSpec } from './world-session.ts';

const help = `Takes a few steps of the default recipe and prints the most memory of the process beside its estimate.

  npm run bench:train-memory -- [--items 10000] [--batch 256] [--negatives all]

--negatives  all: the full softmax, which takes the most; auto, the default of facet.yaml; or a number`;

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '10000' },
    batch: { type: 'string', default: '256' },
    negatives: { type: 'string', default: 'all' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const [items, batchSize] = [Number(values.items), Number(values.batch)];
const steps = 8;
const exampleCount = 5_000;
const world = makeTrainWorld(items, exampleCount);
const { sequences, examples } = world;
const { model: recipe, training } = modelVariant('facet');
const model: ModelConfig = { ...recipe, negatives: parseNegatives(values.negatives) };
const session = openWorldSession(world, plainSpec(model, items), {
  timeline: buildPopularityTimeline(sequences, items, Number.MAX_SAFE_INTEGER),
});
const random = createRandom(2);
for (let step = 0; step < steps; step++) {
  session.step(
    examples,
    Int32Array.from({ length: batchSize }, () => random.int(exampleCount)),
    1e-3,
    random,
  );
}
await session.state();
session.dispose();
const peak = 1024 * process.resourceUsage().maxRSS;
const size = { items, users: sequences.userIds.length, events: sequences.items.length };
const { bytes } = estimateTrainingMemory(size, { model, training: { ...training, batchSize } });
console.log(
  `${items} items, batch ${batchSize}: ${(peak / 1e6).toFixed(0)} MB, estimated ${(bytes / 1e6).toFixed(0)} MB, ` +
    `${(100 * (bytes / peak - 1)).toFixed(0)} % off`,
);

function parseNegatives(text: string): ModelConfig['negatives'] {
  if (text === 'all' || text === 'auto') return text;
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new Error(`--negatives is all, auto, or a number, not ${text}.`);
}
