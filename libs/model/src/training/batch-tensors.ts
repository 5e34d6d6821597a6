import { tf } from '../tf.ts';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '../tf.ts';
import type { ModelConfig, ModelSpec } from '../config.ts';
import { dropoutFactors, seededNormal } from '../layers/seeded-random.ts';
import type { UserBatch } from '../layers/user-batch.ts';
import type { TrainingBatch } from './batch.ts';
import { profileArray, seedArrays, shapeOf, toArrays } from './batch-arrays.ts';
import type { BatchArray, BatchArrays } from './batch-arrays.ts';
import type { Competition } from './competition.ts';

/** The tensors of a training batch. B examples, P labels, C candidates, or negatives, each once. */
export interface BatchTensors {
  readonly users: UserBatch;
  /** [P] */
  readonly labelRows: Tensor1D;
  readonly labels: Tensor1D;
  readonly labelWeights: Tensor1D;
  /** [C] items that labels compete with, and [P] the label's place among them (full softmax only). */
  readonly candidates: Tensor1D;
  readonly labelColumns: Tensor1D | undefined;
  /**
   * Sampled softmax only: ln Q of the labels [P] and of the negatives [C], and [H, 2] the rows and columns of scores at which a negative
   * is a label of the example: rows are labels with label-aware attention, examples otherwise.
   */
  readonly sampled:
    { readonly labels: Tensor1D; readonly negatives: Tensor1D; readonly labelCells: Tensor2D } | undefined;
  /** [days, C, features] and [B]; with negatives also those of the labels, [P, features]. */
  readonly popularity:
    { readonly features: Tensor3D; readonly dayOf: Tensor1D; readonly labels: Tensor2D | undefined } | undefined;
  /** [M, 5] and [M]; with negatives also [P, 5]. */
  readonly repeats:
    { readonly features: Tensor2D; readonly cells: Tensor1D; readonly labels: Tensor2D | undefined } | undefined;
}

/** The tensors of a batch, without anything drawn: no dropout, and the routing logits of inference. The caller tidies them up. */
export function toTensors(
  spec: ModelSpec,
  batch: TrainingBatch,
  competition: Competition,
  negatives: Int32Array | undefined,
): BatchTensors {
  return toBatch(spec, tensorsOf(toArrays(spec, batch, competition, negatives)));
}

/** The arrays as tensors by name; the caller disposes of them. */
export function tensorsOf({ arrays, sizes }: BatchArrays): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, tensorOf(array, sizes)]));
}

/** The tensor reads the array's memory. */
export function tensorOf(array: BatchArray, sizes: BatchArrays['sizes']): Tensor {
  return tf.tensor(array.data, shapeOf(array, sizes), array.data instanceof Int32Array ? 'int32' : 'float32');
}

/** Named tensors as the loss takes them; the caller tidies up. */
export function toBatch(spec: ModelSpec, tensors: Readonly<Record<string, Tensor>>): BatchTensors {
  const get = <T extends Tensor>(name: string): T => tensors[name] as T;
  const asked = toUserBatch(spec, tensors);
  const { behaviors } = asked;
  const logits = drawnLogits(spec, behaviors.shape, tensors[seedArrays.logits] as Tensor1D | undefined);
  const users: UserBatch = { ...asked, logits };
  const dropoutSeed = tensors[seedArrays.dropout] as Tensor1D | undefined;
  return {
    users: dropoutSeed === undefined ? users : { ...users, ...noiseOf(spec.config, behaviors.shape, dropoutSeed) },
    labelRows: get('labelRows'),
    labels: get('labels'),
    labelWeights: get('labelWeights'),
    candidates: get('candidates'),
    labelColumns: tensors['labelColumns'] as Tensor1D | undefined,
    sampled:
      tensors['logExpected/labels'] === undefined
        ? undefined
        : {
            labels: get('logExpected/labels'),
            negatives: get('logExpected/candidates'),
            labelCells: get('labelCells'),
          },
    popularity:
      tensors['popularity/features'] === undefined
        ? undefined
        : {
            features: get('popularity/features'),
            dayOf: get('popularity/dayOf'),
            labels: tensors['popularity/labels'] as Tensor2D | undefined,
          },
    repeats:
      tensors['repeat/features'] === undefined
        ? undefined
        : {
            features: get('repeat/features'),
            cells: get('repeat/cells'),
            labels: tensors['repeat/labels'] as Tensor2D | undefined,
          },
  };
}

/** Named tensors as the user tower takes them, without anything drawn. */
export function toUserBatch({ userFeatures }: ModelSpec, tensors: Readonly<Record<string, Tensor>>): UserBatch {
  return {
    behaviors: tensors['behaviors'] as Tensor2D,
    ages: tensors['ages'] as Tensor2D,
    mask: tensors['mask'] as Tensor2D,
    active: tensors['active'] as Tensor2D,
    profile: userFeatures.map(({ name }) => tensors[profileArray(name)] as Tensor1D),
    userRows: tensors['userRows'] as Tensor1D | undefined,
    slots: tensors['slots'] as Tensor1D,
  };
}

/** The factors of dropout for the behaviors, and for each sublayer of a transformer. */
function noiseOf(
  { dropout, embeddingDim: D, extractor }: ModelConfig,
  [B, L]: readonly [number, number],
  seed: Tensor1D,
): Pick<UserBatch, 'inputNoise' | 'layerNoise'> {
  const inputNoise = dropoutFactors([B, L, D], dropout, seed) as Tensor3D;
  if (extractor.kind !== 'transformer') return { inputNoise };
  const ofLayers = dropoutFactors([2 * extractor.blocks, B, L, D], dropout, tf.add(seed, tf.scalar(1, 'int32')));
  return { inputNoise, layerNoise: ofLayers as Tensor4D };
}

/** Routing logits b_ij ~ N(0, σ²) [B, K, L], where the model draws them. */
function drawnLogits(
  { config: { extractor, interests: K } }: ModelSpec,
  [B, L]: readonly [number, number],
  seed: Tensor1D | undefined,
): Tensor3D | undefined {
  if (seed === undefined || extractor.kind !== 'routing') return undefined;
  return tf.mul(seededNormal([B, K, L], seed), extractor.sigma) as Tensor3D;
}
