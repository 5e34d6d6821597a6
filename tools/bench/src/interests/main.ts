import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FacetConfig, homePaths } from '@facet/config';
import { clusterItems, countClusters, mean, rankingWays, rankLabels, recallOf } from '@facet/evaluation';
import type { LabelRanks } from '@facet/evaluation';
import { createBehaviorRows, createRandom, writeBehaviorSequence } from '@facet/features';
import { createScratchFolder, logProgress, option } from '@facet/local-services';
import { createStageContext, bestScore, createModelScorer, modelSpecOf, reportInterests } from '@facet/stages';
import { createValidator, trainPhase } from '@facet/stages/training';
import { openBenchmarkData, towerSettings, validationUsersMax } from '@facet/benchmark';
import {
  couplingCoefficients,
  createInferenceEngine,
  embedItems,
  fitConfigs,
  initializeWeights,
  interestCohesion,
  scoreOfInterests,
  unknownUser,
} from '@facet/model';
import type { ModelSpec, Weights } from '@facet/model';
import * as tensorFlow from '@facet/model/training';
import type { BenchmarkSource, Setting } from '@facet/benchmark';
import type { HeldOutSequenceUser } from '@facet/stages';
import { parseWith } from '@facet/platform';
import { startBench } from '../bench.ts';

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
const cutoffs = [10, 50, 100, 500, 1_000] as const;
/** The length of the served list whose slots are counted. */
const slots = 50;
/** Item clusters of the whole catalog, and the share of a user's items that a cluster needs to count. */
const clusterCount = 20;
const clusterShareMin = 0.2;

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
const { data } = benchmark;
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
    clusters ??= clusterUsers(fitted);
    runs.push(diagnose(fitted, clusters));
    logProgress(`${name}, seed ${seed}: validation ${fitted.validationScore.toFixed(4)}`);
  }
  const { recall: rows, ...figures } = meanOf(runs) as (typeof runs)[number];
  models.push({ model: name, ...figures });
  recall.push(...rows.map((row) => ({ model: name, ...row })));
}
report({ models, recall });

interface Fitted {
  readonly spec: ModelSpec;
  readonly weights: Weights;
  readonly epochs: number;
  readonly validationScore: number;
}

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
  const { protocol } = benchmark;
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
  const { progress: fit, epochs } = await trainPhase({
    ...shared,
    heldOut: validation,
    checkpoint: join(checkpoints, 'fit'),
    validate,
  }).finally(dispose);
  const fitted = { spec, epochs: fit.bestEpoch, validationScore: bestScore({ progress: fit }) };
  if (part === 'validation') return { ...fitted, weights: fit.best.weights };
  const checkpoint = join(checkpoints, 'refit');
  const refit = await trainPhase({
    ...shared,
    config: { ...seeded, epochs },
    heldOut: protocol.test,
    checkpoint,
    lastEpoch: fit.bestEpoch,
  });
  return { ...fitted, weights: refit.progress.best.weights };
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

/** Returns in how many item clusters each held-out user has behaviors, by user index. The clusters are those of the model's items. */
function clusterUsers({ spec, weights }: Fitted): Map<number, number> {
  const scorer = createModelScorer(data, spec, weights, heldOut);
  const items = Int32Array.from(heldOut.candidates.keys()).filter((item) => heldOut.candidates[item] === 1);
  const options = { clusters: clusterCount, rounds: 20, random: createRandom(1) };
  const clusterOf = clusterItems(scorer.vectors, scorer.dim, items, options);
  scorer.dispose();
  return new Map(
    heldOut.users.map(({ userIndex, history }) => [userIndex, countClusters(history, clusterOf, clusterShareMin)]),
  );
}

/** Returns what the interests of a model find, over the items that are new to the users. */
function diagnose(fitted: Fitted, clusters: ReadonlyMap<number, number>) {
  const { spec, weights, epochs, validationScore } = fitted;
  const scorer = createModelScorer(data, spec, weights, { ...heldOut, tensorFlow });
  const { vectors, dim } = scorer;
  const { candidates } = heldOut;
  const { interests: K, scoreSharpness } = spec.config;
  const scoreOf = (ofInterests: readonly number[], sharpness = scoreSharpness): number =>
    scoreOfInterests(ofInterests, sharpness);
  const interests = scorer.interests(users);
  const ranked = users.map((user, row) =>
    rankLabels(user, interests[row]!, { vectors, dim, scoreOf, prior: scorer.prior(user), candidates }, slots),
  );
  const report = reportInterests(scorer, users, K);
  scorer.dispose();
  const cohesion = users.map(cohesionOf(fitted));
  const isSeveral = users.map(({ userIndex }) => clusters.get(userIndex)! >= 2);
  const served = sumByInterest(ranked, 'slots', K);
  const hits = sumByInterest(ranked, 'hits', K);
  const servedSlots = served.reduce((sum, each) => sum + each, 0);
  return {
    epochs,
    validationScore,
    meanInterests: report.meanInterests,
    meanCosine: report.similarity.meanCosine,
    // Means over users of the mean cosine of two behaviors with the same strongest interest, and with different ones.
    within: meanCohesion(cohesion, 'within'),
    across: meanCohesion(cohesion, 'across'),
    // By interest: the shares of the labels that it wins, and of the first 50 served slots.
    labelShares: report.labelShares,
    slotShares: served.map((each) => each / servedSlots),
    // By interest: the share of its served slots that are labels.
    precision: served.map((each, k) => (each === 0 ? 0 : hits[k]! / each)),
    recall: [
      ...recallRows('all', ranked),
      // Users with behaviors in at least two item clusters, and the others.
      ...recallRows(
        'several',
        ranked.filter((_, row) => isSeveral[row]!),
      ),
      ...recallRows(
        'single',
        ranked.filter((_, row) => !isSeveral[row]!),
      ),
    ],
  };
}

function recallRows(group: string, users: readonly LabelRanks[]) {
  return rankingWays.map((ranking) => {
    const recalls = cutoffs.map((cutoff) => [`recall@${cutoff}`, recallOf(users, ranking, cutoff)] as const);
    return { group, users: users.length, ranking, ...Object.fromEntries(recalls) };
  });
}

function sumByInterest(users: readonly LabelRanks[], field: 'slots' | 'hits', K: number): number[] {
  return Array.from({ length: K }, (_, k) => users.reduce((sum, user) => sum + (user[field][k] ?? 0), 0));
}

type Cohesion = ReturnType<typeof interestCohesion>;

/** Returns the mean over the users with pairs of items both within and across interests. */
function meanCohesion(users: readonly Cohesion[], field: keyof Cohesion): number {
  return mean(users.flatMap((user) => (user.within === undefined || user.across === undefined ? [] : [user[field]!])));
}

/** Returns a function that infers how alike two behaviors of a user are, in the same interest and across interests. */
function cohesionOf({ spec, weights }: Fitted): (user: HeldOutSequenceUser) => Cohesion {
  const { embeddingDim: D, sequenceLength: L, distinctBehaviors: distinct } = spec.config;
  const { trainedCount } = data.vocabulary;
  const tables = { itemCount: spec.itemCount, trainedCount, features: data.itemFeatures };
  const embeddings = embedItems(spec, weights, tables);
  const engine = createInferenceEngine(spec, weights, embeddings);
  return ({ userIndex, start, end, queryTime }) => {
    const rows = createBehaviorRows(1, L);
    writeBehaviorSequence(rows, 0, { ...data.sequences, start, end }, { now: queryTime, distinct });
    const userFeatures = data.userFeatures.map(({ rows: tableRows }) => tableRows[userIndex]!);
    const interests = engine.interests(rows, userFeatures, unknownUser);
    const all = couplingCoefficients(interests);
    const slots = [...rows.items.keys()].filter((slot) => rows.items[slot]! > 0);
    const vectors = slots.map((slot) => embeddings.subarray(rows.items[slot]! * D, (rows.items[slot]! + 1) * D));
    const coefficients = slots.map((slot) => [...all.subarray(slot * interests.count, (slot + 1) * interests.count)]);
    return interestCohesion(vectors, coefficients);
  };
}
