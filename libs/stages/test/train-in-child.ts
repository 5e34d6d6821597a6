/* Trains on random sequences and prints the peak memory of this process and its estimate, as JSON. Arguments: items, batch size. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '@facet/features';
import { initializeWeights, modelVariant } from '@facet/model';
import * as tensorFlow from '@facet/model/training';
import { encodeTables } from '../src/dataset/dataset.ts';
import { estimateTrainingMemory } from '../src/estimate/estimate-memory.ts';
import { createModelScorer } from '../src/ranking/model-scorer.ts';
import { forTasks, heldOutLast, rankTasks } from '../src/ranking/tasks.ts';
import { modelSpecOf } from '../src/model/model-spec.ts';
import { trainPhase } from '../src/training/train-phase.ts';
import { dayMs } from './shops/tiny-shop.ts';

const [itemCount, batchSize] = process.argv.slice(-2).map(Number) as [number, number];
const users = 64;
const eventsOfUser = 60;

const random = createRandom(1);
const data = encodeTables(
  {
    items: Array.from({ length: itemCount + 1 }, (_, item) => ({ itemId: `item-${item}`, attributes: {} })),
    sequences: {
      userIds: Array.from({ length: users }, (_, user) => `user-${user}`),
      offsets: Int32Array.from({ length: users + 1 }, (_, user) => user * eventsOfUser),
      items: Int32Array.from({ length: users * eventsOfUser }, () => 1 + random.int(itemCount)),
      times: Float64Array.from({ length: users * eventsOfUser }, (_, event) => (event % eventsOfUser) * dayMs),
    },
    userAttributes: new Array<undefined>(users).fill(undefined),
  },
  { trainedCount: itemCount, itemFeatures: [], userFeatures: [] },
);
const variant = modelVariant('facet');
const heldOut = heldOutLast(data, 'validation');
// Every item is a candidate, so that the full softmax has its full size.
const all = { ...heldOut, known: new Uint8Array(itemCount + 1).fill(1, 1) };
const training = { ...variant.training, batchSize, epochs: 2, examplesPerUser: 1, labels: 'next' as const };
const spec = modelSpecOf({ ...variant.model, negatives: 'all' }, data);
const folder = await mkdtemp(join(tmpdir(), 'facet-pipeline-'));
try {
  await trainPhase({
    data,
    spec,
    config: training,
    heldOut: all,
    initialWeights: initializeWeights(spec, createRandom(1)),
    checkpoint: join(folder, 'checkpoint'),
    validate: async (weights) => {
      const scorer = createModelScorer(data, spec, weights, { ...all, tensorFlow });
      rankTasks(forTasks(scorer.ranker), all.users.slice(0, 16), { cutoffs: [10], tieSeed: 1 }, ['new']);
      scorer.dispose();
      return 0;
    },
  });
} finally {
  await rm(folder, { recursive: true });
}
const size = { items: itemCount, users, events: users * eventsOfUser };
const { bytes } = estimateTrainingMemory(size, { model: spec.config, training });
console.log(JSON.stringify({ peakBytes: 1024 * process.resourceUsage().maxRSS, estimatedBytes: bytes }));
