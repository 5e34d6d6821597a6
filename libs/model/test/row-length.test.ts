import { createBehaviorRows, createRandom } from '@facet/features';
import type { BehaviorRows } from '@facet/features';
import { expect, it } from 'vitest';
import { modelVariants } from '../src/index.ts';
import { tf } from '@facet/tf-graph/tensorflow';
import type { ExampleRows } from '../src/training/example-rows.ts';
import { objective } from '../src/loss/objective.ts';
import { batchTensors, createTinyWorld, drawnItems, examplesOf, readBatch, variablesOf } from './tiny-world.ts';
import { optionsFor } from './tested-variants.ts';

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

for (const variant of Object.keys(modelVariants)) {
  it(`rows of 4 slots have the loss and the gradients of rows of 6: ${variant}`, optionsFor(variant), () => {
    const world = createTinyWorld({ variant, training: { labels: 'next' } });
    const { spec } = world;
    const examples = examplesOf(world);
    const short = Int32Array.from({ length: examples.count }, (_, example) => example).filter(
      (example) => examples.end[example]! - examples.start[example]! <= 4,
    );
    const { batch, candidateSet: candidates } = readBatch(world, short);
    expect(batch.behaviors.length).toBe(4);
    const negatives = spec.config.negatives === 'all' ? undefined : drawnItems(candidates, 1, 5, 5, 9, 12);
    const random = createRandom(3);
    // No weight is zero, as after training.
    const variables = variablesOf(world.weights, (value) => value + 0.1 * random.normal());
    const trainable = Object.values(variables).filter((variable) => variable.trainable);
    const gradientsOf = (of: ExampleRows): number[][] =>
      tf.tidy(() => {
        const tensors = batchTensors(world, of, candidates, negatives);
        const { value, grads } = tf.variableGrads(() => objective(variables, spec, tensors), trainable);
        return [value, ...Object.values(grads)].map((tensor) => [...tensor.dataSync()]);
      });
    const ofShort = gradientsOf(batch);
    const ofPadded = gradientsOf({ ...batch, behaviors: padded(batch.behaviors, spec.config.sequenceLength) });
    expect(ofShort.length).toBe(ofPadded.length);
    ofShort.forEach((values, place) =>
      values.forEach((value, cell) => expect(Math.abs(value - ofPadded[place]![cell]!)).toBeLessThan(1e-5)),
    );
    tf.dispose(variables);
  });
}
