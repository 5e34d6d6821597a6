// Facet's training session as a process that is told how many steps to take: the same protocol as train.py.
import { createInterface } from 'node:readline';
import { createRandom } from '@facet/features';
import { initializeWeights, modelVariant } from '@facet/model';
import type { Weights } from '@facet/model';
import { makeTrainWorld, drawsOf, sequenceLength } from './train-world.ts';
import { openWorldSession, plainSpec } from './world-session.ts';

const [items = 0, batch = 0, negatives = 0, steps = 0] = process.argv.slice(2).map(Number);
const { model } = modelVariant('mind');
const extractor = { ...model.extractor, trainingLogits: 'fixed' } as typeof model.extractor;
const spec = plainSpec({ ...model, sequenceLength, negatives, extractor }, items);
const world = makeTrainWorld(items, batch * steps);
const session = openWorldSession(world, spec, { initialWeights: startWeights() });

let taken = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const count = Number(line);
  const startedAt = performance.now();
  let total = 0;
  for (let step = 0; step < count; step++, taken++) {
    const chosen = Int32Array.from({ length: batch }, (_, row) => taken * batch + row);
    total += session.step(world.examples, chosen, 1e-3, drawsOf(taken));
  }
  const ms = performance.now() - startedAt;
  process.stdout.write(`${JSON.stringify({ ms, loss: total / count, rssMb: process.memoryUsage().rss / 1e6 })}\n`);
}
session.dispose();

/** As the model starts, but a large table repeats a block: drawing 640 million numbers would take longer than the measurement. */
function startWeights(): Weights {
  const drawn = Math.min(items, 1_000_000);
  const weights = initializeWeights({ ...spec, itemCount: drawn }, createRandom(1));
  const { shape, data } = weights['item/id']!;
  const table = new Float32Array((items + 1) * shape[1]!);
  for (let start = 0; start < table.length; start += data.length) {
    table.set(data.subarray(0, Math.min(data.length, table.length - start)), start);
  }
  return { ...weights, 'item/id': { shape: [items + 1, shape[1]!], data: table } };
}
