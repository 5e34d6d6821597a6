import { tf } from '../tf.ts';
import type { Tensor1D, Tensor2D, Tensor3D } from '../tf.ts';
import type { ModelSpec } from '../config.ts';
import type { UserBatch } from '../layers/user-batch.ts';
import type { NegativeSampler } from '../loss/negative-sampler.ts';
import { repeatFeatureCount } from '../weights.ts';
import type { TrainingBatch } from './batch.ts';

/** The tensors of a training batch. B examples, P labels, C candidates (or negatives). */
export interface BatchTensors {
  readonly users: UserBatch;
  /** [P] */
  readonly labelRows: Tensor1D;
  readonly labels: Tensor1D;
  readonly labelWeights: Tensor1D;
  /** [C] item indexes that labels compete with, and [P] the label's place among them (full softmax only). */
  readonly candidates: Tensor1D;
  readonly labelColumns: Tensor1D | undefined;
  /** ln Q of the labels [P] and of the negatives [C] (sampled softmax only). */
  readonly logExpected: { readonly labels: Tensor1D; readonly negatives: Tensor1D } | undefined;
  /** [days, C, features] and [B]. */
  readonly popularity: { readonly features: Tensor3D; readonly dayOf: Tensor1D } | undefined;
  /** [B · L, 5] and [B · L]. */
  readonly repeats: { readonly features: Tensor2D; readonly cells: Tensor1D } | undefined;
}

/** What a batch's labels compete with. */
export interface Competition {
  /** Item indexes of the full softmax. */
  readonly candidates: Int32Array;
  /** [N + 1] the place of each item among them, −1 for none. */
  readonly candidatePosition: Int32Array;
  /** Drawn negatives, for the sampled softmax instead. */
  readonly negatives: Int32Array | undefined;
  readonly sampler: NegativeSampler;
}

/** The tensors of a batch; the caller tidies them up. */
export function toTensors(spec: ModelSpec, batch: TrainingBatch, competition: Competition): BatchTensors {
  const { interests: K, sequenceLength: L } = spec.config;
  const B = batch.size;
  const int1d = (values: Int32Array): Tensor1D => tf.tensor1d(values, 'int32');
  const { negatives, sampler } = competition;
  const candidates = negatives ?? competition.candidates;
  const logExpected = (items: Int32Array): Tensor1D =>
    tf.tensor1d(Float32Array.from(items, (item) => sampler.logExpectedCount(item, candidates.length)));
  return {
    users: {
      behaviors: tf.tensor2d(batch.behaviors.items, [B, L], 'int32'),
      ages: tf.tensor2d(batch.behaviors.ages, [B, L], 'int32'),
      mask: tf.tensor2d(
        Float32Array.from(batch.behaviors.items, (item) => (item === 0 ? 0 : 1)),
        [B, L],
      ),
      active: tf.tensor2d(batch.active, [B, K]),
      profile: batch.profile.map(int1d),
      userRows: batch.userRows === undefined ? undefined : int1d(batch.userRows),
      logits: batch.logits === undefined ? undefined : tf.tensor3d(batch.logits, [B, K, L]),
    },
    labelRows: int1d(batch.labelRows),
    labels: int1d(batch.labels),
    labelWeights: tf.tensor1d(batch.labelWeights),
    candidates: int1d(candidates),
    labelColumns:
      negatives === undefined
        ? int1d(Int32Array.from(batch.labels, (item) => competition.candidatePosition[item]!))
        : undefined,
    logExpected:
      negatives === undefined ? undefined : { labels: logExpected(batch.labels), negatives: logExpected(negatives) },
    popularity:
      batch.popularity === undefined
        ? undefined
        : {
            features: tf.tensor3d(batch.popularity.features, [
              batch.popularity.days,
              candidates.length,
              batch.popularity.features.length / (batch.popularity.days * candidates.length),
            ]),
            dayOf: int1d(batch.popularity.dayOf),
          },
    repeats:
      batch.repeats === undefined
        ? undefined
        : {
            features: tf.tensor2d(batch.repeats.features, [B * L, repeatFeatureCount]),
            cells: int1d(batch.repeats.cells),
          },
  };
}
