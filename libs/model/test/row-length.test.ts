import { createBehaviorRows, createRandom } from '@facet/features';
import type { BehaviorRows } from '@facet/features';
import { expect, it } from 'vitest';
import { modelVariants } from '../src/index.ts';
import { createItemTower } from '../src/layers/item-tower.ts';
import { tf } from '../src/tf.ts';
import type { Variable } from '../src/tf.ts';
import { createBatchBuilder } from '../src/training/batch.ts';
import type { TrainingBatch } from '../src/training/batch.ts';
import { toTensors } from '../src/training/batch-tensors.ts';
import { competitionOf } from '../src/training/competition.ts';
import { objective } from '../src/training/objective.ts';
import { trainingExamples } from '../src/training.ts';
import { createTinyWorld } from './tiny-world.ts';

/** The same rows with padding in front. */
function padded({ length, items, ages, counts }: BehaviorRows, longer: number): BehaviorRows {
  const rows = createBehaviorRows(items.length / length, longer);
  items.forEach((_, slot) => {
    const target = Math.floor(slot / length) * longer + (longer - length) + (slot % length);
    rows.items[target] = items[slot]!;
    rows.ages[target] = ages[slot]!;
    rows.counts[target] = counts[slot]!;
  });
  return rows;
}

it.each(Object.keys(modelVariants))('rows of 4 slots have the loss and the gradients of rows of 6: %s', (variant) => {
  const world = createTinyWorld({ variant });
  const { spec, data, itemFeatures, trainedCount } = world;
  const examples = trainingExamples(data.sequences, { ...world.training, labels: 'next' }, Number.MAX_SAFE_INTEGER);
  const short = Int32Array.from({ length: examples.count }, (_, example) => example).filter(
    (example) => examples.end[example]! - examples.start[example]! <= 4,
  );
  const batch = createBatchBuilder(spec, data)(examples, short, createRandom(2));
  expect(batch.behaviors.length).toBe(4);
  const negatives = spec.config.negatives === 'all' ? undefined : Int32Array.of(1, 5, 5, 9, 12);
  const itemTower = createItemTower({ itemCount: spec.itemCount, trainedCount, features: itemFeatures });
  const variables: Record<string, Variable> = {};
  const random = createRandom(3);
  for (const [name, { shape, data: values }] of Object.entries(world.weights)) {
    // None at zero, as a training leaves them.
    const trained = values.map((value) => value + 0.1 * random.normal());
    variables[name] = tf.tidy(() => tf.variable(tf.tensor(trained, [...shape]), name !== 'routing/logits'));
  }
  const trainable = Object.values(variables).filter((variable) => variable.trainable);
  const gradientsOf = (of: TrainingBatch): number[][] =>
    tf.tidy(() => {
      const tensors = toTensors(spec, of, competitionOf(data, spec.itemCount), negatives);
      const { value, grads } = tf.variableGrads(() => objective(variables, spec, itemTower, tensors), trainable);
      return [value, ...Object.values(grads)].map((tensor) => [...tensor.dataSync()]);
    });
  const ofShort = gradientsOf(batch);
  const ofPadded = gradientsOf({ ...batch, behaviors: padded(batch.behaviors, spec.config.sequenceLength) });
  expect(ofShort.length).toBe(ofPadded.length);
  ofShort.forEach((values, place) =>
    values.forEach((value, cell) => expect(Math.abs(value - ofPadded[place]![cell]!)).toBeLessThan(1e-5)),
  );
  itemTower.dispose();
  tf.dispose(variables);
});
