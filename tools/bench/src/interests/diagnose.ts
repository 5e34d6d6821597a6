import { clusterItems, countClusters, mean, rankingWays, rankLabels, recallOf } from '@facet/evaluation';
import type { LabelRanks } from '@facet/evaluation';
import { createBehaviorRows, createRandom, writeBehaviorSequence } from '@facet/features';
import {
  couplingCoefficients,
  createInferenceEngine,
  embedItems,
  interestCohesion,
  scoreOfInterests,
  unknownUser,
} from '@facet/model';
import type { ModelSpec, Weights } from '@facet/model';
import * as tensorFlow from '@facet/model/training';
import { createModelScorer, reportInterests } from '@facet/pipeline/benchmark';
import type { BenchmarkData, HeldOut, HeldOutSequenceUser } from '@facet/pipeline/benchmark';

export interface Fitted {
  readonly spec: ModelSpec;
  readonly weights: Weights;
  readonly epochs: number;
  readonly validationScore: number;
}

const cutoffs = [10, 50, 100, 500, 1_000] as const;
/** The length of the served list whose slots are counted. */
const slots = 50;
/** Item clusters of the whole catalog, and the share of a user's items that a cluster needs to count. */
const clusterCount = 20;
const clusterShareMin = 0.2;

/** Returns in how many item clusters each held-out user has behaviors, by user index. The clusters are those of the model's items. */
export function clusterUsers(
  data: BenchmarkData['data'],
  { spec, weights }: Fitted,
  heldOut: HeldOut,
): Map<number, number> {
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
export function diagnose(
  data: BenchmarkData['data'],
  fitted: Fitted,
  {
    heldOut,
    users,
    clusters,
  }: {
    readonly heldOut: HeldOut;
    readonly users: readonly HeldOutSequenceUser[];
    readonly clusters: ReadonlyMap<number, number>;
  },
) {
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
  const cohesion = users.map(cohesionOf(data, fitted));
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
    within: meanOf(cohesion, 'within'),
    across: meanOf(cohesion, 'across'),
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
function meanOf(users: readonly Cohesion[], field: keyof Cohesion): number {
  return mean(users.flatMap((user) => (user.within === undefined || user.across === undefined ? [] : [user[field]!])));
}

/** Returns a function that infers how alike two behaviors of a user are, in the same interest and across interests. */
function cohesionOf(data: BenchmarkData['data'], { spec, weights }: Fitted): (user: HeldOutSequenceUser) => Cohesion {
  const { embeddingDim: D, sequenceLength: L, distinctBehaviors: distinct } = spec.config;
  const { trainedCount } = data.vocabulary;
  const tables = { itemCount: spec.itemCount, trainedCount, features: data.itemFeatures };
  const embeddings = embedItems(spec, weights, tables);
  const engine = createInferenceEngine(spec, weights, embeddings);
  return ({ userIndex, start, end, queryTime }) => {
    const rows = createBehaviorRows(1, L);
    writeBehaviorSequence(rows, 0, { ...data.sequences, start, end }, { now: queryTime, distinct });
    const profile = data.profiles.map(({ rows: tableRows }) => tableRows[userIndex]!);
    const interests = engine.interests(rows, profile, unknownUser);
    const all = couplingCoefficients(interests);
    const slots = [...rows.items.keys()].filter((slot) => rows.items[slot]! > 0);
    const vectors = slots.map((slot) => embeddings.subarray(rows.items[slot]! * D, (rows.items[slot]! + 1) * D));
    const coefficients = slots.map((slot) => [...all.subarray(slot * interests.count, (slot + 1) * interests.count)]);
    return interestCohesion(vectors, coefficients);
  };
}
