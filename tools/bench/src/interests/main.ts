import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FacetConfig, homePaths } from '@facet/config';
import { mean } from '@facet/evaluation';
import { createRandom } from '@facet/features';
import { createScratchFolder, logProgress, option } from '@facet/local-services';
import { createStageContext } from '@facet/pipeline';
import {
  bestScore,
  createValidator,
  validationUsersMax,
  modelSpecOf,
  openBenchmarkData,
  towerSettings,
  trainPhase,
} from '@facet/pipeline/benchmark';
import { fitConfigs, initializeWeights } from '@facet/model';
import type { BenchmarkSource, Setting } from '@facet/pipeline/benchmark';
import { parseWith } from '@facet/platform';
import { startBench } from '../bench.ts';
import { clusterUsers, diagnose } from './diagnose.ts';
import type { Fitted } from './diagnose.ts';

const { values, positionals, report } = startBench({
  hasArguments: true,
  options: {
    protocol: option.choice('NAME', 'Protocol', ['time-split', 'leave-one-out', 'user-split'], 'time-split'),
    part: option.choice('PART', 'Held-out part', ['validation', 'test'], 'validation'),
    try: option.texts('SETTINGS', 'Settings of one model, separated by spaces: "K=4 separation=1"', ['K=1', 'K=4']),
    seeds: option.number('Number of runs of each model', 1),
    variant: option.text('NAME', 'Model variant', 'facet'),
    users: option.number('Most users of the held-out part', 3_000),
  },
  notes: `SOURCE is a data home, or a folder with sequences.txt and items.tsv. Only items that are new to the user count. The models of the
part validation have not seen it; those of the part test are trained again with the validation part.

Exit code: 0 when the measurement is complete, 1 without a source.`,
});
const [folder] = positionals;
const { protocol, part } = values;
if (folder === undefined || !existsSync(folder)) {
  console.error('Name a data home or a folder with sequences.txt: npm run bench -- interests SOURCE');
  process.exit(1);
}

const { path: scratch } = await createScratchFolder('bench-interests');
const config = parseWith(FacetConfig, {}, { source: 'npm run bench -- interests' });
const sequences = join(folder, 'sequences.txt');
const isSequences = existsSync(sequences);
const source: BenchmarkSource = isSequences
  ? { kind: 'sequences', path: sequences, items: [join(folder, 'items.tsv')], users: [] }
  : { kind: 'home' };
const context = createStageContext(homePaths(isSequences ? join(scratch, 'home') : folder), config);
const benchmark = await openBenchmarkData(context, source, protocol);
const heldOut = benchmark.protocol[part];
const users = heldOut.users.slice();
createRandom(1).shuffle(users);
users.length = Math.min(users.length, values.users);
let clusters: ReadonlyMap<number, number> | undefined;
const models = [];
const recall = [];
for (const name of values.try) {
  const runs = [];
  for (let seed = 1; seed <= values.seeds; seed++) {
    const settings = name
      .split(' ')
      .filter((text) => text !== '')
      .map(parseSetting);
    const fitted = await fitWeights(settings, seed, join(scratch, `${models.length}-${seed}`));
    // The groups of users must not differ between models.
    clusters ??= clusterUsers(benchmark.data, fitted, heldOut);
    runs.push(diagnose(benchmark.data, fitted, { heldOut, users, clusters }));
    logProgress(`${name}, seed ${seed}: validation ${fitted.validationScore.toFixed(4)}`);
  }
  const { recall: rows, ...figures } = meanOf(runs) as (typeof runs)[number];
  models.push({ model: name, ...figures });
  recall.push(...rows.map((row) => ({ model: name, ...row })));
}
report({ models, recall });

/** Returns the means of the numbers at the same path of all runs. */
function meanOf(runs: readonly unknown[]): unknown {
  const [first] = runs;
  if (typeof first === 'number') return mean(runs as number[]);
  if (typeof first !== 'object' || first === null) return first;
  const entries = Object.keys(first).map((name) => [
    name,
    meanOf(runs.map((run) => (run as Record<string, unknown>)[name])),
  ]);
  return Array.isArray(first) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}

/** Trains on the data before the validation part with the best number of epochs, and for the test again with that part included. */
async function fitWeights(settings: readonly Setting[], seed: number, checkpoints: string): Promise<Fitted> {
  const { data, protocol } = benchmark;
  const { model, training } = towerSettings(values.variant, { config, benchmark, settings });
  const spec = modelSpecOf(model, data);
  const seeded = { ...fitConfigs(training)[0], seed };
  const shared = { data, spec, config: seeded, initialWeights: initializeWeights(spec, createRandom(seed)) };
  const { validation, choice, tasks } = protocol;
  const { validate, dispose } = createValidator(data, spec, {
    heldOut: validation,
    choice,
    tasks,
    usersMax: validationUsersMax,
  });
  const fit = await trainPhase({
    ...shared,
    heldOut: validation,
    checkpoint: join(checkpoints, 'fit'),
    validate,
  }).finally(dispose);
  const fitted = { spec, epochs: fit.bestEpoch, validationScore: bestScore({ progress: fit }) };
  if (part === 'validation') return { ...fitted, weights: fit.best.weights };
  const checkpoint = join(checkpoints, 'refit');
  const refit = await trainPhase({ ...shared, heldOut: protocol.test, checkpoint, lastEpoch: fit.bestEpoch });
  return { ...fitted, weights: refit.best.weights };
}

function parseSetting(text: string): Setting {
  const [name, ...rest] = text.split('=');
  const value = rest.join('=');
  try {
    return { name: name!, value: JSON.parse(value) as unknown };
  } catch {
    return { name: name!, value };
  }
}
