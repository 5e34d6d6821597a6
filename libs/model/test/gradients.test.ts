import { createRandom } from '@facet/features';
import { describe, expect, it } from 'vitest';
import { createItemTower } from '../src/layers/item-tower.ts';
import { objective } from '../src/training/objective.ts';
import { createBatchBuilder, positionsOf } from '../src/training/batch.ts';
import { toTensors } from '../src/training/batch-tensors.ts';
import { createLogUniformSampler } from '../src/loss/negative-sampler.ts';
import { trainingExamples } from '../src/training.ts';
import { tf } from '../src/tf.ts';
import type { Variable } from '../src/tf.ts';
import { modelVariants } from '../src/index.ts';
import type { ExtractorConfig, ModelConfig } from '../src/index.ts';
import { mindRouting } from '../src/variants/mind.ts';
import { createTinyWorld } from './tiny-world.ts';

const allGradients: ExtractorConfig = { ...mindRouting, gradient: 'all' };

/** Stop-gradient makes the true derivative differ from the learning one: checked with all iterations. */
function differentiable({ extractor }: ModelConfig): Partial<ModelConfig> {
  const through = extractor.kind === 'routing' ? { ...extractor, gradient: 'all' as const } : extractor;
  return { extractor: through, dropout: 0 };
}

const cases: { name: string; variant: string; model: Partial<ModelConfig> }[] = [
  ...Object.entries(modelVariants).map(([variant, { model }]) => ({
    name: variant,
    variant,
    model: differentiable(model),
  })),
  {
    name: 'MIND, full softmax, p = 1',
    variant: 'mind',
    model: {
      extractor: allGradients,
      negatives: 'all',
      readout: { kind: 'label-aware', power: 1 },
    },
  },
  {
    name: 'MIND, sampled logsumexp',
    variant: 'mind',
    model: { extractor: allGradients, readout: { kind: 'logsumexp' } },
  },
  {
    name: 'MIND with separated interests',
    variant: 'mind',
    model: { extractor: allGradients, adaptiveInterests: false, separation: 1 },
  },
  { name: 'YouTube DNN with recency and context', variant: 'youtube-dnn', model: { recency: true, context: true } },
];

/** A long step may pass a kink of a ReLU or a change of the nearest interest; a short one is lost in float32. */
const steps = [1e-2, 4e-3, 1e-3];

describe('gradients against finite differences', () => {
  it.each(cases)('$name', ({ variant, model }) => {
    const world = createTinyWorld({ variant, model });
    const { spec, data } = world;
    tf.tidy(() => {
      // Larger weights than at the start, so that no gradient is lost in float32 noise.
      const random = createRandom(9);
      const variables: Record<string, Variable> = {};
      for (const [name, { shape, data: values }] of Object.entries(world.weights)) {
        const scaled = values.map((value) => value * 3 + 0.1 * random.normal());
        variables[name] = tf.variable(tf.tensor(scaled, [...shape]));
      }
      const tower = createItemTower({ itemCount: spec.itemCount, trainedCount: 12, features: world.itemFeatures });
      const examples = trainingExamples(data.sequences, world.training, Number.MAX_SAFE_INTEGER);
      const chosen = Int32Array.from({ length: 12 }, (_, position) => position * 3);
      const batch = createBatchBuilder(spec, data)(examples, chosen, createRandom(2));
      const sampler = createLogUniformSampler(data.candidates);
      const negatives = spec.config.negatives === 'all' ? undefined : sampler.draw(spec.config.negatives, random);
      const tensors = toTensors(spec, batch, {
        candidates: data.candidates,
        negatives,
        sampler,
        candidatePosition: positionsOf(data.candidates, 13),
      });
      const loss = (): number => tf.tidy(() => objective(variables, spec, tower, tensors).dataSync()[0]!);
      const { grads } = tf.variableGrads(() => objective(variables, spec, tower, tensors));
      const byVariable = new Map(Object.values(variables).map((variable) => [variable.name, variable]));
      for (const [name, gradient] of Object.entries(grads)) {
        const variable = byVariable.get(name)!;
        const direction = gradient.div(gradient.norm().add(1e-12));
        const slope = gradient.norm().dataSync()[0]!;
        if (slope < 1e-3) continue;
        const origin = variable.clone();
        const ratios = steps.map((step) => {
          variable.assign(origin.add(direction.mul(step)));
          const above = loss();
          variable.assign(origin.sub(direction.mul(step)));
          const below = loss();
          variable.assign(origin as typeof variable);
          return (above - below) / (2 * step) / slope;
        });
        // Along its own gradient the loss rises by the gradient's length.
        const nearest = Math.min(...ratios.map((ratio) => Math.abs(ratio - 1)));
        expect(
          nearest,
          Object.keys(variables).find((key) => variables[key] === variable),
        ).toBeLessThan(0.05);
      }
      return undefined as unknown as void;
    });
    tf.disposeVariables();
  });
});

describe('what a batch reaches', () => {
  it('sampled negatives train side-feature tables, too: they pass through the whole item tower', () => {
    const world = createTinyWorld({ variant: 'mind', model: { negatives: 8 } });
    const { spec, data } = world;
    const reached = tf.tidy(() => {
      const variables: Record<string, Variable> = {};
      for (const [name, { shape, data: values }] of Object.entries(world.weights)) {
        variables[name] = tf.variable(tf.tensor(values.slice(), [...shape]));
      }
      const tower = createItemTower({ itemCount: 13, trainedCount: 12, features: world.itemFeatures });
      const examples = trainingExamples(data.sequences, world.training, Number.MAX_SAFE_INTEGER);
      const batch = createBatchBuilder(spec, data)(examples, Int32Array.of(0), createRandom(2));
      // Items 4, 8 and 12 carry genre b; the user's group 1..4 has it in item 4 only.
      const negatives = Int32Array.of(8, 12);
      const tensors = toTensors(spec, batch, {
        candidates: data.candidates,
        negatives,
        sampler: createLogUniformSampler(data.candidates),
        candidatePosition: positionsOf(data.candidates, 13),
      });
      const { grads } = tf.variableGrads(
        () => objective(variables, spec, tower, tensors),
        [variables['item/id']!, variables['item/feature/genre']!],
      );
      return Object.values(grads).map((gradient) => gradient.abs().sum(1).arraySync() as number[]);
    });
    const [ids, genres] = reached;
    expect(ids![8]).toBeGreaterThan(0);
    expect(ids![12]).toBeGreaterThan(0);
    expect(genres![2]).toBeGreaterThan(0);
    expect(genres![0]).toBe(0);
    tf.disposeVariables();
  });
});
