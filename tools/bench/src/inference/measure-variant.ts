import { createBehaviorRows, createRandom } from '@facet/features';
import type { BehaviorRows, Random } from '@facet/features';
import { createInferenceEngine, embedItems, initializeWeights, modelVariant } from '@facet/model';
import type { InferenceEngine, ModelConfig, ModelSpec } from '@facet/model';
import { describeLatencies } from '../figures.ts';
import type { Latencies } from '../figures.ts';

const sequenceLength = 50;
const users = 512;
const warmUps = 3_000;
const measured = 10_000;
const catalogs = { warm: 12_000, cold: 400_000 };

/** Measures the inference of one user. Random weights suffice: times do not depend on their values, except for zeros after a ReLU. */
export function measureVariant(variant: string) {
  const config = { ...modelVariant(variant).model, sequenceLength };
  const random = createRandom(1);
  const engine = createEngine(config, catalogs.warm, random);
  const warm = measureTimes(engine, catalogs.warm, random);
  const cold = measureTimes(createEngine(config, catalogs.cold, random), catalogs.cold, random);
  return { variant, warm, cold };
}

function createEngine(config: ModelConfig, itemCount: number, random: Random): InferenceEngine {
  const spec: ModelSpec = {
    config,
    itemCount,
    ...(config.extractor.kind === 'user-vectors' ? { userCount: users } : {}),
    itemFeatures: [],
    userFeatures: [],
  };
  const weights = initializeWeights(spec, random);
  return createInferenceEngine(
    spec,
    weights,
    embedItems(spec, weights, { itemCount, trainedCount: itemCount, features: [] }),
  );
}

function drawBehaviors(itemCount: number, random: Random): BehaviorRows[] {
  return Array.from({ length: users }, () => {
    const rows = createBehaviorRows(1, sequenceLength);
    for (let slot = 0; slot < sequenceLength; slot++) {
      rows.items[slot] = 1 + random.int(itemCount);
      rows.ages[slot] = 1 + random.int(30);
      rows.counts[slot] = 1;
    }
    return rows;
  });
}

function measureTimes(engine: InferenceEngine, itemCount: number, random: Random): Latencies {
  const rows = drawBehaviors(itemCount, random);
  const times = new Float64Array(measured);
  for (let turn = -warmUps; turn < measured; turn++) {
    const user = (turn + warmUps) % users;
    const start = performance.now();
    engine.interests(rows[user]!, [], user);
    if (turn >= 0) times[turn] = performance.now() - start;
  }
  return describeLatencies(times);
}
