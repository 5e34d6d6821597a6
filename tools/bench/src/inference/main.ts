// How long the serving kernel takes for the interests of one user, by variant of the model. Nothing is trained: times do not
// depend on what weights hold, but for zeros behind a ReLU.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createBehaviorRows, createRandom } from '@facet/features';
import type { BehaviorRows, Random } from '@facet/features';
import { createInferenceEngine, embedItems, initializeWeights, modelVariant, modelVariants } from '@facet/model';
import type { ModelConfig, ModelSpec, InferenceEngine } from '@facet/model';
import { describeLatencies } from '../load/latencies.ts';
import type { Latencies } from '../load/latencies.ts';

const help = `Measures the serving kernel: interests of one user with 50 behaviors, D 64, 4 interests where a variant has several.

  npm run bench -- inference [--variant facet] [--json]

kept     items of a catalog of 12,000, of which what the kernel keeps is there
cold     items of a catalog of 400,000, of which nearly nothing is
bytes    allocated by a call that writes into a buffer`;

const { values } = parseArgs({
  options: {
    variant: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const sequenceLength = 50;
const users = 512;
const warmUps = 3_000;
const measured = 10_000;
const catalogs = { kept: 12_000, cold: 400_000 };
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

interface KernelFigures {
  readonly variant: string;
  readonly kept: Latencies;
  readonly cold: Latencies;
  readonly bytesPerCall: number;
}

const figures: KernelFigures[] = [];
const [alone, ...others] = values.variant ?? Object.keys(modelVariants);
if (others.length === 0) show(measureVariant(alone!));
// As in a serving process, code is compiled for one kernel only.
else for (const variant of [alone!, ...others]) show(measureInChild(variant));
if (values.json) console.log(JSON.stringify(figures));

function show(found: KernelFigures): void {
  figures.push(found);
  if (!values.json) console.log(render(found));
}

function measureInChild(variant: string): KernelFigures {
  const script = [...process.execArgv, fileURLToPath(import.meta.url), '--json', '--variant', variant];
  const [found] = JSON.parse(execFileSync(process.execPath, script, { encoding: 'utf8' })) as KernelFigures[];
  return found!;
}

function measureVariant(variant: string): KernelFigures {
  const config = { ...modelVariant(variant).model, sequenceLength };
  const random = createRandom(1);
  const kernel = createKernel(config, catalogs.kept, random);
  const kept = measureTimes(kernel, catalogs.kept, random);
  const bytesPerCall = measureBytes(kernel, catalogs.kept, random);
  const cold = measureTimes(createKernel(config, catalogs.cold, random), catalogs.cold, random);
  return { variant, kept, cold, bytesPerCall };
}

function createKernel(config: ModelConfig, itemCount: number, random: Random): InferenceEngine {
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

function measureTimes(kernel: InferenceEngine, itemCount: number, random: Random): Latencies {
  const rows = drawBehaviors(itemCount, random);
  const buffer = kernel.createBuffer();
  const times = new Float64Array(measured);
  for (let turn = -warmUps; turn < measured; turn++) {
    const user = (turn + warmUps) % users;
    const start = performance.now();
    kernel.interestsInto(buffer, rows[user]!, [], user);
    if (turn >= 0) times[turn] = performance.now() - start;
  }
  return describeLatencies(times);
}

function measureBytes(kernel: InferenceEngine, itemCount: number, random: Random): number {
  const rows = drawBehaviors(itemCount, random);
  const buffer = kernel.createBuffer();
  const calls = 2_000;
  const run = (calls: number): void => {
    for (let call = 0; call < calls; call++) kernel.interestsInto(buffer, rows[call % users]!, [], call % users);
  };
  run(warmUps);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  run(calls);
  return (process.memoryUsage().heapUsed - before) / calls;
}

function render({ variant, kept, cold, bytesPerCall }: KernelFigures): string {
  const times = ({ p50Ms, p99Ms }: Latencies): string => `p50 ${p50Ms.toFixed(3)} ms, p99 ${p99Ms.toFixed(3)} ms`;
  return `${variant.padEnd(22)} kept: ${times(kept)}   cold: ${times(cold)}   ${bytesPerCall.toFixed(1)} bytes a call`;
}
