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
  if (readout.kind === 'label-aware') {
    const users = attendToLabels(interests, items, batch, readout.power); // [P, D]
    const scores = addScoreTerms(weights, batch, tf.matMul(users, candidates, false, true), labels.rows);
    const rows = tf.range(0, labels.items.shape[0], 1, 'int32');
    return fullSoftmaxLoss(scores, rows, labels.columns!, labels.weights);
  }
  const byExample = scoreCandidates(interests, batch.users.active, candidates, readout.kind);
  return fullSoftmaxLoss(addScoreTerms(weights, batch, byExample), labels.rows, labels.columns!, labels.weights);
};

const sampledLoss: Loss = (weights, { config: { readout } }, interests, items, batch) => {
  const { labels, labelCells } = batch;
  const logExpected = batch.logExpected!;
  const negatives = tf.gather(items, batch.items!.candidates);
  const labelItems = tf.gather(items, labels.items);
  const partitionsOf = (scores: Tensor2D): Tensor1D =>
    logSumExp(withoutLabels(tf.sub(scores, logExpected.candidates), labelCells!));
  let labelScores: Tensor1D;
  let logPartitions: Tensor1D;
  if (readout.kind === 'label-aware') {
    const users = attendToLabels(interests, items, batch, readout.power);
    labelScores = tf.sum(tf.mul(users, labelItems), 1);
    const scores = tf.matMul(users, negatives, false, true) as Tensor2D;
    logPartitions = partitionsOf(addScoreTerms(weights, batch, scores, labels.rows));
  } else {
    const active = tf.gather(batch.users.active, labels.rows);
    labelScores = scorePairs(tf.gather(interests, labels.rows), active, labelItems, readout.kind);
    const rowScores = scoreCandidates(interests, batch.users.active, negatives, readout.kind);
    // Per example, not per label: an example of a window may have a hundred labels.
    logPartitions = tf.gather(partitionsOf(addScoreTerms(weights, batch, rowScores)), labels.rows);
  }
  const positive = tf.sub(tf.addN([labelScores, ...labelTerms(weights, batch)]), logExpected.labels) as Tensor1D;
  return sampledSoftmaxLoss(positive, logPartitions, labels.weights);
};

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

/** Returns scores [R, C] plus their {@link candidateTerms}. @param rows [R] the example of each row. Row r is example r by default. */
function addScoreTerms(weights: WeightTensors, batch: TrainingBatch, scores: Tensor2D, rows?: Tensor1D): Tensor2D {
  const terms = candidateTerms(weights, batch);
  if (terms.length === 0) return scores;
  const sum = tf.addN(terms) as Tensor2D;
  return tf.add(scores, rows === undefined ? sum : tf.gather(sum, rows));
}

const chosenEverColumn = popularityFeatureNames.indexOf('chosenEver');

/** Returns the terms that do not depend on interests, [B, C] each: the popularity prior and the repeat bonus. */
function candidateTerms(weights: WeightTensors, { items, users, popularity, repeats }: TrainingBatch): Tensor2D[] {
  const C = items!.candidates.shape[0];
  const terms: Tensor2D[] = [];
  if (popularity !== undefined) {
    const { features, dayOf } = popularity;
    const [days, , width] = features.shape;
    const prior = columnOf(weights['prior/weights']!);
    const byDay = tf.matMul(features.reshape([days * C, width]) as Tensor2D, prior).reshape([days, C]) as Tensor2D;
    const chosenEver = tf.squeeze(tf.slice(features, [0, 0, chosenEverColumn], [days, C, 1]), [2]) as Tensor2D;
    const unknown = tf.mul(tf.equal(chosenEver, 0).toFloat(), minusInfinity);
    terms.push(tf.gather(tf.add(byDay, unknown), dayOf));
  }
  if (repeats !== undefined) {
    const bonus = tf.squeeze(tf.matMul(repeats.features, columnOf(weights['repeat/weights']!)), [1]) as Tensor1D; // [M]
    const B = users.active.shape[0];
    terms.push(tf.unsortedSegmentSum(bonus, repeats.cells, B * C).reshape([B, C]) as Tensor2D);
  }
  return terms;
}

/** Returns the same terms of the labels, [P] each. Every label is known on its day. */
function labelTerms(weights: WeightTensors, { popularity, repeats }: TrainingBatch): Tensor1D[] {
  const terms = [
    [popularity?.labels, 'prior/weights'],
    [repeats?.labels, 'repeat/weights'],
  ] as const;
  return terms.flatMap(([features, name]) =>
    features === undefined ? [] : [tf.squeeze(tf.matMul(features, columnOf(weights[name]!)), [1]) as Tensor1D],
  );
}

/** Returns the weights of features as a column [features, 1]. */
function columnOf(weights: Tensor): Tensor2D {
  return tf.mul(weights, scalarScale).expandDims(1) as Tensor2D;
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
