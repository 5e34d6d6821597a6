import { popularityFeatureNames } from '@facet/features';
import '../tower/gradients.ts';
import { operation } from '@facet/tf-graph';
import { tf } from '@facet/tf-graph/tensorflow';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D } from '@facet/tf-graph/tensorflow';
import type { TrainingBatch, WeightTensors } from '../batch.ts';
import type { ModelSpec } from '../config.ts';
import { minusInfinity } from '../epsilon.ts';
import { itemTower } from '../tower/item-tower.ts';
import { logSumExp, unitLength } from '../tower/math.ts';
import { userTower } from '../tower/user-tower.ts';
import { scalarScale } from '../weights.ts';
import { labelAwareAttention } from './label-aware-attention.ts';
import { scoreCandidates, scorePairs } from './scores.ts';
import { fullSoftmaxLoss, sampledSoftmaxLoss } from './softmax.ts';

/** The loss of a batch that the optimizer minimizes: the mean over its examples (paper, Eq. 10). */
export function objective(weights: WeightTensors, spec: ModelSpec, batch: TrainingBatch): Scalar {
  const { config } = spec;
  return tf.tidy(() => {
    const embeddings = itemTower(weights, batch.items!.pooled); // [U, D]
    const interests = userTower(weights, spec, embeddings, batch.users); // [B, K, D]
    const items = config.normalize ? scaledToScores(weights, spec, embeddings) : embeddings;
    const lossOf = batch.logExpected === undefined ? fullLoss : sampledLoss;
    const loss = lossOf(weights, spec, interests, items, batch);
    if (config.separation === 0) return loss;
    return tf.add(loss, tf.mul(config.separation, interestSeparation(interests, batch.users.active)));
  });
}

/** Returns items [U, D] of unit length, divided by the temperature (`temperatureOf`). */
function scaledToScores(
  weights: WeightTensors,
  { config: { temperature, temperatureMin } }: ModelSpec,
  embeddings: Tensor2D,
): Tensor2D {
  const weight = weights['score/temperature'];
  const learned =
    weight === undefined ? temperature : tf.add(tf.mul(tf.exp(weight), temperature - temperatureMin), temperatureMin);
  return tf.div(unitLength(embeddings), learned) as Tensor2D;
}

type Loss = (
  weights: WeightTensors,
  spec: ModelSpec,
  interests: Tensor3D,
  items: Tensor2D,
  batch: TrainingBatch,
) => Scalar;

const fullLoss: Loss = (weights, { config: { readout } }, interests, items, batch) => {
  const candidates = tf.gather(items, batch.items!.candidates);
  const { labels } = batch;
  let scores: Tensor2D[];
  let rows = labels.rows;
  if (readout.kind === 'label-aware') {
    const users = attendToLabels(interests, items, batch, readout.power); // [P, D]
    scores = addScoreTerms(weights, batch, tf.matMul(users, candidates, false, true), labels.rows);
    rows = tf.range(0, labels.items.shape[0], 1, 'int32');
  } else {
    const byExample = scoreCandidates(interests, batch.users.active, candidates, readout.kind);
    scores = addScoreTerms(weights, batch, byExample);
  }
  const losses = scores.map((each) => fullSoftmaxLoss(each, rows, labels.columns!, labels.weights));
  return combine(losses, batch);
};

const sampledLoss: Loss = (weights, { config: { readout } }, interests, items, batch) => {
  const { labels, labelCells } = batch;
  const logExpected = batch.logExpected!;
  const negatives = tf.gather(items, batch.items!.candidates);
  const labelItems = tf.gather(items, labels.items);
  const partitionsOf = (scores: Tensor2D): Tensor1D =>
    logSumExp(withoutLabels(tf.sub(scores, logExpected.candidates), labelCells!));
  let labelScores: Tensor1D;
  let logPartitions: Tensor1D[];
  if (readout.kind === 'label-aware') {
    const users = attendToLabels(interests, items, batch, readout.power);
    labelScores = tf.sum(tf.mul(users, labelItems), 1);
    const scores = tf.matMul(users, negatives, false, true) as Tensor2D;
    logPartitions = addScoreTerms(weights, batch, scores, labels.rows).map(partitionsOf);
  } else {
    const active = tf.gather(batch.users.active, labels.rows);
    labelScores = scorePairs(tf.gather(interests, labels.rows), active, labelItems, readout.kind);
    const scores = scoreCandidates(interests, batch.users.active, negatives, readout.kind);
    // Per example, not per label: an example of a window may have a hundred labels.
    logPartitions = addScoreTerms(weights, batch, scores).map((each) => tf.gather(partitionsOf(each), labels.rows));
  }
  const losses = addLabelTerms(weights, batch, tf.sub(labelScores, logExpected.labels)).map((each, index) =>
    sampledSoftmaxLoss(each, logPartitions[index]!, labels.weights),
  );
  return combine(losses, batch);
};

/** The loss without the repeat bonus has at most this weight, so that the other one always trains the bonus. */
const withoutBonusMax = 0.5;

/** Returns the loss of a batch from its losses with and without the repeat bonus. The weight of the latter is the share of repeats. */
function combine([withBonus, withoutBonus]: readonly Scalar[], { repeats }: TrainingBatch): Scalar {
  if (withoutBonus === undefined) return withBonus!;
  const weight = tf.minimum(repeats!.share, withoutBonusMax);
  return tf.add(tf.mul(withBonus!, tf.sub(1, weight)), tf.mul(withoutBonus, weight)).asScalar();
}

/** Returns the scores with minus infinity at the cells [H, 2] at which a negative is a label of the example. */
function withoutLabels(scores: Tensor2D, cells: Tensor2D): Tensor2D {
  const hits = tf.fill([cells.shape[0]], minusInfinity);
  // TensorFlow updates the cells in place, since nothing else reads the scores.
  const masked = tf.customGrad((given) => ({
    value: operation('TensorScatterAdd', [given as Tensor, cells, hits], { T: 'float32', Tindices: 'int32' }),
    gradFunc: (dy: Tensor) => dy,
  }));
  return masked(scores) as Tensor2D;
}

/** Returns v_u of each label [P, D] (paper, Eq. 9). */
function attendToLabels(
  interests: Tensor3D,
  items: Tensor2D,
  { users, labels }: TrainingBatch,
  power: number | 'infinity',
): Tensor2D {
  const active = tf.gather(users.active, labels.rows);
  return labelAwareAttention(tf.gather(interests, labels.rows), tf.gather(items, labels.items), active, power);
}

const chosenEverColumn = popularityFeatureNames.indexOf('chosenEver');

/**
 * Returns scores [R, C] plus the popularity prior of the candidates, where the model has one. A candidate that no user chose before
 * the day scores minus infinity.
 *
 * @param rows [R] the example of each row. Row r is example r by default.
 */
function addPrior(
  weights: WeightTensors,
  { items, popularity }: TrainingBatch,
  scores: Tensor2D,
  rows?: Tensor1D,
): Tensor2D {
  if (popularity === undefined) return scores;
  const C = items!.candidates.shape[0];
  const { features, dayOf } = popularity;
  const [days, , width] = features.shape;
  const prior = weightedSum(features.reshape([days * C, width]), weights['prior/weights']!).reshape([days, C]);
  const chosenEver = tf.squeeze(tf.slice(features, [0, 0, chosenEverColumn], [days, C, 1]), [2]);
  const unknown = tf.mul(tf.equal(chosenEver, 0).toFloat(), minusInfinity);
  return tf.add(scores, tf.gather(tf.add(prior, unknown), rows === undefined ? dayOf : tf.gather(dayOf, rows)));
}

/**
 * Returns scores [R, C] plus their prior, with and without the repeat bonus. The bonus explains most labels that are repeats, so
 * embeddings learn from them by the scores without the bonus. There, the user's own items compete only if they are labels: an item
 * that a user does not choose again can still match an interest. For a model without the bonus, returns the scores once.
 *
 * @param rows [R] the example of each row. Row r is example r by default.
 */
function addScoreTerms(weights: WeightTensors, batch: TrainingBatch, scores: Tensor2D, rows?: Tensor1D): Tensor2D[] {
  const { items, users, repeats } = batch;
  const known = addPrior(weights, batch, scores, rows);
  if (repeats === undefined) return [known];
  const [B, C] = [users.active.shape[0], items!.candidates.shape[0]];
  const addToCells = (terms: Tensor1D): Tensor2D => {
    const byExample = tf.unsortedSegmentSum(terms, repeats.cells, B * C).reshape([B, C]);
    return tf.add(known, rows === undefined ? byExample : tf.gather(byExample, rows));
  };
  const bonus = weightedSum(repeats.features, weights['repeat/weights']!);
  return [addToCells(bonus), addToCells(tf.mul(repeats.notLabel, minusInfinity))];
}

/** Returns the scores [P] of labels plus their prior, with and without the repeat bonus. Every label is known on its day. */
function addLabelTerms(weights: WeightTensors, batch: TrainingBatch, scores: Tensor1D): Tensor1D[] {
  const popularity = batch.popularity?.labels;
  const prior = popularity && weightedSum(popularity, weights['prior/weights']!);
  const known: Tensor1D = prior === undefined ? scores : tf.add(scores, prior);
  const repeats = batch.repeats?.labels;
  return repeats === undefined ? [known] : [tf.add(known, weightedSum(repeats, weights['repeat/weights']!)), known];
}

/** Returns the sum of features [n, f], times weights [f], as [n]. */
function weightedSum(features: Tensor, weights: Tensor): Tensor1D {
  const column = tf.mul(weights, scalarScale).expandDims(1) as Tensor2D;
  return tf.squeeze(tf.matMul(features as Tensor2D, column), [1]);
}

/** Interests of a user may have this cosine without penalty. */
const penaltyFreeCosine = 0.5;

/**
 * Penalty on similar interests: the mean of max(0, cos(v_j, v_k) − ½)² over the pairs of active interests of a user. Without
 * this term, K identical interests minimize a loss over all interests almost as well.
 *
 * @param interests [B, K, D]
 * @param active [B, K]
 */
export function interestSeparation(interests: Tensor3D, active: Tensor2D): Scalar {
  return tf.tidy(() => {
    const K = active.shape[1];
    const unit = unitLength(interests);
    const cosines = tf.matMul(unit, unit, false, true); // [B, K, K]
    const others = tf.sub(1, tf.eye(K));
    const pairs = tf.mul(tf.mul(active.expandDims(2), active.expandDims(1)), others);
    const excess = tf.mul(tf.square(tf.relu(tf.sub(cosines, penaltyFreeCosine))), pairs);
    return tf.div(tf.sum(excess), tf.maximum(tf.sum(pairs), 1)) as Scalar;
  });
}
