import { popularityFeatureNames } from '@facet/features';
import '../layers/gradients.ts';
import { tf } from '../tf.ts';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D, Variable } from '../tf.ts';
import { operation } from '../tf-operation.ts';
import { minusInfinity } from '../epsilon.ts';
import type { ModelSpec } from '../config.ts';
import type { ItemTower } from '../layers/item-tower.ts';
import { labelAwareAttention } from '../layers/label-aware-attention.ts';
import { logSumExpRows } from '../layers/log-sum-exp.ts';
import { scoreCandidates, scorePairs } from '../layers/scores.ts';
import { unitLength } from '../layers/unit-length.ts';
import { userTower } from '../layers/user-tower.ts';
import { fullSoftmaxLoss } from '../loss/full-softmax.ts';
import { interestSeparation } from '../loss/interest-separation.ts';
import { sampledSoftmaxLoss } from '../loss/sampled-softmax.ts';
import { scalarScale } from '../weights.ts';
import type { BatchTensors } from './batch-tensors.ts';

const chosenEverColumn = popularityFeatureNames.indexOf('chosenEver');

/** The loss of one batch (paper, Eq. 10), mean over examples: what the optimizer minimizes. */
export function objective(
  variables: Readonly<Record<string, Variable>>,
  spec: ModelSpec,
  itemTower: Pick<ItemTower, 'embed'>,
  batch: BatchTensors,
): Scalar {
  const { config } = spec;
  return tf.tidy(() => {
    const embeddings = itemTower.embed(variables); // [N + 1, D]
    const interests = userTower(variables, spec, embeddings, batch.users); // [B, K, D]
    const scored = config.normalize ? scaledToScores(variables, spec, embeddings) : embeddings;
    const loss =
      batch.sampled === undefined
        ? fullLoss(variables, spec, interests, scored, batch)
        : sampledLoss(variables, spec, interests, scored, batch, batch.sampled);
    if (config.separation === 0) return loss;
    return tf.add(loss, tf.mul(config.separation, interestSeparation(interests, batch.users.active)));
  });
}

/** Items of unit length over the temperature (`temperatureOf`) [N + 1, D]. */
function scaledToScores(
  variables: Readonly<Record<string, Variable>>,
  { config: { temperature, temperatureMin } }: ModelSpec,
  embeddings: Tensor2D,
): Tensor2D {
  const weight = variables['score/temperature'];
  const learned =
    weight === undefined ? temperature : tf.add(tf.mul(tf.exp(weight), temperature - temperatureMin), temperatureMin);
  return tf.div(unitLength(embeddings), learned) as Tensor2D;
}

function fullLoss(
  variables: Readonly<Record<string, Variable>>,
  spec: ModelSpec,
  interests: Tensor3D,
  items: Tensor2D,
  batch: BatchTensors,
): Scalar {
  const candidates = tf.gather(items, batch.candidates);
  const { readout } = spec.config;
  const columns = batch.labelColumns!;
  if (readout.kind === 'label-aware') {
    const users = attendToLabels(interests, items, batch, readout.power); // [P, D]
    const scores = withAdditions(variables, batch, tf.matMul(users, candidates, false, true), batch.labelRows);
    const rows = tf.range(0, batch.labels.shape[0], 1, 'int32');
    return fullSoftmaxLoss(scores, rows, columns, batch.labelWeights);
  }
  const byExample = scoreCandidates(interests, batch.users.active, candidates, readout.kind);
  const scores = withAdditions(variables, batch, byExample);
  return fullSoftmaxLoss(scores, batch.labelRows, columns, batch.labelWeights);
}

function sampledLoss(
  variables: Readonly<Record<string, Variable>>,
  spec: ModelSpec,
  interests: Tensor3D,
  items: Tensor2D,
  batch: BatchTensors,
  { labelCells, ...logExpected }: NonNullable<BatchTensors['sampled']>,
): Scalar {
  const { readout } = spec.config;
  const negatives = tf.gather(items, batch.candidates);
  const labelItems = tf.gather(items, batch.labels);
  const partitionsOf = (scores: Tensor2D): Tensor1D =>
    logSumExpRows(withoutLabels(tf.sub(scores, logExpected.negatives), labelCells));
  let labelScores: Tensor1D;
  let logPartitions: Tensor1D;
  if (readout.kind === 'label-aware') {
    const users = attendToLabels(interests, items, batch, readout.power);
    labelScores = tf.sum(tf.mul(users, labelItems), 1);
    const scores = tf.matMul(users, negatives, false, true) as Tensor2D;
    logPartitions = partitionsOf(withAdditions(variables, batch, scores, batch.labelRows));
  } else {
    const active = tf.gather(batch.users.active, batch.labelRows);
    labelScores = scorePairs(tf.gather(interests, batch.labelRows), active, labelItems, readout.kind);
    const rowScores = scoreCandidates(interests, batch.users.active, negatives, readout.kind);
    // By example, not by label: of a window there may be a hundred labels each.
    logPartitions = tf.gather(partitionsOf(withAdditions(variables, batch, rowScores)), batch.labelRows);
  }
  const positive = tf.sub(tf.addN([labelScores, ...labelAdditions(variables, batch)]), logExpected.labels) as Tensor1D;
  return sampledSoftmaxLoss(positive, logPartitions, batch.labelWeights);
}

/** The scores, far below any at the cells [H, 2] where a negative is a label of the example. */
function withoutLabels(scores: Tensor2D, cells: Tensor2D): Tensor2D {
  const hits = tf.fill([cells.shape[0]], minusInfinity);
  // TensorFlow changes those cells only, in place, as nothing else reads the scores.
  const masked = tf.customGrad((given) => ({
    value: operation('TensorScatterAdd', [given as Tensor, cells, hits], { T: 'float32', Tindices: 'int32' }),
    gradFunc: (dy: Tensor) => dy,
  }));
  return masked(scores) as Tensor2D;
}

/** v_u of each label (paper, Eq. 9) → [P, D]. */
function attendToLabels(
  interests: Tensor3D,
  items: Tensor2D,
  batch: BatchTensors,
  power: number | 'infinity',
): Tensor2D {
  const active = tf.gather(batch.users.active, batch.labelRows);
  return labelAwareAttention(tf.gather(interests, batch.labelRows), tf.gather(items, batch.labels), active, power);
}

/** Scores [R, C] with what they have besides the interests. @param rows [R] the example of each row; a row is one by default */
function withAdditions(
  variables: Readonly<Record<string, Variable>>,
  batch: BatchTensors,
  scores: Tensor2D,
  rows?: Tensor1D,
): Tensor2D {
  const terms = columnAdditions(variables, batch);
  if (terms.length === 0) return scores;
  const additions = tf.addN(terms) as Tensor2D;
  return tf.add(scores, rows === undefined ? additions : tf.gather(additions, rows));
}

/** What a score has besides the interests, [B, C] each: the popularity prior of the moment and the bonus for repeats. */
function columnAdditions(variables: Readonly<Record<string, Variable>>, batch: BatchTensors): Tensor2D[] {
  const C = batch.candidates.shape[0];
  const terms: Tensor2D[] = [];
  if (batch.popularity !== undefined) {
    const { features, dayOf } = batch.popularity;
    const [days, , width] = features.shape;
    const weights = columnOf(variables['prior/weights']!);
    const byDay = tf.matMul(features.reshape([days * C, width]) as Tensor2D, weights).reshape([days, C]) as Tensor2D;
    const chosenEver = tf.squeeze(tf.slice(features, [0, 0, chosenEverColumn], [days, C, 1]), [2]) as Tensor2D;
    const unknown = tf.mul(tf.equal(chosenEver, 0).toFloat(), minusInfinity);
    terms.push(tf.gather(tf.add(byDay, unknown), dayOf));
  }
  if (batch.repeats !== undefined) {
    const weights = columnOf(variables['repeat/weights']!);
    const bonus = tf.squeeze(tf.matMul(batch.repeats.features, weights), [1]) as Tensor1D; // [B · L]
    const B = batch.users.active.shape[0];
    terms.push(tf.unsortedSegmentSum(bonus, batch.repeats.cells, B * C).reshape([B, C]) as Tensor2D);
  }
  return terms;
}

/** The same of the labels, [P] each; a label is known on its day. */
function labelAdditions(
  variables: Readonly<Record<string, Variable>>,
  { popularity, repeats }: BatchTensors,
): Tensor1D[] {
  const terms = [
    [popularity?.labels, 'prior/weights'],
    [repeats?.labels, 'repeat/weights'],
  ] as const;
  return terms.flatMap(([features, weights]) =>
    features === undefined ? [] : [tf.squeeze(tf.matMul(features, columnOf(variables[weights]!)), [1]) as Tensor1D],
  );
}

/** Weights of features as a column [features, 1]. */
function columnOf(weights: Variable): Tensor2D {
  return tf.mul(weights, scalarScale).expandDims(1) as Tensor2D;
}
