import { createRandom } from '@facet/features';
import { initializeWeights, modelVariant } from '@facet/model';
import { encodeTables, modelSpecOf, writeTrainingFiles } from '@facet/pipeline/benchmark';
import { memoryMb } from '../figures.ts';
import { makeTrainWorld } from './train-world.ts';

// Writes a training folder with about the given number of examples, and prints the peak memory of this process.
const [folder, examples, itemCount] = JSON.parse(process.argv[2]!) as [string, number, number];
const eventsOfUser = 101;
const before = Number.POSITIVE_INFINITY;

const { sequences } = makeTrainWorld(itemCount, 0, eventsOfUser, Math.ceil(examples / (eventsOfUser - 1)));
const items = Array.from({ length: itemCount + 1 }, (_, item) => ({ itemId: `item-${item}`, attributes: {} }));
const userAttributes = new Array<undefined>(sequences.userIds.length).fill(undefined);
const data = encodeTables(
  { items, sequences, userAttributes },
  { trainedCount: itemCount, itemFeatures: [], userFeatures: [] },
);
const { model, training } = modelVariant('facet');
const spec = modelSpecOf({ ...model, popularityPrior: false }, data);
await writeTrainingFiles(folder, {
  data,
  spec,
  // Every interaction except the first of each user is an example, and every epoch contains all examples.
  training: { ...training, labels: 'next', examplesPerUser: 0 },
  before,
  weights: initializeWeights(spec, createRandom(1)),
});
console.log(JSON.stringify(memoryMb('VmHWM')));
