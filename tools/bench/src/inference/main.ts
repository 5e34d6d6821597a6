import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createBehaviorRows, createRandom } from '@facet/features';
import type { BehaviorRows, Random } from '@facet/features';
import { json, option, readCommandLine } from '@facet/local-services';
import { createInferenceEngine, embedItems, initializeWeights, modelVariant, modelVariants } from '@facet/model';
import type { ModelConfig, ModelSpec, InferenceEngine } from '@facet/model';
import { describeLatencies } from '../figures.ts';
import type { Latencies } from '../figures.ts';

// Random weights suffice: times do not depend on their values, except for zeros after a ReLU.
const { values } = readCommandLine({
  options: {
    variant: option.texts('NAME', 'Measure this variant (default: all variants)'),
    json,
  },
  notes: `A user has 50 behaviors; the model has 64 dimensions and, where a variant has several, 4 interests.

warm   Catalog of 12,000 items, most of which the inference engine has cached
cold   Catalog of 400,000 items, few of which it has cached

Exit code: 0 when the measurement is complete.`,
});

const sequenceLength = 50;
const users = 512;
const warmUps = 3_000;
const measured = 10_000;
const catalogs = { warm: 12_000, cold: 400_000 };

type InferenceFigures = ReturnType<typeof measureVariant>;

const figures: InferenceFigures[] = [];
const [first, ...others] = values.variant ?? Object.keys(modelVariants);
if (others.length === 0) show(measureVariant(first!));
// One process per variant: as in serving, V8 optimizes the code for a single engine.
else for (const variant of [first!, ...others]) show(measureInChild(variant));
if (values.json) console.log(JSON.stringify(figures));

function show(found: InferenceFigures): void {
  figures.push(found);
  if (!values.json) console.log(render(found));
}

function measureInChild(variant: string): InferenceFigures {
  const script = [...process.execArgv, fileURLToPath(import.meta.url), '--json', '--variant', variant];
  const [found] = JSON.parse(execFileSync(process.execPath, script, { encoding: 'utf8' })) as InferenceFigures[];
  return found!;
}

function measureVariant(variant: string) {
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

function render({ variant, warm, cold }: InferenceFigures): string {
  const times = ({ p50Ms, p99Ms }: Latencies): string => `p50 ${p50Ms.toFixed(3)} ms, p99 ${p99Ms.toFixed(3)} ms`;
  return `${variant.padEnd(22)} warm: ${times(warm)}   cold: ${times(cold)}`;
}
